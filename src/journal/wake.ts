// Wakes a reader when a journal grows, also when another process writes it: fs.watch, and a slow look of its own in
// case that says nothing (network disks, no watches left). Knows no files but the folder.
import { type FSWatcher, watch } from 'node:fs';

export type Wake = {
  /** Counts the signs of growth. Take it before reading, and hand it to `wait`: then no sign is missed in between. */
  readonly seen: () => number;
  /** Resolves when there was a sign since `seen`, when it is time to look anyway, or when `signal` is aborted. */
  readonly wait: (seen: number) => Promise<void>;
  readonly close: () => void;
};

/** With a watch the look is for signs that were lost; a readdir and a stat a second cost nothing. */
const watchedPollMs = 1_000;

/** Without a watch the look is all there is: as fast as a person sees, at a cost of 0.1 % of a core. */
const blindPollMs = 50;

/**
 * @param onAppend signs from the writer in this very process, which are the fastest
 * @param polls how long it waits without a sign before it is time to look all the same
 */
export function createWake(
  folder: string,
  signal?: AbortSignal,
  onAppend?: (listener: () => void) => () => void,
  polls = { watchedMs: watchedPollMs, blindMs: blindPollMs },
): Wake {
  let signs = 0;
  let wakeUp: (() => void) | undefined;
  let watcher: FSWatcher | undefined;
  const sign = (): void => {
    signs += 1;
    wakeUp?.();
  };
  const unwatch = (): void => {
    watcher?.close();
    watcher = undefined;
  };
  const tryWatch = (): void => {
    try {
      watcher = watch(folder, sign);
      watcher.on('error', unwatch);
    } catch {
      // Not there yet, or no watches left: the poll does it, and tries again.
    }
  };
  const stopListening = onAppend?.(sign);
  signal?.addEventListener('abort', sign);
  tryWatch();
  return {
    seen: () => signs,
    wait(seen) {
      if (signs !== seen || signal?.aborted) return Promise.resolve();
      if (watcher === undefined) tryWatch();
      return new Promise((resolve) => {
        const done = (): void => {
          clearTimeout(timer);
          wakeUp = undefined;
          resolve();
        };
        const timer = setTimeout(done, watcher === undefined ? polls.blindMs : polls.watchedMs);
        wakeUp = done;
      });
    },
    close() {
      unwatch();
      stopListening?.();
      signal?.removeEventListener('abort', sign);
    },
  };
}
