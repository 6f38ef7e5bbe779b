// Says when runs may have come or changed: fs.watch on the folder of runs, and a slow look of its own in case that says
// nothing. One call at a time, and never two for one sign.
import { type FSWatcher, watch } from 'node:fs';

export type RunsWatch = {
  /** Resolves when the call that is under way, if any, has ended. */
  readonly stop: () => Promise<void>;
  /** Asks for a call soon. */
  readonly nudge: () => void;
};

/** A run makes its folders in a few steps; they become one call. */
const gatherMs = 50;

/** @param everyMs the longest time between two calls */
export function watchRuns(runsDir: string, everyMs: number, look: () => Promise<void>): RunsWatch {
  let watcher: FSWatcher | undefined;
  let timer: NodeJS.Timeout | undefined;
  let dueAt = Number.POSITIVE_INFINITY;
  let running: Promise<void> | undefined;
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
    // A sign that comes meanwhile is waited for, so that it is not lost on a look that was nearly done.
    if (running !== undefined) {
      void running.then(() => schedule(gatherMs));
      return;
    }
    running = look().finally(() => {
      running = undefined;
      schedule(everyMs);
    });
  }
  try {
    watcher = watch(runsDir, () => schedule(gatherMs));
    watcher.on('error', () => watcher?.close());
  } catch {
    // No watches left: the slow look does it.
  }
  schedule(0);
  return {
    nudge: () => schedule(gatherMs),
    async stop() {
      stopped = true;
      clearTimeout(timer);
      watcher?.close();
      await running;
    },
  };
}
