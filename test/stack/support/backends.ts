// Says where the real programs of the stack tests are. install.sh puts them there and names them in backends.json; this
// file only reads that, and never installs, so that a test run cannot turn into a quarter of an hour of compiling unasked.
import { accessSync, constants, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

const NAMES = [
  'otelcol',
  'prometheus',
  'promtool',
  'alertmanager',
  'amtool',
  'composeLoad',
  'versitygw',
  'busybox',
  'socat',
] as const;

export type BackendName = (typeof NAMES)[number];
export type Backends = Record<BackendName, string>;

const REMEDY =
  'Run `bash test/stack/backends/install.sh` first; the first time takes about a quarter of an hour, later ones none.';

/** The same rule as in install.sh. An empty variable counts as not set, in both places. */
export function cacheFolder(env: NodeJS.ProcessEnv): string {
  const cache = env.STEPSPAN_CACHE_DIR || join(env.XDG_CACHE_HOME || join(env.HOME || homedir(), '.cache'), 'stepspan');
  return join(cache, 'backends');
}

/** The absolute path of every program; throws, naming install.sh, when one is missing. */
export function locateBackends(env: NodeJS.ProcessEnv = process.env): Backends {
  const path = join(cacheFolder(env), 'backends.json');
  const named = readManifest(path);
  const missing = NAMES.filter((name) => !isExecutable(named[name]));
  if (missing.length > 0) {
    throw new Error(`The stack tests need ${missing.join(', ')}, which ${path} does not lead to. ${REMEDY}`);
  }
  return named as Backends;
}

function readManifest(path: string): Partial<Backends> {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new Error(`The real backends of the stack tests are not installed: ${path} cannot be read. ${REMEDY}`, {
      cause: error,
    });
  }
}

function isExecutable(path: string | undefined): boolean {
  if (path === undefined) return false;
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
