// Writing to a pipe, a file or a terminal at the pace of its reader, and quietly when that reader has gone.
// `stepspan tail latest | head -1` is not an error: the pipe breaks, and the command ends as if it were done.
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';

export type Output = {
  /** Resolves when the stream takes more. @returns false once nobody reads any longer */
  readonly write: (chunk: string | Buffer) => Promise<boolean>;
  /** Aborted once nobody reads any longer. */
  readonly gone: AbortSignal;
  /** Takes the listeners off again. */
  readonly release: () => void;
};

type Sink = Pick<NodeJS.WriteStream, 'write' | 'on' | 'once' | 'off'>;

export function createOutput(stream: Sink): Output {
  const controller = new AbortController();
  const onError = (error: NodeJS.ErrnoException): void => {
    // EPIPE: the reader closed its end. Anything else is a fault of the disk or the system, and is thrown where it is written.
    controller.abort(error);
  };
  const onClose = (): void => controller.abort();
  stream.on('error', onError);
  stream.on('close', onClose);
  return {
    async write(chunk) {
      if (!controller.signal.aborted && !stream.write(chunk)) await drained(stream, controller.signal);
      if (!controller.signal.aborted) return true;
      const { reason } = controller.signal as { reason: NodeJS.ErrnoException };
      if (
        reason.code !== undefined &&
        reason.code !== 'EPIPE' &&
        reason.code !== 'ECONNRESET' &&
        reason.name !== 'AbortError'
      )
        throw reason;
      return false;
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
  // For the owner only, as the journal is: output may hold what is nobody else's business.
  const stream = createWriteStream(partial, { mode: 0o600 });
  const ended = new Promise<void>((resolve, reject) => {
    stream.on('finish', resolve);
    stream.on('error', reject);
  });
  // A failure is thrown below, by whichever of writing and ending meets it first.
  ended.catch(() => undefined);
  const output = createOutput(stream as unknown as Sink);
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
