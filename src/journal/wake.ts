// Wakes a reader when a journal grows, also when another process writes it: fs.watch, and a slow look of its own in
// case that says nothing (network disks, no watches left).
import { type FSWatcher, watch } from 'node:fs';

export type Wake = {
  /** Counts the signs of growth. Take it before reading, and hand it to `wait`: then no sign is missed in between. */
  readonly seen: () => number;
  /** Notes that the folder was looked through after that many signs. */
  readonly looked: (seen: number) => void;
  /**
   * Whether there was no sign since `seen`, and no file has come or gone since the folder was looked through: then who has
   * read the last file to its end does not have to look again. False without a watch, which would notice files.
   */
  readonly isQuiet: (seen: number) => boolean;
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
  /** How many signs there were when the last file came or went, and when the folder was last looked through. */
  let filesAt = 0;
  let lookedAt = -1;
  let wakeUp: (() => void) | undefined;
  let watcher: FSWatcher | undefined;
  const sign = (): void => {
    signs += 1;
    wakeUp?.();
  };
  // One timer for as long as it lives, however often it waits: a line that comes should cost no timer.
  let timer: NodeJS.Timeout | undefined;
  const lookNowAndThen = (): void => {
    clearInterval(timer);
    timer = setInterval(() => wakeUp?.(), watcher === undefined ? polls.blindMs : polls.watchedMs);
  };
  const unwatch = (): void => {
    watcher?.close();
    watcher = undefined;
    lookNowAndThen();
  };
  /** @returns whether there is a watch now */
  const tryWatch = (): boolean => {
    try {
      watcher = watch(folder, (what) => {
        if (what === 'rename') filesAt = signs + 1;
        // The writer in this process has signalled already what it appended.
        else if (onAppend !== undefined) return;
        sign();
      });
      // Nothing signals what came before the watch.
      filesAt = signs + 1;
      watcher.on('error', unwatch);
      lookNowAndThen();
      return true;
    } catch {
      // Not there yet, or no watches left: the poll does it, and tries again.
      return false;
    }
  };
  const stopListening = onAppend?.(sign);
  signal?.addEventListener('abort', sign);
  lookNowAndThen();
  tryWatch();
  return {
    seen: () => signs,
    looked(seen) {
      lookedAt = seen;
    },
    isQuiet: (seen) => watcher !== undefined && signs === seen && lookedAt >= filesAt,
    wait(seen) {
      if (signs !== seen || signal?.aborted) return Promise.resolve();
      // Nothing signals what came before the watch, so it is time to look.
      if (watcher === undefined && tryWatch()) return Promise.resolve();
      return new Promise((resolve) => {
        wakeUp = () => {
          wakeUp = undefined;
          resolve();
        };
      });
    },
    close() {
      unwatch();
      clearInterval(timer);
      stopListening?.();
      signal?.removeEventListener('abort', sign);
    },
  };
}
