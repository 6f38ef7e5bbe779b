// Where things are in the data folder. Every path below it is made here and nowhere else; outside text becomes a path
// only through `isRunId` or `isName`, so `../` and its kin cannot get in.
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { isAbsolute, join, resolve, sep } from 'node:path';
import { isRunId, type RunId } from '../core/ids.ts';
import { makeFolder } from './make-folder.ts';
import { namesIn } from './names-in.ts';

/** The folders and files of one run, whether or not they exist. */
export type RunFolder = {
  readonly runId: RunId;
  readonly dir: string;
  readonly journalDir: string;
  readonly cursorsDir: string;
  readonly locksDir: string;
  readonly refusedDir: string;
  /** What a notifier knows of the run's alerts. */
  readonly alertsFile: string;
  /** A saved fold of the journal, for lists of runs. May be missing or old. */
  readonly summaryFile: string;
  /** Where the process of the run says how to control it. */
  readonly controlFile: string;
};

export type FoundRun =
  | { readonly kind: 'found'; readonly runId: RunId }
  | { readonly kind: 'none'; readonly message: string }
  | { readonly kind: 'ambiguous'; readonly message: string; readonly candidates: readonly RunId[] };

export type DataFolder = {
  readonly root: string;
  readonly runsDir: string;
  /** Locks of working folders, which all runs share. */
  readonly locksDir: string;
  /** Where a running hub says how to reach it. */
  readonly hubFile: string;
  /** Its time says when the size of the folder was last added up. */
  readonly sizeCheckFile: string;
  readonly hub: {
    readonly dir: string;
    readonly lock: string;
    /** Counters and positions of its metrics. */
    readonly metrics: string;
    /** What lists of runs show of the runs that have ended; can be deleted at any time. */
    readonly endedRuns: string;
    /** Which texts the archived runs cannot hold; can be deleted at any time. */
    readonly searchIndex: string;
  };
  /** By what they allow: secrets, made by the first server of the folder. */
  readonly tokenFiles: { readonly control: string; readonly read: string };
  /** All runs, newest first; the same array as long as no run has come or gone. */
  readonly listRunIds: () => readonly RunId[];
  readonly runDir: (runId: RunId) => RunFolder;
  /**
   * The run that `text` names: its id, the start or the end of it if only one run has it, or `latest`: the newest that is not
   * marked by `markProbe`.
   */
  readonly findRun: (text: string) => FoundRun;
};

/** So many candidates are named in the message about an ambiguous name; more would not fit a line. */
const namedCandidates = 5;

/**
 * `$STEPSPAN_DATA_DIR`, else `$XDG_STATE_HOME/stepspan`, else `~/.local/state/stepspan` (XDG Base Directory 0.8).
 * @throws if there is no home
 */
export function dataRoot(env: NodeJS.ProcessEnv = process.env): string {
  if (env.STEPSPAN_DATA_DIR) return resolve(env.STEPSPAN_DATA_DIR);
  const state = env.XDG_STATE_HOME;
  // The specification has relative paths ignored.
  if (state !== undefined && isAbsolute(state)) return join(state, 'stepspan');
  const home = homeFolder(env);
  if (home === undefined) {
    throw new Error('HOME is not set and this user has no home folder; set STEPSPAN_DATA_DIR to a folder of your own');
  }
  return join(home, '.local', 'state', 'stepspan');
}

/**
 * $HOME if it is an absolute path, else the home of the user's account: with an empty HOME, everything would be in the folder
 * that one happens to be in. Undefined for a user without an account, as in some containers.
 */
export function homeFolder(env: NodeJS.ProcessEnv): string | undefined {
  const { HOME } = env;
  if (HOME !== undefined && isAbsolute(HOME)) return HOME;
  try {
    const account = userInfo().homedir;
    return isAbsolute(account) ? account : undefined;
  } catch {
    return undefined;
  }
}

/** @param root the data folder; it is made when the first run is */
export function dataFolder(root: string = dataRoot()): DataFolder {
  const runsDir = join(root, 'runs');
  const hubDir = join(root, 'hub');
  const listRunIds = createRunIdList(runsDir);
  return {
    root,
    runsDir,
    locksDir: join(root, 'locks'),
    hubFile: join(root, 'hub.json'),
    sizeCheckFile: join(root, 'size-checked'),
    hub: {
      dir: hubDir,
      lock: join(hubDir, 'hub.lock'),
      metrics: join(hubDir, 'metrics.json'),
      endedRuns: join(hubDir, 'ended-runs.jsonl'),
      searchIndex: join(hubDir, 'search-index'),
    },
    tokenFiles: { control: join(root, 'token'), read: join(root, 'token.read') },
    listRunIds,
    runDir(runId) {
      if (!isRunId(runId)) throw new Error(`${JSON.stringify(runId)} is not a run id, and would become a path`);
      return runFolderAt(`${runsDir}${sep}${runId}`, runId);
    },
    findRun: (text) => findRun(listRunIds(), text, runsDir, (runId) => existsSync(probePath(runsDir, runId))),
  };
}

