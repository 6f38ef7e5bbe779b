// Reads one stream of a child to its end, in batches of lines: when it is read, when it rests, and when reading stops. The
// splitter makes the lines. Called by started-process.ts.
import { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createLineSplitter, type LineBatch, type LineSplitter } from './line-splitter.ts';
import { createPipeSize, MAX_PIPE_BYTES } from './pipe-size.ts';

/** `cut`: another process still had the stream open when reading stopped; everything written until then was read. */
export type CaptureState = 'open' | 'ended' | 'cut';

export type Captured = {
  readonly state: CaptureState;
  readonly bytes: number;
  /** Lines so far, a line that came in pieces counted once. */
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
  /** Size of the buffer that is read into. */
  readonly bufferBytes?: number | undefined;
};

/**
 * How long the bytes behind the last line end of a read wait for the next read: at least this, at most twice as long.
 * Fast output fills the pipe again within a millisecond, so its lines are not cut at every read.
 */
const FRAGMENT_WAIT_MS = 20;

/** Pieces below this size cost more to record than to wait for: a frame has 64 bytes of its own, and every reader a turn. */
const SMALL_PIECE_BYTES = 4 * 1024;

/**
 * Between two small pieces of a line the stream is not read for so long. What is printed meanwhile stays in the pipe, where it
 * outlives stepspan. A child that prints byte by byte makes 50 records a second instead of thousands.
 */
const PIECE_GAP_MS = 20;

/** `resting`: between two pieces of a line. `held`: the caller has paused it. `draining`: to its end, without any rest. */
type Reading = 'flowing' | 'resting' | 'held' | 'draining';

/** @param source the reading end of a pipe, which then belongs to the capture; or a stream of Node's if there is no pipe */
export function createCapture(source: number | Readable, options: CaptureOptions): Capture {
  let state: CaptureState = 'open';
  let bytes = 0;
  let lines = 0;
  const { promise: done, resolve: finish } = Promise.withResolvers<void>();
  const splitter = createLineSplitter((batch) => {
    lines += batch.lineCount - (batch.continues ? 1 : 0);
    options.onBatch(batch);
    if (batch.unterminated && batch.bytes.length < SMALL_PIECE_BYTES) rhythm.restAfterPiece();
  }, options.bufferBytes);
  const flusher = createFlusher(splitter);
  const pipeSize = createPipeSize(source);
  const onRead = (count: number) => {
    bytes += count;
    pipeSize.noteRead(count);
    flusher.noteRead();
  };
  const stream = typeof source === 'number' ? openSocket(source, splitter, onRead) : feed(source, splitter, onRead);
  const rhythm = createRhythm(stream);

  const stop = (as: CaptureState) => {
    if (state !== 'open') return;
    state = as;
    flusher.cancel();
    rhythm.cancel();
    if (as === 'ended') options.onEnd?.();
    splitter.flush();
    stream.destroy();
    // After the stream is closed, which takes until the next turn of the event loop, nothing is read into it.
    stream.once('close', splitter.release);
    finish();
  };
  stream.once('end', () => stop('ended'));
  // A read error of a pipe leaves nothing more to read, like its end.
  stream.once('error', () => stop('ended'));
  stream.once('close', () => stop('ended'));

  return {
    captured: () => ({ state, bytes, lines }),
    done,
    pause: rhythm.pause,
    resume: rhythm.resume,
    async cut() {
      rhythm.drain();
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

/** When a stream is read and when it rests. */
function createRhythm(stream: Pick<Readable, 'pause' | 'resume'>) {
  let reading: Reading = 'flowing';
  let restTimer: NodeJS.Timeout | undefined;
  let lastPieceAt = Number.NEGATIVE_INFINITY;

  const flow = (as: 'flowing' | 'draining') => {
    if (reading === 'draining') return;
    clearTimeout(restTimer);
    reading = as;
    stream.resume();
  };
  return {
    /** The first small piece after a while is followed by no rest, so that a step that prints `done` and ends, ends at once. */
    restAfterPiece() {
      const now = performance.now();
      const isSoon = now - lastPieceAt < 2 * PIECE_GAP_MS;
      lastPieceAt = now;
      if (!isSoon || reading !== 'flowing') return;
      reading = 'resting';
      stream.pause();
      restTimer = setTimeout(flow, PIECE_GAP_MS, 'flowing');
    },
    pause() {
      if (reading === 'draining') return;
      clearTimeout(restTimer);
      reading = 'held';
      stream.pause();
    },
    resume: () => flow('flowing'),
    drain: () => flow('draining'),
    cancel: () => clearTimeout(restTimer),
  };
}

/** Flushes the part of a line that no read completes. */
function createFlusher(splitter: LineSplitter) {
  let reads = 0;
  let timer: NodeJS.Timeout | undefined;
  const flushLater = (): NodeJS.Timeout => {
    const readsBefore = reads;
    return setTimeout(() => {
      // A read since then has left a fragment of its own, which waits for its own time. So no read sets a timer.
      timer = reads === readsBefore ? undefined : flushLater();
      if (timer === undefined) splitter.flush();
    }, FRAGMENT_WAIT_MS);
  };
  return {
    noteRead() {
      reads += 1;
      if (splitter.waiting() > 0) timer ??= flushLater();
    },
    cancel: () => clearTimeout(timer),
  };
}

/**
 * Every turn of the event loop reads what its pipes hold; one without a byte has found the pipe empty. The first turn may
 * begin after this turn's reads, and one more is for a socket whose reading starts in the next turn only.
 */
const EMPTY_TURNS = 3;

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
        // True continues the reading, unless somebody has paused the socket meanwhile.
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
