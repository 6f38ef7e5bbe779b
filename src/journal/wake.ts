// Wakes a reader when a journal grows, also when another process writes it: fs.watch, and a slow look of its own in
// case that says nothing (network disks, no watches left).
import { type FSWatcher, watch } from 'node:fs';
import { createSignal } from '../core/signal.ts';

export type Wake = {
  /** Counts signs of growth; that it is time to look anyway is one too. Take it before reading, and pass it to `wait`. */
  readonly seen: () => number;
  /** Notes that the folder was looked through after that many signs. */
  readonly looked: (seen: number) => void;
  /**
   * Whether there was no sign since `seen`, and no file has come or gone since the folder was looked through: then who has
   * read the last file to its end does not have to look again. False without a watch, which would notice files.
   */
  readonly isQuiet: (seen: number) => boolean;
  /** Resolves when there was a sign since `seen`, or when `signal` is aborted. */
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
  const signs = createSignal();
  /** How many signs there were when the last file came or went, and when the folder was last looked through. */
  let filesAt = 0;
  let lookedAt = -1;
  let watcher: FSWatcher | undefined;
  // One timer for as long as it lives, however often it waits: a line that comes should cost no timer.
  let timer: NodeJS.Timeout | undefined;
  const lookNowAndThen = (): void => {
    clearInterval(timer);
    timer = setInterval(signs.raise, watcher === undefined ? polls.blindMs : polls.watchedMs);
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
        if (what === 'rename') filesAt = signs.count() + 1;
        // The writer in this process has signalled already what it appended.
        else if (onAppend !== undefined) return;
        signs.raise();
      });
      // Nothing signals what came before the watch.
      filesAt = signs.count() + 1;
      watcher.on('error', unwatch);
      lookNowAndThen();
      return true;
    } catch {
      // Not there yet, or no watches left: the poll does it, and tries again.
      return false;
    }
  };
  const stopListening = onAppend?.(signs.raise);
  signal?.addEventListener('abort', signs.raise);
  lookNowAndThen();
  tryWatch();
  return {
    seen: signs.count,
    looked(seen) {
      lookedAt = seen;
    },
    isQuiet: (seen) => watcher !== undefined && signs.count() === seen && lookedAt >= filesAt,
    async wait(seen) {
      if (signs.count() !== seen || signal?.aborted) return;
      // Nothing signals what came before the watch, so it is time to look.
      if (watcher === undefined && tryWatch()) return;
      await signs.wait(seen);
    },
    close() {
      unwatch();
      clearInterval(timer);
      stopListening?.();
      signal?.removeEventListener('abort', signs.raise);
    },
  };
}
