// Watches standard output for the end of every command: whether anything was printed, whether it could be written, and, for a
// command with `--json` that was refused, the object that says why. Called by main.ts.
import { stripAnsi } from '../text/ansi.ts';

export type StandardOutput = {
  /** Resolves when all output is written, or has failed to be. */
  readonly settled: () => Promise<void>;
  /** One sentence if writing failed; a reader that went away is not a failure. */
  readonly failure: () => string | undefined;
  /** Whether this error is the one that `failure` reports. */
  readonly isFailure: (error: unknown) => boolean;
};

type Stream = Pick<NodeJS.WriteStream, 'on' | 'write' | 'writableLength'>;

/** The reader went away, as `| head -1` does. A run continues without it, and a command ends as if it were done. */
const goneCodes: ReadonlySet<string> = new Set(['EPIPE', 'ECONNRESET', 'ERR_STREAM_DESTROYED']);

const reasons: Readonly<Record<string, string>> = {
  ENOSPC: 'no space left on device',
  EDQUOT: 'the quota of the disk is used up',
  EFBIG: 'the file is larger than it may be',
  EIO: 'the device failed',
  EBADF: 'it is closed',
};

export function watchStandardOutput(stream: Stream): StandardOutput {
  let first: NodeJS.ErrnoException | undefined;
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (!goneCodes.has(error.code ?? '')) first ??= error;
  });
  return {
    settled: () =>
      stream.writableLength === 0
        ? new Promise((resolve) => setImmediate(resolve))
        : new Promise((resolve) => stream.write('', () => resolve())),
    failure() {
      if (first === undefined) return undefined;
      const { code = '', message } = first;
      const reason = Object.hasOwn(reasons, code) ? `${reasons[code]} (${code})` : message;
      return `standard output cannot be written: ${reason}`;
    },
    isFailure: (error) => error !== undefined && error === first,
  };
}

/** The messages of a refusal are kept up to this length: nobody reads more. */
const maxMessageLength = 64 * 1024;

export type RefusalNote = {
  /** The object to print, if the command ends with this exit code and has printed nothing on standard output. */
  readonly refusal: (exitCode: number) => string | undefined;
};

/** Listens to both streams of a command with `--json`: standard error says why it was refused. */
export function noteRefusal(stdout: NodeJS.WriteStream, stderr: NodeJS.WriteStream): RefusalNote {
  let hasPrinted = false;
  let messages = '';
  listen(stdout, () => {
    hasPrinted = true;
  });
  listen(stderr, (text) => {
    if (messages.length < maxMessageLength) messages += text;
  });
  return {
    refusal(exitCode) {
      if (hasPrinted) return undefined;
      const message = stripAnsi(messages.replace(/^stepspan: /gm, '')).trim();
      return JSON.stringify({ error: { exitCode, message } });
    },
  };
}

/** Whether a command line asks for JSON; what follows `--` belongs to another program. */
export function wantsJson(words: readonly string[]): boolean {
  const end = words.indexOf('--');
  return words.slice(0, end === -1 ? words.length : end).includes('--json');
}

/** Nothing in stepspan passes an encoding: text is UTF-8. */
function listen(stream: NodeJS.WriteStream, onText: (text: string) => void): void {
  const write = stream.write.bind(stream);
  stream.write = (chunk: string | Uint8Array, ...rest: unknown[]): boolean => {
    const text = typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8');
    if (text !== '') onText(text);
    const onWritten = rest.find((value) => typeof value === 'function');
    return write(chunk, onWritten === undefined ? undefined : (error) => onWritten(error));
  };
}
