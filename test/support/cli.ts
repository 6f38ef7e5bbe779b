// Starts the stepspan CLI as a process. Every test and fault that runs the CLI starts it with this; cli-rig.ts adds a data
// folder, a home and a working folder.
import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';
import type { RunResult } from '../../src/library/index.ts';
import { compileCache } from './compile-cache.ts';

export const root = path.resolve(import.meta.dirname, '../..');
/** What built-program.ts has bundled for this test run, else the sources. */
export const cliProgram = process.env.STEPSPAN_TEST_PROGRAM ?? path.join(root, 'src/cli/main.ts');

export type Finished = {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
};

export type RunningCli = {
  readonly child: ChildProcess;
  readonly done: Promise<Finished>;
  readonly stdout: () => string;
  /** Both streams in the order in which they came. */
  readonly output: () => string;
  /** Resolves as soon as stdout or stderr holds the text: with `--json` the run is shown on stderr. */
  readonly said: (text: string | RegExp) => Promise<void>;
  /** The first address that it prints, once it has printed it. */
  readonly url: () => Promise<string>;
};

export type StartOptions = {
  readonly cwd?: string;
  /** All of its environment, but for the cache of compiled sources. By default nothing of this process's but PATH and HOME. */
  readonly env?: NodeJS.ProcessEnv;
  /** A program and its arguments that is started instead and becomes the CLI, so that signals and the exit code are the CLI's own. */
  readonly under?: readonly string[];
  /** Flags of Node. */
  readonly nodeFlags?: readonly string[];
  /** The user that it runs as; only root can choose. */
  readonly uid?: number;
  /** How many characters of the output are kept, from its end: a child can print a gigabyte. By default all. */
  readonly keep?: number;
};

export function startCli(args: readonly string[], options: StartOptions = {}): RunningCli {
  const { cwd, under = [], nodeFlags = [], uid, keep = Number.POSITIVE_INFINITY } = options;
  const [program = process.execPath, ...before] = [...under, process.execPath];
  const child = spawn(program, [...before, ...nodeFlags, cliProgram, ...args], {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(uid === undefined ? {} : { uid, gid: uid }),
    env: { ...compileCache, ...(options.env ?? { PATH: process.env.PATH, HOME: process.env.HOME }) },
  });
  return watch(child, keep);
}

function watch(child: ChildProcess, keep: number): RunningCli {
  const output = { stdout: '', stderr: '', both: '' };
  const listeners = new Set<() => void>();
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream]?.setEncoding('utf8').on('data', (text: string) => {
      for (const each of [stream, 'both'] as const) output[each] = (output[each] + text).slice(-keep);
      for (const listener of listeners) listener();
    });
  }
  const done = new Promise<Finished>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal, stdout: output.stdout, stderr: output.stderr }));
  });
  const said: RunningCli['said'] = (text) =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const isIn = (printed: string) => (typeof text === 'string' ? printed.includes(text) : text.test(printed));
        if (!isIn(output.stdout) && !isIn(output.stderr)) return;
        listeners.delete(look);
        resolve();
      };
      listeners.add(look);
      look();
      void done.then(() => reject(new Error(`it ended before it printed ${text}:\n${output.both}`)));
    });
  return {
    child,
    done,
    stdout: () => output.stdout,
    output: () => output.both,
    said,
    async url() {
      // With what follows it, so that an address is not taken for whole in the middle of its port.
      await said(/http:\/\/[^\s/]+[\s/]/);
      return /http:\/\/[^\s/]+/.exec(`${output.stdout}\n${output.stderr}`)?.[0] ?? '';
    },
  };
}

/** The object that `--json` prints as the last line. */
export function resultOf({ stdout, stderr }: Finished): RunResult {
  const last = stdout.trimEnd().split('\n').at(-1) ?? '';
  if (!last.startsWith('{')) throw new Error(`no JSON on the last line of:\n${stdout}\n${stderr}`);
  return JSON.parse(last) as RunResult;
}
