// Supervises the runs of a data folder. It finds them, knows how each one is (live, ended or unreadable), and lets the readers of the
// hub work on them in turn: counting, adoption, alerts, shipping, housekeeping. Readers do not look for runs, ends of journals or the
// locks of writers themselves. The hub makes one supervisor and plugs the readers in.
// What a look costs depends on the runs that live or that a reader still has work for, not on how many there are.
import { type FSWatcher, watch } from 'node:fs';
import type { RunId } from '../core/ids.ts';
import { createTimeSlice } from '../core/time-slice.ts';
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
  /** Its last record is `run.finished`: nothing changes after it. */
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
  /** Those that live, and those that have ended and that the task has not settled; newest first. */
  readonly runs: readonly ReadableRun[];
  /** All runs whose folders exist; the same object as long as none comes or goes. */
  readonly present: ReadonlySet<RunId>;
  readonly nowMs: number;
  /** Says that the task has nothing more to do for a run that has ended: later looks leave it out. */
  readonly settle: (runId: RunId) => void;
  /** Any run by its id, also one that was settled; undefined if it is gone or cannot be read. */
  readonly find: (runId: RunId) => ReadableRun | undefined;
};

export type SupervisorOptions = {
  readonly data: DataFolder;
  /** The longest time between two looks. A change of the folder of runs starts one at once. */
  readonly everyMs: number;
  /** In this order at each look. */
  readonly tasks: readonly RunTask[];
  /**
   * The number behind the last record of a run that has ended for good, if that is known without a look at its journal. Undefined to
   * look.
   */
  readonly knownEnd?: (runId: RunId) => number | undefined;
  /** Called for a run when it is found ended or live for the first time in its journal. */
  readonly onFound: (runId: RunId, head: { readonly nextSeq: number; readonly finished: boolean }) => void;
  readonly onUnreadable: (runId: RunId, error: unknown) => void;
  readonly onTaskError: (task: string, error: unknown) => void;
};

export type Supervisor = {
  /** How the run is now; undefined if it has no record. For a task that has changed it. */
  readonly examine: (runId: RunId) => Promise<SupervisedRun | undefined>;
  /** All runs that were found by now and can be read, newest first, with live ones as they are now. */
  readonly readable: () => Promise<readonly ReadableRun[]>;
  readonly live: () => Iterable<RunId>;
  readonly liveCount: () => number;
  /** Runs that nobody has looked at yet: a hub that starts looks at one after the other. */
  readonly unexaminedCount: () => number;
  /** Resolves when the look that is under way, if any, has ended. */
  readonly stop: () => Promise<void>;
};

export function startSupervisor(options: SupervisorOptions): Supervisor {
  const { data } = options;
  const book = createRunBook(options);
  const tasks = options.tasks.map((task) => ({ task, work: book.worklist() }));

  async function look(isStopped: () => boolean): Promise<void> {
    await book.examineAll(isStopped);
    for (const { task, work } of tasks) {
      if (isStopped()) return;
      try {
        // A task sees what the one before it has done: adoption ends runs.
        const { find, present } = book;
        await task.look({ runs: work.runs(), present: present(), nowMs: Date.now(), settle: work.settle, find });
      } catch (error) {
        options.onTaskError(task.name, error);
      }
    }
  }

  const watching = watchFolder(data.runsDir, options.everyMs, look);
  return { ...book, stop: watching.stop };
}

/** So many new runs are examined for one question; more are examined by the look that is under way. */
const examinedAtOnce = 100;

/** What one task has to look at. */
type Worklist = { readonly runs: () => readonly ReadableRun[]; readonly settle: (runId: RunId) => void };