/**
 * Two changes of a folder within one tick of the file system's clock (10 ms at most on Linux, 2 s on FAT) leave the same time. So a
 * time says that nothing has changed since only if it was this old when the folder was read.
 */
export const settledAfterMs = 2_000;

/** A list that is still right by the time of the folder is made again after so long all the same, for a file system that keeps none. */
const listedForMs = 60_000;

/** Reading the names of ten thousand runs takes 10 ms; asking for the time of their folder 5 µs. */
function createRunIdList(runsDir: string): () => readonly RunId[] {
  let runIds: readonly RunId[] = [];
  let listedAt = Number.NEGATIVE_INFINITY;
  /** Time of the folder, if it was long past when the folder was read. */
  let settledMs: number | undefined;
  return () => {
    const changedMs = statSync(runsDir, { throwIfNoEntry: false })?.mtimeMs;
    const now = performance.now();
    if (changedMs !== undefined && changedMs === settledMs && now - listedAt < listedForMs) return runIds;
    const names = namesIn(runsDir).filter(isRunId).sort().reverse();
    settledMs = changedMs !== undefined && Date.now() - changedMs > settledAfterMs ? changedMs : undefined;
    listedAt = now;
    if (names.length !== runIds.length || names.some((name, index) => name !== runIds[index])) runIds = names;
    return runIds;
  };
}

/** Makes the folders of a run. */
export function makeRunFolder(folder: RunFolder): void {
  for (const dir of [folder.journalDir, folder.cursorsDir, folder.locksDir]) makeFolder(dir);
}

/** Marks a run that only checks whether telemetry arrives, before it starts: `latest` is never one of those. */
export function markProbe(folder: RunFolder): void {
  makeFolder(folder.dir);
  writeFileSync(join(folder.dir, probeFile), '');
}

const probeFile = 'probe';

function probePath(runsDir: string, runId: RunId): string {
  return join(runsDir, runId, probeFile);
}

/** The file of a reader's cursor. */
export function cursorPath(folder: RunFolder, reader: string): string {
  return join(folder.cursorsDir, `${checkedName(reader)}.json`);
}

/** The file of a lock of a run: `writer` (who may append), `ship` (who may ship), `notify` (who may send alerts), `archive`. */
export function lockPath(folder: RunFolder, name: string): string {
  return join(folder.locksDir, `${checkedName(name)}.lock`);
}

/** The file that keeps room on the disk for the end of a run while it is active. */
export function reservePath(folder: RunFolder): string {
  return join(folder.dir, 'reserve');
}

/** The readers that have a cursor in this run. */
export function readersOf(folder: RunFolder): string[] {
  return namesIn(folder.cursorsDir)
    .filter((name) => name.endsWith('.json'))
    .map((name) => name.slice(0, -'.json'.length))
    .filter((name) => isName(name))
    .sort();
}

/** Put together by hand: `join` checks each part, and a hub makes the paths of ten thousand runs a minute. */
function runFolderAt(dir: string, runId: RunId): RunFolder {
  const at = `${dir}${sep}`;
  return {
    runId,
    dir,
    journalDir: `${at}journal`,
    cursorsDir: `${at}cursors`,
    locksDir: `${at}locks`,
    refusedDir: `${at}refused`,
    alertsFile: `${at}alerts.json`,
    summaryFile: `${at}summary.json`,
    controlFile: `${at}control.json`,
  };
}

function findRun(
  runIds: readonly RunId[],
  text: string,
  runsDir: string,
  isProbe: (runId: RunId) => boolean,
): FoundRun {
  const newest = runIds[0];
  if (newest === undefined) return { kind: 'none', message: `There are no runs in ${runsDir}.` };
  if (text === 'latest') {
    const latest = runIds.find((runId) => !isProbe(runId));
    if (latest !== undefined) return { kind: 'found', runId: latest };
    return { kind: 'none', message: `There are no runs in ${runsDir} but those of stepspan doctor.` };
  }
  const exact = runIds.find((runId) => runId === text);
  if (exact !== undefined) return { kind: 'found', runId: exact };
  const candidates = text === '' ? [] : runIds.filter((runId) => runId.startsWith(text) || runId.endsWith(text));
  const [only, ...others] = candidates;
  if (only === undefined) {
    const message = `No run in ${runsDir} has the id ${JSON.stringify(text)}, nor begins or ends with it. The latest is ${newest}.`;
    return { kind: 'none', message };
  }
  if (others.length === 0) return { kind: 'found', runId: only };
  const named = candidates.slice(0, namedCandidates).join(', ');
  const more = candidates.length > namedCandidates ? ` and ${candidates.length - namedCandidates} more` : '';
  const message = `${JSON.stringify(text)} fits ${candidates.length} runs: ${named}${more}. Give more of the id.`;
  return { kind: 'ambiguous', message, candidates };
}

function checkedName(name: string): string {
  if (!isName(name))
    throw new Error(`${JSON.stringify(name)} cannot name a file: use a-z, 0-9, "-" and "_", 64 at most`);
  return name;
}

function isName(name: string): boolean {
  return /^[a-z0-9][a-z0-9_-]{0,63}$/.test(name);
}
