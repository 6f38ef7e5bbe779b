// How much the pipe of a child's output holds. A larger pipe lets a fast child and stepspan work at the same time: with 64 KiB
// each waits for the other at every read. But what is in the pipe is lost if stepspan is killed, so a pipe is large only while
// its child prints faster than it is read. Called by capture, after each read.
import { loadLibc } from './libc.ts';

/** What a pipe of Linux holds if nobody changes it (pipe(7)). */
const USUAL_PIPE_BYTES = 64 * 1024;

/**
 * What the pipe of a fast child holds, and the most that one can hold without privileges (fs.pipe-max-size). If the user's pipes
 * hold 64 MiB together (fs.pipe-user-pages-soft), the system refuses and the pipe stays as it was.
 */
export const MAX_PIPE_BYTES = 1 << 20;

/** So many reads in a row that found a whole pipe full: the child waits for us. Half a MiB, a few milliseconds. */
const FULL_READS_TO_GROW = 8;
/** So many reads in a row that found less: the child no longer waits. */
const SMALL_READS_TO_SHRINK = 64;

export type PipeSize = {
  readonly noteRead: (bytes: number) => void;
};

/** @param source the reading end of a pipe; the size of anything else stays as it is */
export function createPipeSize(source: unknown): PipeSize {
  if (typeof source !== 'number') return { noteRead: () => undefined };
  let size: 'usual' | 'large' | 'refused' = 'usual';
  /** Reads in a row that speak for a change. */
  let streak = 0;
  return {
    noteRead(bytes) {
      const isFull = bytes >= USUAL_PIPE_BYTES;
      if (size === 'refused') return;
      streak = isFull === (size === 'usual') ? streak + 1 : 0;
      if (size === 'usual' && streak >= FULL_READS_TO_GROW) {
        size = loadLibc()?.setPipeSize(source, MAX_PIPE_BYTES) === true ? 'large' : 'refused';
        streak = 0;
      } else if (size === 'large' && streak >= SMALL_READS_TO_SHRINK) {
        // Refused while more than that is in it; then the next reads ask again.
        if (loadLibc()?.setPipeSize(source, USUAL_PIPE_BYTES) === true) size = 'usual';
        streak = 0;
      }
    },
  };
}
