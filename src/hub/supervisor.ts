// Supervises the runs of a data folder. It finds them, knows how each one is (live, ended or unreadable), and lets the readers of the
// hub work on them in turn: counting, adoption, alerts, shipping, housekeeping. Readers do not look for runs, ends of journals or the
// locks of writers themselves. The hub makes one supervisor and plugs the readers in.
import { type FSWatcher, watch } from 'node:fs';
import type { RunId } from '../core/ids.ts';
import {
  type DataFolder,
  type JournalReader,
  type LockHolder,
  lockHolder,
  openJournal,
  runLockPath,
} from '../journal/index.ts';

export type SupervisedRun = {
  readonly runId: RunId;
} & (
  | {
      readonly kind: 'live';
      /** The number that its next record gets. */
      readonly nextSeq: number;
      /** The process that appends to its journal; undefined if that process has died. */
      readonly writer: LockHolder | undefined;
    }
  /** Its last record is `run.finished`: nothing changes any more. */
  | { readonly kind: 'ended'; readonly nextSeq: number }
  /** A later stepspan wrote it, or its files cannot be read. It is not tried again in the life of this supervisor. */
  | { readonly kind: 'unreadable' }
);

export type ReadableRun = Exclude<SupervisedRun, { readonly kind: 'unreadable' }>;

/** What a reader of the hub does at each look. */
export type RunTask = {
  /** For the log and the counter of errors. */
  readonly name: string;
  readonly look: (look: Look) => void | Promise<void>;
};

export type Look = {
  /** Those that can be read and have at least one record, newest first. */
  readonly runs: readonly ReadableRun[];
  /** All runs whose folders exist. */
  readonly present: ReadonlySet<RunId>;
  readonly nowMs: number;
};

export type SupervisorOptions = {
  readonly data: DataFolder;
  /** The longest time between two looks. A change of the folder of runs starts one at once. */
  readonly everyMs: number;
  /** In this order at each look. */
  readonly tasks: readonly RunTask[];
  /** Called for a run when it is found ended or live for the first time. */
  readonly onFound: (runId: RunId, head: { readonly nextSeq: number; readonly finished: boolean }) => void;
  readonly onUnreadable: (runId: RunId, error: unknown) => void;
  readonly onTaskError: (task: string, error: unknown) => void;
};

export type Supervisor = {
  /** How the run is now; undefined if it has no record. For a task that has changed it. */
  readonly examine: (runId: RunId) => Promise<SupervisedRun | undefined>;
  /** All runs with a record that can be read, newest first, with live ones as they are now. */
  readonly readable: () => Promise<readonly ReadableRun[]>;
  readonly liveCount: () => number;
  /** Resolves when the look that is under way, if any, has ended. */
  readonly stop: () => Promise<void>;
};

export function startSupervisor(options: SupervisorOptions): Supervisor {
  const { data, onFound, onUnreadable } = options;
  const runs = new Map<RunId, SupervisedRun>();
  /** Of live runs: a reader knows where the journal ended last, and looks only at what came after. */
  const readers = new Map<RunId, JournalReader>();

  async function examine(runId: RunId): Promise<SupervisedRun | undefined> {
    const known = runs.get(runId);
    if (known !== undefined && known.kind !== 'live') return known;
    const run = await examineNow(runId);
    if (run === undefined) runs.delete(runId);
    else runs.set(runId, run);
    if (run?.kind !== 'live') readers.delete(runId);
    if (run !== undefined && run.kind !== 'unreadable' && known === undefined)
      onFound(runId, { nextSeq: run.nextSeq, finished: run.kind === 'ended' });
    return run;
  }

  async function examineNow(runId: RunId): Promise<SupervisedRun | undefined> {
    const folder = data.runDir(runId);
    const reader = readers.get(runId) ?? openJournal(folder);
    readers.set(runId, reader);
    try {
      // The lock first: a writer releases it after its last record, so if the lock is free, that record is there.
      const writer = lockHolder(runLockPath(folder, 'writer'));
      const { nextSeq, finished } = await reader.head();
      if (nextSeq === 0) return undefined;
      return finished ? { kind: 'ended', runId, nextSeq } : { kind: 'live', runId, nextSeq, writer };
    } catch (error) {
      onUnreadable(runId, error);
      return { kind: 'unreadable', runId };
    }
  }

  /** Examines every run once; the ended ones are known already. @returns newest first */
  async function examineAll(): Promise<readonly RunId[]> {
    const runIds = data.listRunIds();
    const present = new Set(runIds);
    for (const runId of [...runs.keys(), ...readers.keys()]) {
      if (present.has(runId)) continue;
      runs.delete(runId);
      readers.delete(runId);
    }
    for (const runId of runIds) await examine(runId);
    return runIds;
  }

  function readableOf(runIds: readonly RunId[]): readonly ReadableRun[] {
    return runIds.flatMap((runId) => {
      const run = runs.get(runId);
      return run === undefined || run.kind === 'unreadable' ? [] : [run];
    });
  }

  async function look(isStopped: () => boolean): Promise<void> {
    const runIds = await examineAll();
    for (const task of options.tasks) {
      if (isStopped()) return;
      try {
        // A task sees what the one before it has done: adoption ends runs.
        await task.look({ runs: readableOf(runIds), present: new Set(runIds), nowMs: Date.now() });
      } catch (error) {
        options.onTaskError(task.name, error);
      }
    }
  }

  const watching = watchFolder(data.runsDir, options.everyMs, look);
  return {
    examine,
    readable: async () => readableOf(await examineAll()),
    liveCount: () => [...runs.values()].filter(({ kind }) => kind === 'live').length,
    stop: watching.stop,
  };
}

/** A run makes its folders in a few steps; they become one look. */
const gatherMs = 50;

/** Looks when the folder changes, and at the latest after `everyMs`: nothing reports a death, and not every file system changes. */
function watchFolder(folder: string, everyMs: number, look: (isStopped: () => boolean) => Promise<void>) {
  let timer: NodeJS.Timeout | undefined;
  let dueAt = Number.POSITIVE_INFINITY;
  let looking: Promise<void> | undefined;
  let stopped = false;

  const schedule = (ms: number): void => {
    const at = performance.now() + ms;
    if (stopped || at >= dueAt) return;
    clearTimeout(timer);
    dueAt = at;
    timer = setTimeout(run, ms);
  };
  function run(): void {
    dueAt = Number.POSITIVE_INFINITY;
    // A change during a look is looked at after it, as that look may have passed the run already.
    if (looking !== undefined) {
      void looking.then(() => schedule(gatherMs));
      return;
    }
    looking = look(() => stopped).finally(() => {
      looking = undefined;
      schedule(everyMs);
    });
  }
  const watcher = openWatcher(folder, () => schedule(gatherMs));
  schedule(0);
  return {
    async stop(): Promise<void> {
      stopped = true;
      clearTimeout(timer);
      watcher?.close();
      await looking;
    },
  };
}

/** Undefined if the kernel has no watches left. */
function openWatcher(folder: string, onChange: () => void): FSWatcher | undefined {
  try {
    const watcher = watch(folder, onChange);
    watcher.on('error', () => watcher.close());
    return watcher;
  } catch {
    return undefined;
  }
}
