// Archives in the background of a run that is being written, when it is quiet, and never on the path of an append.

import type { RunFolder } from '../data/data-folder.ts';
import { type ArchiveReport, archiveSealed } from './archive.ts';

export type Archiver = {
  /** A segment was closed. */
  readonly nudge: () => void;
  /** Gives up what is under way and waits until it has let go. What is left is for the hub, or the next `archiveSealed`. */
  readonly stop: () => Promise<void>;
};

/** How long a run must be quiet, and how often that is looked at while something is to be archived. */
const quietMs = 2_000;

/** Up to so much in that time counts as quiet: 2 MB/s is 1 % of what compressing takes in. */
const quietBytes = 4 * 1024 * 1024;

/** Half the time of one core at most. */
const duty = 0.5;

/** @param writtenBytes how much the run has written so far */
export function startArchiver(folder: RunFolder, writtenBytes: () => number): Archiver {
  const stopped = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<ArchiveReport | undefined> | undefined;
  let before = 0;

  const look = (): void => {
    timer = undefined;
    const written = writtenBytes();
    const quiet = written - before <= quietBytes;
    before = written;
    if (!quiet) {
      schedule();
      return;
    }
    running = archiveSealed(folder, { signal: stopped.signal, duty })
      // The run continues without an archive: its raw segments are whole, and the hub tries again.
      .catch(() => undefined)
      .finally(() => {
        running = undefined;
      });
  };
  const schedule = (): void => {
    if (timer !== undefined || stopped.signal.aborted) return;
    timer = setTimeout(look, quietMs).unref();
  };
  return {
    nudge() {
      before = writtenBytes();
      schedule();
    },
    async stop() {
      stopped.abort();
      clearTimeout(timer);
      await running;
    },
  };
}
