// What became of standard output, for the end of every command: whether anything was printed on it, whether it could be written,
// and, for a command with `--json` that was refused, an object that says why. Called by main.ts alone.
import { stripAnsi } from '../text/ansi.ts';

export type StandardOutput = {
  /** Resolves when all that was printed is written, or could not be. */
  readonly settled: () => Promise<void>;
  /** One sentence, if it could not be written for another reason than that its reader has gone. */
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

/** Of the messages of a refusal: nobody reads more. */
const maxMessageLength = 64 * 1024;

export type RefusalNote = {
  /** The object to print, if the command ends with this exit code and has printed nothing on standard output. */
  readonly refusal: (exitCode: number) => string | undefined;
};

/** Listens to both streams of a command with `--json`: what it said on standard error is why it was refused. */
export function noteRefusal(stdout: NodeJS.WriteStream, stderr: NodeJS.WriteStream): RefusalNote {
  let hasPrinted = false;
  let said = '';
  listen(stdout, () => {
    hasPrinted = true;
  });
  listen(stderr, (text) => {
    if (said.length < maxMessageLength) said += text;
  });
  return {
    refusal(exitCode) {
      if (hasPrinted) return undefined;
      const message = stripAnsi(said.replace(/^stepspan: /gm, '')).trim();
      return JSON.stringify({ error: { exitCode, message } });
    },
  };
}

/** Whether the words of a command line ask for JSON; what follows `--` is another program's. */
export function wantsJson(words: readonly string[]): boolean {
  const end = words.indexOf('--');
  return words.slice(0, end === -1 ? words.length : end).includes('--json');
}

function listen(stream: NodeJS.WriteStream, onText: (text: string) => void): void {
  const write = stream.write.bind(stream) as (...args: unknown[]) => boolean;
  stream.write = (...args: unknown[]): boolean => {
    const [chunk] = args;
    const text = typeof chunk === 'string' ? chunk : Buffer.from(chunk as Uint8Array).toString('utf8');
    if (text !== '') onText(text);
    return write(...args);
  };
}
