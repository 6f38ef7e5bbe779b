// Where the demo happens: a folder of its own with a copy of the sample, and the environment of the run. Starts nothing.
import { accessSync, constants, cpSync, mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { claudeTestEnvironment } from './messages-api/environment.ts';

export const clone = path.resolve(import.meta.dirname, '..');

export type Place = {
  readonly folder: string;
  readonly workflow: string;
  /** What the steps work on. */
  readonly sample: string;
  /** For Claude Code, so that nobody's settings or login are used. */
  readonly home: string;
};

/** Makes it below the system's folder for temporary files. It stays after the run, for who wants to look at the edit. */
export function makePlace(): Place {
  const folder = mkdtempSync(path.join(tmpdir(), 'stepspan-demo-'));
  const place = {
    folder,
    workflow: path.join(folder, 'workflow.yaml'),
    sample: path.join(folder, 'sample'),
    home: path.join(folder, 'home'),
  };
  cpSync(path.join(import.meta.dirname, 'workflow.yaml'), place.workflow);
  cpSync(path.join(import.meta.dirname, 'sample'), place.sample, { recursive: true });
  mkdirSync(place.home);
  return place;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** The person's environment without anything that would lead Claude Code to their account, or to another API than ours. */
export function scriptedEnvironment(given: Environment, place: Place, apiUrl: string): Environment {
  const kept = Object.entries(given).filter(([name]) => !/^(ANTHROPIC|CLAUDE)/.test(name));
  return {
    ...commonEnvironment(Object.fromEntries(kept)),
    ...claudeTestEnvironment({ apiUrl, home: place.home }),
    PATH: pathWithThisNode(given),
    STEPSPAN_CLAUDE: path.join(clone, 'node_modules', '.bin', 'claude'),
  };
}

/** The person's environment and Claude Code: theirs where they have one, else that of this clone. */
export function liveEnvironment(given: Environment): Environment & { readonly STEPSPAN_CLAUDE: string } {
  return { ...commonEnvironment(given), PATH: pathWithThisNode(given), STEPSPAN_CLAUDE: claudeOf(given) };
}

function commonEnvironment(given: Environment): Environment {
  const dataDir = given.STEPSPAN_DATA_DIR;
  // Below the clone, where git ignores it: a played run does not belong among somebody's real ones.
  return { ...given, STEPSPAN_DATA_DIR: dataDir ? path.resolve(dataDir) : path.join(clone, '.stepspan', 'demo') };
}

/** The steps run `node` by name, and a machine's own may be older than the sample's tests need. */
function pathWithThisNode(given: Environment): string {
  return [path.dirname(process.execPath), given.PATH ?? '/usr/bin:/bin'].join(path.delimiter);
}

function claudeOf(given: Environment): string {
  const asked = given.STEPSPAN_CLAUDE;
  if (asked) return asked;
  // npm puts the programs of this clone first on PATH; those are not the person's.
  const folders = (given.PATH ?? '').split(path.delimiter).filter((each) => each && !each.startsWith(clone));
  const found = folders.map((folder) => path.join(folder, 'claude')).find(isProgram);
  return found ?? path.join(clone, 'node_modules', '.bin', 'claude');
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
