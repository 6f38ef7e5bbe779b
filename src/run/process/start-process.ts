// Starts one child: its pipes, its stdin, execa, and the message if it cannot be started. Without a shell, unless the caller
// names one as the file. Called by the engine for each attempt and for the command of `expect`.
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, type Writable } from 'node:stream';
import { execa } from 'execa';
import { toError } from '../../core/errors.ts';
import { LIFELINE_FD } from './lifeline.ts';
import { closeAll, makeOutputPipes, type OutputPipes } from './output-pipes.ts';
import { explainSpawnFailure, type SpawnFailure } from './spawn-failure.ts';
import { createProcessHandle, type HandleOptions, type StartedProcess } from './started-process.ts';

export type StartOptions = HandleOptions & {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** The whole environment: nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  /**
   * What the child reads as stdin; left out, stdin is /dev/null, or that of this process with `inheritsStdin`. A stream is passed on
   * as it comes, until it ends or the child takes no more.
   */
  readonly stdin?: string | Uint8Array | Readable | undefined;
  readonly inheritsStdin?: boolean | undefined;
  /** stderr goes into the pipe of stdout, in the order in which the child writes. */
  readonly joinsStderr?: boolean | undefined;
};

/** Starts the child in a session and process group of its own. Never rejects: a child that cannot be started is a result. */
export async function startProcess(options: StartOptions): Promise<StartedProcess | SpawnFailure> {
  const made = await makeOutputPipes(options.marker ?? []);
  const pipes = 'unavailable' in made ? undefined : made;
  let stdin: number | undefined;
  try {
    const source = options.stdin instanceof Readable ? options.stdin : undefined;
    if (options.stdin !== undefined && !(options.stdin instanceof Readable)) {
      const input = openInput(options.stdin);
      if (typeof input !== 'number') return failedInput(options.file, input.unavailable, pipes);
      stdin = input;
    }
    const child = execa(options.file, options.args, {
      cwd: options.cwd,
      env: options.env,
      extendEnv: false,
      stdio: stdioOf(
        source === undefined ? (stdin ?? (options.inheritsStdin === true ? 0 : undefined)) : 'pipe',
        pipes,
        options.joinsStderr,
      ),
      detached: true,
      buffer: false,
      reject: false,
      cleanup: false,
    });
    if (child.pid === undefined) {
      const { cause } = await child;
      throw cause ?? new Error('it did not start, and the system does not say why');
    }
    if (source !== undefined) feed(source, child.nodeChildProcess.stdin);
    const notices = 'unavailable' in made ? [noticeOf(made.unavailable)] : [];
    return await createProcessHandle(
      Object.assign(child.nodeChildProcess, { pid: child.pid }),
      pipes,
      options,
      notices,
    );
  } catch (error) {
    if (pipes !== undefined) closeAll(pipes.read);
    return explainSpawnFailure(error, options);
  } finally {
    // From here on only the child and what it starts hold the writing ends, so that their end is the end of the output.
    if (pipes !== undefined) closeAll(pipes.write);
    if (stdin !== undefined) closeSync(stdin);
  }
}

/** execa passes any descriptor on, but its types know the numbers 3 to 9 only: here 3 means any of them. */
type Stdio = 'ignore' | 'pipe' | 3;

function stdioOf(
  stdin: number | 'pipe' | undefined,
  pipes: OutputPipes | undefined,
  joins = false,
): [Stdio, Stdio, Stdio, ...Stdio[]] {
  const input = stdin ?? 'ignore';
  // Node opens /dev/null for an ignored 0, 1 or 2; from 3 on it leaves the descriptor closed.
  const unused = Array<Stdio>(LIFELINE_FD - 3).fill('ignore');
  const streams =
    pipes === undefined
      ? [input, 'pipe', 'pipe']
      : [input, pipes.write.stdout, joins ? pipes.write.stdout : pipes.write.stderr, ...unused, pipes.write.lifeline];
  return streams as [Stdio, Stdio, Stdio, ...Stdio[]];
}

/** A child that has ended, or has closed its stdin, takes no more. That is not a failure to start it. */
function feed(source: Readable, stdin: Writable | null): void {
  stdin?.on('error', () => source.unpipe(stdin));
  if (stdin !== null) source.pipe(stdin);
}

function failedInput(file: string, why: string, pipes: OutputPipes | undefined): SpawnFailure {
  if (pipes !== undefined) closeAll(pipes.read);
  const message = `Cannot start \`${file}\`: its stdin could not be written to a file (${why}). Correct TMPDIR, or make room there.`;
  return { kind: 'failed', reason: 'stdin', message };
}

function noticeOf(why: string): string {
  return (
    `Output is read through sockets, as no fifo could be made (${why}): a command that opens /dev/stdout or /dev/stderr ` +
    'by name will fail, and long output is slower. Install `mkfifo` (coreutils) or point TMPDIR at another file system.'
  );
}

/**
 * What a child reads as its stdin: the bytes in a file without a name. A child can open /dev/stdin again and seek in it, which
 * it cannot with Node's pair of sockets; and nothing is left to feed or to wait for.
 * @returns a file descriptor to read the bytes from, to be closed by the caller; or why there is none
 */
function openInput(bytes: string | Uint8Array): number | { readonly unavailable: string } {
  let folder: string | undefined;
  try {
    folder = mkdtempSync(join(tmpdir(), 'stepspan-'));
    const path = join(folder, 'stdin');
    // Prompts and secrets pass through here: nobody else may read the file while it has a name.
    writeFileSync(path, bytes, { mode: 0o600 });
    return openSync(path, 'r');
  } catch (error) {
    return { unavailable: toError(error).message };
  } finally {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  }
}
