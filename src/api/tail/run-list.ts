// The newest runs of a data folder, kept up to date for all who watch the list; nothing is looked at while nobody does.
import { type FSWatcher, watch } from 'node:fs';
import { type Catalogue, isActive, type RunSummary } from '../../runs/index.ts';

export type RunRows = {
  /** By run id, newest first. A row that has not changed is the same object. */
  readonly runs: ReadonlyMap<string, RunSummary>;
  /** False if there are older runs. */
  readonly isComplete: boolean;
};

export type RunList = {
  /** Undefined before the folder was read once. A new object whenever something has changed. */
  readonly rows: () => RunRows | undefined;
  /** @returns what ends it */
  readonly watch: (listener: () => void) => () => void;
  readonly stop: () => void;
};

/** A screen of rows many times over. */
const listedRuns = 200;

/** A new run makes its folders in a few steps; they become one look. */
const gatherMs = 50;

/** How often the active runs are looked at: as often as a person would read a number again. */
const activeEveryMs = 1_000;

/** For file systems without change notifications, and for runs whose process dies. */
const idleEveryMs = 2_000;

export function createRunList(runsDir: string, list: Catalogue['list']): RunList {
  const listeners = new Set<() => void>();
  let rows: RunRows | undefined;
  let watcher: FSWatcher | undefined;
  let timer: NodeJS.Timeout | undefined;
  let dueAt = Number.POSITIVE_INFINITY;
  let isReading = false;

  const schedule = (ms: number): void => {
    const at = performance.now() + ms;
    if (listeners.size === 0 || at >= dueAt) return;
    clearTimeout(timer);
    dueAt = at;
    timer = setTimeout(() => {
      dueAt = Number.POSITIVE_INFINITY;
      if (isReading) schedule(gatherMs);
      else read().catch(() => schedule(idleEveryMs));
    }, ms);
  };

  const read = async (): Promise<void> => {
    isReading = true;
    try {
      const page = await list({ limit: listedRuns });
      const before = rows?.runs;
      const runs = new Map(page.runs.map((run) => [run.runId, sameRow(before?.get(run.runId), run)]));
      const isChanged = runs.size !== before?.size || [...runs].some(([runId, run]) => before.get(runId) !== run);
      if (isChanged) rows = { runs, isComplete: page.next === undefined };
      const hasActive = page.runs.some(({ state }) => isActive(state));
      schedule(hasActive ? activeEveryMs : idleEveryMs);
      if (isChanged) for (const listener of [...listeners]) listener();
    } finally {
      isReading = false;
    }
  };

  const start = (): void => {
    try {
      watcher = watch(runsDir, () => schedule(gatherMs));
      watcher.on('error', () => watcher?.close());
    } catch {
      // The folder is not there yet, or no watches are left: the list is read at its own pace.
    }
    schedule(0);
  };

  const stop = (): void => {
    listeners.clear();
    clearTimeout(timer);
    dueAt = Number.POSITIVE_INFINITY;
    watcher?.close();
    watcher = undefined;
    rows = undefined;
  };

  return {
    rows: () => rows,
    watch(listener) {
      listeners.add(listener);
      if (listeners.size === 1) start();
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0) stop();
      };
    },
    stop,
  };
}

function sameRow(before: RunSummary | undefined, now: RunSummary): RunSummary {
  return before !== undefined && JSON.stringify(before) === JSON.stringify(now) ? before : now;
}
