// Runs the stepspan CLI as people do: a process of its own, with a data folder, a home, a working folder
// and an environment that hold nothing of the machine's. Leaves no process and no file behind.
import type { ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { claudeTestEnvironment } from '../../demo/messages-api/environment.ts';
import type { Script } from '../../demo/messages-api/script.ts';
import { type MessagesApi, startMessagesApi } from '../../demo/messages-api/server.ts';
import { dataFolder } from '../../src/journal/index.ts';
import type { RunResult } from '../../src/library/index.ts';
import { type Finished, type RunningCli, resultOf, root, startCli } from './cli.ts';
import { type RunJournal, readJournal } from './journal.ts';
import { killProcesses, processesOf } from './processes.ts';

export type CliRig = {
  readonly folder: string;
  readonly work: string;
  readonly dataDir: string;
  /** The environment of the CLI. */
  readonly env: Readonly<Record<string, string>>;
  /** The scripted API; only where a script was given. */
  readonly api: MessagesApi | undefined;
  /** Writes a file below the working folder. @returns its path */
  readonly write: (name: string, text: string | Uint8Array, mode?: number) => string;
  readonly start: (args: readonly string[], env?: Readonly<Record<string, string>>) => RunningCli;
  readonly run: (args: readonly string[], env?: Readonly<Record<string, string>>) => Promise<Finished>;
  /** Writes the workflow and runs it with `--json`. */
  readonly runYaml: (
    yaml: string,
    args?: readonly string[],
    env?: Readonly<Record<string, string>>,
  ) => Promise<Finished & { readonly result: RunResult }>;
  readonly runIds: () => readonly string[];
  /** @param dataDir where it is not the rig's own */
  readonly journal: (runId: string, dataDir?: string) => Promise<RunJournal>;
  /** Names of processes that carry this rig's folder in their environment or work in it. */
  readonly processes: () => readonly string[];
  /** Files of the data folder that hold the text; archived ones are unpacked. */
  readonly filesWith: (text: string) => readonly string[];
  readonly close: () => Promise<void>;
};

export async function startCliRig(options: { readonly script?: Script } = {}): Promise<CliRig> {
  const folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'stepspan-cli-')));
  const [home, work, dataDir] = ['home', 'work', 'data'].map((name) => path.join(folder, name)) as [
    string,
    string,
    string,
  ];
  for (const each of [home, work]) mkdirSync(each);
  const api = options.script === undefined ? undefined : await startMessagesApi({ script: options.script });
  const bin = path.join(root, 'node_modules/.bin');
  const env = {
    ...claudeTestEnvironment({ apiUrl: api?.url ?? 'http://127.0.0.1:9', home }),
    PATH: `${bin}:${process.env.PATH ?? '/usr/bin:/bin'}`,
    LANG: 'C.UTF-8',
    STEPSPAN_DATA_DIR: dataDir,
  };
  const running = new Set<ChildProcess>();
  let written = 0;

  const start: CliRig['start'] = (args, more = {}) => {
    const cli = startCli(args, { cwd: work, env: { ...env, ...more } });
    running.add(cli.child);
    cli.child.once('exit', () => running.delete(cli.child));
    return cli;
  };
  const run: CliRig['run'] = (args, more) => start(args, more).done;
  const write: CliRig['write'] = (name, text, mode = 0o644) => {
    const file = path.join(work, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text, { mode });
    return file;
  };
  const data = dataFolder(dataDir);

  return {
    folder,
    work,
    dataDir,
    env,
    api,
    write,
    start,
    run,
    async runYaml(yaml, args = [], more) {
      written += 1;
      const file = write(`workflow-${written}.yaml`, yaml);
      const finished = await run(['run', file, '--json', ...args], more);
      return { ...finished, result: resultOf(finished) };
    },
    runIds: () => data.listRunIds(),
    journal: (runId, from = dataDir) => readJournal(dataFolder(from).runDir(runId as never)),
    processes: () => processesOf(folder),
    filesWith: (text) => filesWith(dataDir, text),
    async close() {
      for (const child of running) child.kill('SIGKILL');
      killProcesses(folder);
      await api?.close();
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** Outcome of each step, as `build: failure`. */
export function outcomesOf(result: RunResult): Readonly<Record<string, string>> {
  return Object.fromEntries(result.steps.map(({ id, outcome }) => [id, outcome]));
}

function filesWith(dir: string, text: string): readonly string[] {
  const files = readdirSync(dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  if (files.length === 0) throw new Error(`${dir} holds no files to look in`);
  return files
    .map((entry) => path.join(entry.parentPath, entry.name))
    .filter((file) => {
      const bytes = readFileSync(file);
      return (bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes).includes(text);
    });
}
