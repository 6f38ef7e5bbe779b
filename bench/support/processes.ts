// Programs that benchmarks start: to their end, with their wall time, and without leaving any behind.
import { type ChildProcess, spawn } from 'node:child_process';

export type Ran = { readonly ms: number; readonly stdout: string; readonly stderr: string };

/** Runs a program to its end. Throws where it does not end with code 0. `ms` is from just before spawn to its exit. */
export async function runProgram(
  file: string,
  args: readonly string[],
  options: {
    readonly env: Readonly<Record<string, string>>;
    readonly cwd?: string;
    /** Throws its stdout away, in the kernel. */
    readonly quiet?: boolean;
  },
): Promise<Ran> {
  const started = performance.now();
  const child = spawn(file, args, {
    env: options.env,
    cwd: options.cwd,
    stdio: ['ignore', options.quiet === true ? 'ignore' : 'pipe', 'pipe'],
  });
  let ms = 0;
  child.once('exit', () => {
    ms = performance.now() - started;
  });
  const [stdout, stderr] = await Promise.all([textOf(child.stdout), textOf(child.stderr), closeOf(child)]);
  if (child.exitCode !== 0) {
    throw new Error(
      `${file} ${args.join(' ').slice(0, 200)}: ended with ${child.exitCode ?? child.signalCode}: ${stderr}`,
    );
  }
  return { ms, stdout, stderr };
}

/** Wall time of a shell command, in milliseconds. */
export async function timeShell(command: string, env: Readonly<Record<string, string>>): Promise<number> {
  return (await runProgram('/bin/sh', ['-c', command], { env })).ms;
}

async function textOf(stream: NodeJS.ReadableStream | null): Promise<string> {
  const chunks: Buffer[] = [];
  if (stream !== null) for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function closeOf(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => resolve());
  });
}

/**
 * Processor time of a program and all that it waits for, user and system, in milliseconds. Under load it changes less than wall time.
 * Throws if the program does not end with code 0.
 */
export async function cpuTimeOf(
  file: string,
  args: readonly string[],
  options: { readonly env: Readonly<Record<string, string>>; readonly cwd?: string },
): Promise<number> {
  // `times` of bash: two lines of user and system time, of the shell itself and of its children.
  const script = '"$@" >/dev/null 2>&1 && times';
  const { stdout } = await runProgram('/bin/bash', ['-c', script, 'bash', file, ...args], options);
  const [user = Number.NaN, system = Number.NaN] = [...(stdout.split('\n')[1] ?? '').matchAll(/(\d+)m([\d.]+)s/g)].map(
    ([, minutes, seconds]) => Number(minutes) * 60_000 + Number(seconds) * 1000,
  );
  return user + system;
}
