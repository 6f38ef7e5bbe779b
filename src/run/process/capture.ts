// Reads one stream of a child to its end, in batches of lines. Owns reading, pausing, and giving up; the splitter owns lines.
import { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createLineSplitter, type LineBatch, type LineSplitter } from './line-splitter.ts';

/** `cut`: somebody still held the stream open when it was given up; all that had been written by then was read. */
export type CaptureState = 'open' | 'ended' | 'cut';

export type Captured = {
  readonly state: CaptureState;
  readonly bytes: number;
  /** Lines so far, a line that came in parts counted once. */
  readonly lines: number;
};

export type Capture = {
  readonly captured: () => Captured;
  /** Resolves when the last line has been given. Never rejects. */
  readonly done: Promise<void>;
  readonly pause: () => void;
  readonly resume: () => void;
  /** Reads what is in the pipe now, and stops there. Also ends a pause. */
  readonly cut: () => Promise<void>;
};

export type CaptureOptions = {
  readonly onBatch: (batch: LineBatch) => void;
  /** Called once, when the last writer has closed the stream and before `done`. */
  readonly onEnd?: () => void;
  readonly maxLineBytes?: number | undefined;
};

/** @param source the reading end of a pipe, which then belongs to the capture; or a stream of Node's where there is none */
export function createCapture(source: number | Readable, options: CaptureOptions): Capture {
  let state: CaptureState = 'open';
  let bytes = 0;
  let lines = 0;
  const { promise: done, resolve: finish } = Promise.withResolvers<void>();
  const splitter = createLineSplitter((batch) => {
    lines += batch.lineCount - (batch.continues ? 1 : 0);
    options.onBatch(batch);
  }, options.maxLineBytes);

  const stop = (as: CaptureState) => {
    if (state !== 'open') return;
    state = as;
    if (as === 'ended') options.onEnd?.();
    splitter.end();
    stream.destroy();
    finish();
  };
  const onRead = (count: number) => {
    bytes += count;
  };
  const stream = typeof source === 'number' ? openSocket(source, splitter, onRead) : feed(source, splitter, onRead);
  stream.once('end', () => stop('ended'));
  // A read error of a pipe leaves nothing more to read, like its end.
  stream.once('error', () => stop('ended'));
  stream.once('close', () => stop('ended'));

  return {
    captured: () => ({ state, bytes, lines }),
    done,
    pause: () => void stream.pause(),
    resume: () => void stream.resume(),
    async cut() {
      stream.resume();
      const limit = bytes + MAX_PIPE_BYTES;
      for (let empty = 0; state === 'open' && empty < EMPTY_TURNS && bytes < limit; ) {
        const before = bytes;
        await nextTurn();
        empty = bytes === before ? empty + 1 : 0;
      }
      stop('cut');
    },
  };
}

/**
 * Every turn of the event loop reads what its pipes hold; one without a byte has found the pipe empty. The first turn may
 * begin after this turn's reads, and one more is for a socket whose reading starts in the next turn only.
 */
const EMPTY_TURNS = 3;
/** As much as a pipe can hold (fs.pipe-max-size): a holder who goes on writing must not keep us reading for ever. */
const MAX_PIPE_BYTES = 1 << 20;

/** Reads straight into the splitter's buffer: no chunk objects and no copy. */
function openSocket(fd: number, splitter: LineSplitter, onRead: (count: number) => void): Socket {
  return new Socket({
    fd,
    readable: true,
    writable: false,
    onread: {
      // Asked for again after each read, as the room that is left depends on the incomplete line.
      buffer: () => splitter.room(),
      callback(count) {
        splitter.filled(count);
        onRead(count);
        // True goes on reading, unless somebody has paused the socket meanwhile.
        return true;
      },
    },
  });
}

function feed(stream: Readable, splitter: LineSplitter, onRead: (count: number) => void): Readable {
  return stream.on('data', (chunk: Buffer) => {
    splitter.push(chunk);
    onRead(chunk.length);
  });
}
