// The versions of Claude Code that tests use beside the installed one: which there are, what each is known to do, and how
// a test gets its program. `npm run test:versions` runs all of them, `npm test` those that are marked `everyTime`.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const installer = path.resolve(import.meta.dirname, '../claude/versions/install.sh');

/** A native package has 400 MB; a registry that takes longer than this is out of reach, in ms. */
const installLimitMs = 240_000;

export type TriedVersion = {
  readonly version: string;
  /** Where its own spans come. */
  readonly spans: 'below the step' | 'in traces of their own' | 'none';
  /** Its result line has the use of each model. */
  readonly modelUsage: boolean;
  /** Tried by `npm test` too: one of each kind, and each small. */
  readonly everyTime?: true;
};

/** From old to new: the first and last of each kind. docs/claude-versions.md shows the same table. */
export const triedVersions: readonly TriedVersion[] = [
  { version: '1.0.60', spans: 'none', modelUsage: false },
  { version: '1.0.110', spans: 'none', modelUsage: false, everyTime: true },
  { version: '2.0.0', spans: 'none', modelUsage: true },
  { version: '2.0.42', spans: 'none', modelUsage: true, everyTime: true },
  { version: '2.0.45', spans: 'none', modelUsage: true },
  { version: '2.0.72', spans: 'none', modelUsage: true },
  { version: '2.0.73', spans: 'none', modelUsage: true },
  { version: '2.1.0', spans: 'none', modelUsage: true },
  { version: '2.1.7', spans: 'in traces of their own', modelUsage: true },
  { version: '2.1.61', spans: 'in traces of their own', modelUsage: true, everyTime: true },
  { version: '2.1.105', spans: 'in traces of their own', modelUsage: true },
  { version: '2.1.112', spans: 'below the step', modelUsage: true },
  { version: '2.1.200', spans: 'below the step', modelUsage: true },
  { version: '2.1.259', spans: 'below the step', modelUsage: true },
  { version: '2.1.332', spans: 'below the step', modelUsage: true },
];

/** STEPSPAN_CLAUDE_VERSIONS is `all`, or versions with spaces between; without it those of every time. */
export const wantedVersions = triedVersions.filter(({ version, everyTime }) => {
  const asked = process.env.STEPSPAN_CLAUDE_VERSIONS || '';
  return asked === '' ? everyTime === true : asked === 'all' || asked.split(' ').includes(version);
});

export type ProvidedClaude =
  | { readonly kind: 'ready'; readonly program: string }
  /** `why` is for the name of a skipped test. */
  | { readonly kind: 'absent'; readonly why: string };

/** Installs the version into the cache unless it is there. Call it at the top of a test file, for `describe.skipIf`. */
export async function provideClaude(version: string): Promise<ProvidedClaude> {
  const program = path.join(cacheFolder(), version, 'bin/claude');
  if (existsSync(program)) return { kind: 'ready', program };
  try {
    await promisify(execFile)('bash', [installer, version], { timeout: installLimitMs });
    return { kind: 'ready', program };
  } catch (error) {
    const { stderr = '', message } = error as Error & { readonly stderr?: string };
    return { kind: 'absent', why: (stderr.trim() || message).split('\n').at(-1) ?? '' };
  }
}

function cacheFolder(): string {
  const { STEPSPAN_CACHE_DIR, XDG_CACHE_HOME } = process.env;
  const base = STEPSPAN_CACHE_DIR || path.join(XDG_CACHE_HOME || path.join(homedir(), '.cache'), 'stepspan');
  return path.join(base, 'claude-code');
}
