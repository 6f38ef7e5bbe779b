// Cuts one stream of bytes into batches of lines. Owns the one buffer that a stream is read into, so that a batch is a
// view on it and no line is copied, except the bytes behind the last line end of a read. Called by capture, which owns the
// clock: a piece of a line waits here only until the next read or `flush`. LF is the only line end.
import { countLineEnds } from '../../text/line-ends.ts';

/** Lines of one stream, in the shape that a journal's output record wants. */
export type LineBatch = {
  /**
   * The lines as they were printed, each ended by LF but for the last when `unterminated`.
   * A view on a buffer that is read into again: it is valid only during the call. Copy what must stay.
   */
  readonly bytes: Buffer;
  /** At least 1; an unterminated last line counts. */
  readonly lineCount: number;
  /** The first line continues the batch before, which stopped without a line end. */
  readonly continues: boolean;
  /** The last line has no LF (yet): it continues with the next batch, or the stream ended there. */
  readonly unterminated: boolean;
};

/**
 * A pipe holds 64 KiB, so that much comes in one read, and at most as much waits behind the last line end of the read
 * before. The rest is for a child that enlarges its pipe.
 */
export const READ_BUFFER_BYTES = 256 * 1024;

export type LineSplitter = {
  /** The free part of the buffer, never empty. Bytes read into its start are announced to `filled`. */
  readonly room: () => Buffer;
  /**
   * Says that `count` bytes were read into the start of `room()`. Emits the complete lines; bytes without any line end are
   * emitted at once, as a piece of a line. Bytes behind the last line end wait: in fast output the next read completes them.
   */
  readonly filled: (count: number) => void;
  /** Takes bytes that were read elsewhere, by copying them. */
  readonly push: (bytes: Uint8Array) => void;
  /** How many bytes wait. */
  readonly waiting: () => number;
  /** Emits what waits, as a piece of a line. Also for the end of the stream. */
  readonly flush: () => void;
  /** Returns the buffer for the next stream. Nothing must be read into it after that. */
  readonly release: () => void;
};

/** Buffers of streams that have ended. Without them each short step would leave half a MiB for the garbage collector. */
const freeBuffers: Buffer[] = [];
/** Both streams of four steps: most runs have no more steps active at once. */
const MAX_FREE_BUFFERS = 8;

/** @param emit called synchronously with each batch; see the rule on `LineBatch.bytes` */
export function createLineSplitter(emit: (batch: LineBatch) => void, bufferBytes = READ_BUFFER_BYTES): LineSplitter {
  const reused = bufferBytes === READ_BUFFER_BYTES ? freeBuffers.pop() : undefined;
  const buffer = reused ?? Buffer.allocUnsafeSlow(bufferBytes);
  /** Bytes from `start` to `next` wait. They hold no LF. */
  let start = 0;
  /** Where the bytes of the next read go. It moves in `filled` only, as the reader has that place already. */
  let next = 0;
  let continues = false;

  /** Emits the bytes from `start` to `end`. */
  const emitUpTo = (end: number, lineCount: number, unterminated: boolean) => {
    const batch = { bytes: buffer.subarray(start, end), lineCount, continues, unterminated };
    continues = unterminated;
    emit(batch);
    start = end;
  };

  const filled = (count: number) => {
    const end = next + count;
    // Only the new bytes are searched: what waits holds no LF.
    const behindLast = next + buffer.subarray(next, end).lastIndexOf(LF) + 1;
    if (behindLast > next) {
      emitUpTo(behindLast, countLineEnds(buffer.subarray(start, behindLast)), false);
    } else {
      const pieceEnd = end === bufferBytes ? end : withoutPartOfCharacter(buffer, start, end);
      if (pieceEnd > start) emitUpTo(pieceEnd, 1, true);
    }
    if (start > 0) buffer.copyWithin(0, start, end);
    next = end - start;
    start = 0;
  };

  return {
    room: () => buffer.subarray(next),
    filled,
    push(bytes) {
      for (let at = 0; at < bytes.length; ) {
        const count = Math.min(bytes.length - at, bufferBytes - next);
        buffer.set(bytes.subarray(at, at + count), next);
        filled(count);
        at += count;
      }
    },
    waiting: () => next - start,
    flush() {
      if (next > start) emitUpTo(next, 1, true);
    },
    release() {
      if (bufferBytes === READ_BUFFER_BYTES && freeBuffers.length < MAX_FREE_BUFFERS) freeBuffers.push(buffer);
    },
  };
}

const LF = 0x0a;

/**
 * Where a UTF-8 character begins that the bytes before `end` do not complete; `end` if there is none. Readers get pieces
 * as text, in which half a character would be lost.
 */
function withoutPartOfCharacter(bytes: Buffer, start: number, end: number): number {
  for (let at = end - 1; at >= Math.max(start, end - MAX_PART_BYTES); at--) {
    const byte = bytes[at] ?? 0;
    if (byte < 0x80) return end;
    // 10xxxxxx continues a character; 110xxxxx, 1110xxxx and 11110xxx begin one of 2, 3 and 4 bytes.
    if (byte >= 0xc0) return at + (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) > end && byte < 0xf8 ? at : end;
  }
  return end;
}

/** A character has at most 4 bytes, so at most 3 of an incomplete one. */
const MAX_PART_BYTES = 3;
