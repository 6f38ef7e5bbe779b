// Writes to a pipe, a file or a terminal at the pace of its reader, and stops without an error when that reader is gone:
// after `stepspan tail latest | head -1` the pipe breaks, and the command ends as if it were done. Called by every command that prints.
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { errorCode } from '../core/errors.ts';

export type Output = {
  /** Resolves when the stream takes more. @returns false once nobody reads any longer */
  readonly write: (chunk: string | Buffer) => Promise<boolean>;
  /** Aborted once nobody reads any longer. */
  readonly gone: AbortSignal;
  /** Removes the listeners. */
  readonly release: () => void;
};

/** What a stream of the terminal, a pipe and a file have in common. */
type Sink = {
  readonly write: (chunk: string | Buffer) => boolean;
  readonly on: (event: 'error' | 'close', listener: (error: Error) => void) => unknown;
  readonly once: (event: 'drain', listener: () => void) => unknown;
  readonly off: (event: 'error' | 'close' | 'drain', listener: (error: Error) => void) => unknown;
};

/** The reader closed its end. Every other fault is one of the disk or the system, and is thrown where it is written. */
const goneCodes: ReadonlySet<string> = new Set(['EPIPE', 'ECONNRESET']);

export function createOutput(stream: Sink): Output {
  const controller = new AbortController();
  let failure: Error | undefined;
  const onError = (error: Error): void => {
    const code = errorCode(error);
    if (code !== undefined && !goneCodes.has(code)) failure ??= error;
    controller.abort();
  };
  const onClose = (): void => controller.abort();
  stream.on('error', onError);
  stream.on('close', onClose);
  return {
    async write(chunk) {
      if (!controller.signal.aborted && !stream.write(chunk)) await drained(stream, controller.signal);
      if (failure !== undefined) throw failure;
      return !controller.signal.aborted;
    },
    gone: controller.signal,
    release() {
      stream.off('error', onError);
      stream.off('close', onClose);
    },
  };
}

/** Writes all of it, as fast as the output takes it and no faster; stops when nobody reads any longer. */
export async function writeAll(chunks: AsyncIterable<string | Buffer>, output: Output): Promise<void> {
  for await (const chunk of chunks) if (!(await output.write(chunk))) return;
}

/** Writes a file completely or not at all: under another name first, which is removed if the export breaks. */
export async function writeFileWhole(chunks: AsyncIterable<string | Buffer>, file: string): Promise<void> {
  const partial = `${file}.partial`;
  // Readable by the owner alone, like the journal.
  const stream = createWriteStream(partial, { mode: 0o600 });
  const ended = new Promise<void>((resolve, reject) => {
    stream.on('finish', resolve);
    stream.on('error', reject);
  });
  // A failure is thrown below, by writing or by ending, whichever comes first.
  ended.catch(() => undefined);
  const output = createOutput(stream);
  try {
    await writeAll(chunks, output);
    stream.end();
    await ended;
    await rename(partial, file);
  } catch (error) {
    stream.destroy();
    await rm(partial, { force: true });
    throw error;
  } finally {
    output.release();
  }
}

function drained(stream: Sink, gone: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stream.off('drain', done);
      gone.removeEventListener('abort', done);
      resolve();
    };
    stream.once('drain', done);
    gone.addEventListener('abort', done);
    if (gone.aborted) done();
  });
}
