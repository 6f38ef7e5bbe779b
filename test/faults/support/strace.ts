// Starts a program under strace, so that the kernel's answer to one of its calls is another, or that it dies there; and reads which calls
// there were. Whether it may be used at all is asked first. Used by system-calls.ts.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/**
 * `-D`: strace is not the parent of the program but its grandchild, so that the caller has the program's own process, with
 * its signals and exit code. `-b execve`: strace detaches from a child that becomes another program, so that the steps of
 * a run are left alone.
 */
const strace = ['strace', '-D', '-f', '-b', 'execve', '-qq', '-e', 'signal=none'] as const;

/** Strace counts for each thread by itself, and one thread makes all of the calls that Node makes aside: so each has its number. */
export const oneThreadAside = { UV_THREADPOOL_SIZE: '1' } as const;

export type SystemCall = {
  readonly name: string;
  /** Which one of this name it is in its thread, from 1: what strace's `when` counts. */
  readonly nth: number;
  /** Arguments and result, with paths beside descriptors. */
  readonly text: string;
};

/** @param names calls to write down; those that this machine has not got are left out @param log the file that gets them */
export function tracing(names: readonly string[], log: string): readonly string[] {
  return [...strace, '-y', '-s', '0', '-o', log, '-e', `trace=${names.map((name) => `?${name}`).join(',')}`];
}

/** @param what is done at the call, in strace's words @param when at which, in strace's words, such as `3`, `3..22` or `3+` */
export function injecting(name: string, what: `error=${string}` | `signal=${string}`, when: string): readonly string[] {
  return [...strace, '-o', '/dev/null', '-e', `trace=${name}`, '-e', `inject=${name}:${what}:when=${when}`];
}

/** Why strace cannot be used; undefined if it can. Tries it, as a kernel or a container may forbid it. */
export function straceProblem(): string | undefined {
  const [program = '', ...args] = [...injecting('close', 'signal=KILL', '1'), 'true'];
  const { error, signal, stderr } = spawnSync(program, args, { encoding: 'utf8', timeout: 10_000 });
  if (error !== undefined) return `strace is not there (${error.message}): apt-get install strace`;
  if (signal !== 'SIGKILL') return `strace has no effect here: ${stderr.trim() || 'it injects nothing'}`;
  return undefined;
}

/** The calls in the order in which they began. */
export function readTrace(log: string): readonly SystemCall[] {
  const counts = new Map<string, number>();
  return readFileSync(log, 'utf8')
    .split('\n')
    .flatMap((line) => {
      const [, thread, name, text] = /^(\d+) +(\w+)\((.*)$/.exec(line) ?? [];
      if (name === undefined || text === undefined) return [];
      const nth = (counts.get(`${thread} ${name}`) ?? 0) + 1;
      counts.set(`${thread} ${name}`, nth);
      return [{ name, nth, text }];
    });
}
