// Starts one child: its pipes, its stdin, execa, and what to say when it cannot be started. Without a shell unless the
// caller names one as the file. Knows no workflow, no journal and no Claude.
import { closeSync } from 'node:fs';
import { execa } from 'execa';
import { openInput } from './input-file.ts';
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
  /** What the child reads as stdin; left out, stdin is /dev/null, or that of this process with `inheritsStdin`. */
  readonly stdin?: string | Uint8Array | undefined;
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
    if (options.stdin !== undefined) {
      const input = openInput(options.stdin);
      if (typeof input !== 'number') return failedInput(options.file, input.unavailable, pipes);
      stdin = input;
    }
    const child = execa(options.file, options.args, {
      cwd: options.cwd,
      env: options.env,
      extendEnv: false,
      stdio: stdioOf(stdin ?? (options.inheritsStdin === true ? 0 : undefined), pipes, options.joinsStderr),
      detached: true,
      buffer: false,
      reject: false,
      cleanup: false,
    });
    if (child.pid === undefined) {
      const { cause } = await child;
      throw cause ?? new Error('it did not start, and the system does not say why');
    }
    const notices = 'unavailable' in made ? [noticeOf(made.unavailable)] : [];
    return await createProcessHandle(
      Object.assign(child.nodeChildProcess, { pid: child.pid }),
      pipes,
      options,
      notices,
    );
  } catch (error) {
    if (pipes !== undefined) closeAll(pipes.read);
    return explainSpawnFailure(error as NodeJS.ErrnoException, options);
  } finally {
    // From here on only the child and what it starts hold the writing ends, so that their end is the end of the output.
    if (pipes !== undefined) closeAll(pipes.write);
    if (stdin !== undefined) closeSync(stdin);
  }
}

/** execa hands any descriptor on as it is, but its types know the numbers 3 to 9 only; 3 stands for all of them. */
type Stdio = 'ignore' | 'pipe' | 3;

function stdioOf(
  stdin: number | undefined,
  pipes: OutputPipes | undefined,
  joins = false,
): [Stdio, Stdio, Stdio, ...Stdio[]] {
  const input = (stdin ?? 'ignore') as Stdio;
  if (pipes === undefined) return [input, 'pipe', 'pipe'];
  const { stdout, stderr, lifeline } = pipes.write;
  // Node opens /dev/null for an ignored 0, 1 or 2; from 3 on it leaves the descriptor closed.
  const unused = Array<Stdio>(LIFELINE_FD - 3).fill('ignore');
  return [input, stdout as Stdio, (joins ? stdout : stderr) as Stdio, ...unused, lifeline as Stdio];
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
