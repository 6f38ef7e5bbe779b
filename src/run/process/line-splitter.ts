// Cuts one stream of bytes into batches of complete lines. Owns the one buffer that a stream is read into, so that a
// batch is a view on it and no line is copied, but for the incomplete one at the end of a read.
// Knows nothing of processes, encodings or what a line means: LF is the only byte that it looks at.
import { countLineEnds } from '../../event/line-ends.ts';

/** Lines of one stream, in the shape that a journal's output record wants. */
export type LineBatch = {
  /**
   * The lines as they were printed, each ended by LF but for the last when `unterminated`.
   * A view on a buffer that is read into again: it is valid only during the call it is given to. Copy what must stay.
   */
  readonly bytes: Buffer;
  /** At least 1; an unterminated last line counts. */
  readonly lineCount: number;
  /** The first line goes on where the batch before stopped without a line end. */
  readonly continues: boolean;
  /** The last line has no LF: the stream ended there, or the line is longer than the bound and goes on. */
  readonly unterminated: boolean;
};

/**
 * A longer line is given in parts of exactly this size, so that a child that prints no LF cannot fill the memory.
 * 1 MiB holds every line that a person reads and nearly every stream-json message; two streams of each of eight parallel
 * steps make 16 MiB at most, of which only the pages ever written are resident.
 */
export const MAX_LINE_BYTES = 1 << 20;

export type LineSplitter = {
  /** The free part of the buffer, never empty. Bytes read into its start are told by `filled`. */
  readonly room: () => Buffer;
  /** Says that `count` bytes stand at the start of `room()`; gives what became complete. */
  readonly filled: (count: number) => void;
  /** Takes bytes that were read elsewhere, by copying them. */
  readonly push: (bytes: Uint8Array) => void;
  /** The stream is over: gives the incomplete line, if there is one. */
  readonly end: () => void;
};

/**
 * @param emit called synchronously with each batch; see the rule on `LineBatch.bytes`
 * @param maxLineBytes bound of one line in bytes, and the size of the buffer
 */
export function createLineSplitter(emit: (batch: LineBatch) => void, maxLineBytes = MAX_LINE_BYTES): LineSplitter {
  const buffer = Buffer.allocUnsafeSlow(maxLineBytes);
  /** Length of the incomplete line at the start of the buffer. It holds no LF and is below `maxLineBytes`. */
  let tail = 0;
  let continues = false;

  const give = (length: number, lineCount: number, unterminated: boolean) => {
    const batch = { bytes: buffer.subarray(0, length), lineCount, continues, unterminated };
    continues = unterminated;
    emit(batch);
  };

  const filled = (count: number) => {
    const end = tail + count;
    // Only the new bytes are searched: a long line that arrives in small reads would else cost its length squared.
    const lastOfNew = buffer.subarray(tail, end).lastIndexOf(LF);
    if (lastOfNew === -1) {
      tail = end;
      if (tail === maxLineBytes) {
        tail = 0;
        give(maxLineBytes, 1, true);
      }
      return;
    }
    const next = tail + lastOfNew + 1;
    give(next, countLineEnds(buffer.subarray(tail, next)), false);
    buffer.copyWithin(0, next, end);
    tail = end - next;
  };

  return {
    room: () => buffer.subarray(tail),
    filled,
    push(bytes) {
      for (let start = 0; start < bytes.length; ) {
        const count = Math.min(bytes.length - start, maxLineBytes - tail);
        buffer.set(bytes.subarray(start, start + count), tail);
        filled(count);
        start += count;
      }
    },
    end() {
      if (tail === 0) return;
      const length = tail;
      tail = 0;
      give(length, 1, true);
    },
  };
}

const LF = 0x0a;