/** How each run of the folder is. */
function createRunBook(options: SupervisorOptions) {
  const { data } = options;
  const runs = new Map<RunId, SupervisedRun>();
  /** Of live runs: a reader knows where the journal ended last, and looks only at what came after. */
  const readers = new Map<RunId, JournalReader>();
  /** Those to examine at each look: live ones, new ones, and those without a record. */
  const open = new Set<RunId>();
  /** Those of `open` at which nobody has looked yet. */
  const unexamined = new Set<RunId>();
  const worklists = createWorklists((runIds) => readableOf(runIds));
  const { live, setLive } = worklists;
  const listing = createListing(data, { come: expect, gone: forget });

  function expect(runId: RunId): void {
    open.add(runId);
    unexamined.add(runId);
  }

  function forget(runId: RunId): void {
    runs.delete(runId);
    readers.delete(runId);
    open.delete(runId);
    unexamined.delete(runId);
    setLive(runId, false);
    worklists.settleAll(runId);
  }

  async function examine(runId: RunId): Promise<SupervisedRun | undefined> {
    const known = runs.get(runId);
    if (known !== undefined && known.kind !== 'live') return known;
    const run = await examineRun(runId, known === undefined, { ...options, readers });
    unexamined.delete(runId);
    if (run === undefined) runs.delete(runId);
    else runs.set(runId, run);
    setLive(runId, run?.kind === 'live');
    if (run?.kind !== 'live') readers.delete(runId);
    if (run?.kind === 'ended' || run?.kind === 'unreadable') open.delete(runId);
    if (run?.kind === 'ended') worklists.addAll(runId);
    return run;
  }

  async function examineEach(runIds: Iterable<RunId>, isStopped: () => boolean = () => false): Promise<void> {
    const slice = createTimeSlice();
    for (const runId of [...runIds]) {
      if (isStopped()) return;
      if (listing.present().has(runId)) await examine(runId);
      await slice();
    }
  }

  function find(runId: RunId): ReadableRun | undefined {
    const run = runs.get(runId);
    return run === undefined || run.kind === 'unreadable' ? undefined : run;
  }

  const readableOf = (runIds: readonly RunId[]): readonly ReadableRun[] =>
    runIds.map(find).filter((run) => run !== undefined);

  return {
    examine,
    find,
    present: listing.present,
    /** Examines every run once; the ended ones are known already. */
    examineAll(isStopped: () => boolean): Promise<void> {
      listing.update();
      return examineEach(open, isStopped);
    },
    async readable(): Promise<readonly ReadableRun[]> {
      listing.update();
      await examineEach(unexamined.size > examinedAtOnce ? live : open);
      return readableOf(listing.runIds());
    },
    live: () => live,
    liveCount: () => live.size,
    unexaminedCount: () => unexamined.size,
    worklist: worklists.create,
  };
}

/** The runs of the folder, as of the last update, which reports each that has come or gone. */
function createListing(data: DataFolder, on: Readonly<Record<'come' | 'gone', (runId: RunId) => void>>) {
  let runIds: readonly RunId[] = [];
  let present: ReadonlySet<RunId> = new Set();
  return {
    runIds: () => runIds,
    present: () => present,
    update(): void {
      const now = data.listRunIds();
      if (now === runIds) return;
      const before = present;
      runIds = now;
      present = new Set(now);
      for (const runId of before) if (!present.has(runId)) on.gone(runId);
      for (const runId of now) if (!before.has(runId)) on.come(runId);
    },
  };
}

type Examining = SupervisorOptions & { readonly readers: Map<RunId, JournalReader> };

/** How a run is by its journal and the lock of its writer. Undefined if it has no record. */
async function examineRun(
  runId: RunId,
  isNew: boolean,
  { data, readers, knownEnd, onFound, onUnreadable }: Examining,
): Promise<SupervisedRun | undefined> {
  const end = isNew ? knownEnd?.(runId) : undefined;
  if (end !== undefined) return { kind: 'ended', runId, nextSeq: end };
  const folder = data.runDir(runId);
  const reader = readers.get(runId) ?? openJournal(folder);
  readers.set(runId, reader);
  try {
    // The lock first: a writer releases it after its last record, so if the lock is free, that record is there.
    const writer = lockHolder(runLockPath(folder, 'writer'));
    const { nextSeq, finished } = await reader.head();
    if (nextSeq === 0) return undefined;
    if (isNew) onFound(runId, { nextSeq, finished });
    return finished ? { kind: 'ended', runId, nextSeq } : { kind: 'live', runId, nextSeq, writer };
  } catch (error) {
    onUnreadable(runId, error);
    return { kind: 'unreadable', runId };
  }
}

/** Which runs each task has to look at: those that live, and those that have ended and that it has not settled. */
function createWorklists(readableOf: (runIds: readonly RunId[]) => readonly ReadableRun[]) {
  const live = new Set<RunId>();
  const all: { readonly unsettled: Set<RunId>; order?: readonly RunId[] | undefined }[] = [];
  const reorder = (): void => {
    for (const work of all) work.order = undefined;
  };
  return {
    live,
    setLive(runId: RunId, isLive: boolean): void {
      if (isLive === live.has(runId)) return;
      if (isLive) live.add(runId);
      else live.delete(runId);
      reorder();
    },
    addAll(runId: RunId): void {
      for (const { unsettled } of all) unsettled.add(runId);
      reorder();
    },
    settleAll(runId: RunId): void {
      for (const { unsettled } of all) unsettled.delete(runId);
      reorder();
    },
    create(): Worklist {
      const work: (typeof all)[number] = { unsettled: new Set() };
      all.push(work);
      return {
        runs() {
          work.order ??= [...live, ...work.unsettled].sort().reverse();
          return readableOf(work.order);
        },
        settle(runId) {
          if (work.unsettled.delete(runId)) work.order = undefined;
        },
      };
    },
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
