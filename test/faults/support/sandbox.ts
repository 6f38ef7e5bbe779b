// A folder with a data folder, a home and a working folder of its own, the stepspan CLI in it, with or without injected
// faults, and a look at which processes it has left. Every fault works in such folders.
import type { ChildProcess } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, realpathSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type DataFolder, dataFolder } from '../../../src/journal/index.ts';
import { startCli } from '../../support/cli.ts';
import { killProcesses, processesOf } from '../../support/processes.ts';

const inject = pathToFileURL(fileURLToPath(new URL('../fixtures/inject.mjs', import.meta.url))).href;
/** The program that prints numbered lines; see there for its arguments. */
export const witness = fileURLToPath(new URL('../fixtures/witness.mjs', import.meta.url));

/** Characters of what the CLI printed that are kept, from its end: a child may print a gigabyte. */
const keptOutput = 200_000;

export type Injected = {
  readonly thread: 'main' | 'worker';
  /** The number of the call, from 1; 0 only counts. */
  readonly at: number;
  readonly mode: 'before' | 'after' | 'torn' | 'ENOSPC' | 'EIO';
  /** How many calls from there on fail, where the mode is an error; 1 where not given. */
  readonly calls?: number;
  /** A file that gets a line for each call. */
  readonly log?: string;
};

export type Ended = { readonly code: number | null; readonly signal: string | null; readonly output: string };

export type StartedCli = {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  readonly output: () => string;
};

export type Sandbox = {
  readonly folder: string;
  readonly work: string;
  readonly data: DataFolder;
  readonly write: (name: string, text: string) => string;
  readonly start: (args: readonly string[], options?: StartOptions) => StartedCli;
  /** Processes that carry the folder in their environment or work in it, as `pid command`. */
  readonly processes: () => readonly string[];
  readonly remove: () => Promise<void>;
};

export type StartOptions = {
  readonly inject?: Injected;
  /** A program and its arguments that is started instead and becomes the CLI, so that signals and the exit code are the CLI's own. */
  readonly under?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The user that it runs as; only root may choose. */
  readonly uid?: number;
};

/** @param template a data folder whose runs it begins with; their times are kept */
export function makeSandbox(template?: DataFolder): Sandbox {
  const folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'stepspan-fault-')));
  const [home, work, root] = ['home', 'work', 'data'].map((name) => path.join(folder, name)) as [
    string,
    string,
    string,
  ];
  for (const each of [home, work]) mkdirSync(each);
  if (template !== undefined) cpSync(template.root, root, { recursive: true, preserveTimestamps: true });
  const env = {
    PATH: `${path.dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`,
    HOME: home,
    LANG: 'C.UTF-8',
    STEPSPAN_DATA_DIR: root,
  };
  const running = new Set<ChildProcess>();
  return {
    folder,
    work,
    data: dataFolder(root),
    write(name, text) {
      const file = path.join(work, name);
      writeFileSync(file, text);
      return file;
    },
    start(args, options = {}) {
      const { under, uid } = options;
      const cli = startCli(args, {
        cwd: work,
        env: { ...env, ...(options.inject && injectEnv(root, options.inject)), ...options.env },
        nodeFlags: options.inject === undefined ? [] : ['--import', inject],
        keep: keptOutput,
        ...(under && { under }),
        ...(uid !== undefined && { uid }),
      });
      running.add(cli.child);
      const ended = cli.done.then(({ code, signal }): Ended => {
        running.delete(cli.child);
        return { code, signal, output: cli.output() };
      });
      return { child: cli.child, ended, output: cli.output };
    },
    processes: () => processesOf(folder),
    async remove() {
      for (const child of running) child.kill('SIGKILL');
      killProcesses(folder);
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

function injectEnv(below: string, { thread, at, mode, calls, log }: Injected): Record<string, string> {
  return {
    FAULT_BELOW: below,
    FAULT_THREAD: thread,
    FAULT_AT: String(at),
    FAULT_MODE: mode,
    FAULT_FOR: String(calls ?? 1),
    FAULT_LOG: log ?? '',
  };
}
