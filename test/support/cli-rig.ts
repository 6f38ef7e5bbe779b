// Runs the stepspan CLI from its sources as people do: a process of its own, with a data folder, a home, a working folder
// and an environment that hold nothing of the machine's. Leaves no process and no file behind.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { claudeTestEnvironment } from '../../demo/messages-api/environment.ts';
import type { Script } from '../../demo/messages-api/script.ts';
import { type MessagesApi, startMessagesApi } from '../../demo/messages-api/server.ts';
import type { EventOf, EventType } from '../../src/core/event.ts';
import type { JournalRecord, Stream, Subject } from '../../src/core/record.ts';
import { dataFolder, openJournal } from '../../src/journal/index.ts';
import type { RunResult } from '../../src/library/index.ts';
import { compileCache } from './compile-cache.ts';
import { killProcesses, processesOf } from './processes.ts';

const root = path.resolve(import.meta.dirname, '../..');
const main = path.join(root, 'src/cli/main.ts');

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
  /** Resolves as soon as stdout or stderr holds the text: with `--json` the run is shown on stderr. */
  readonly said: (text: string | RegExp) => Promise<void>;
  /** The first address that it prints, once it has printed it. */
  readonly url: () => Promise<string>;
};

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

export type RunJournal = {
  readonly records: readonly JournalRecord[];
  readonly events: <T extends EventType>(
    type: T,
    step?: string,
  ) => readonly (EventOf<T> & { readonly subject: Subject | undefined; readonly timeNs: bigint })[];
  /** All bytes of one stream of one step, as they are kept; without a step, those of the run itself. */
  readonly bytes: (stream: Stream, step?: string) => Buffer;
  readonly text: (stream: Stream, step?: string) => string;
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
    ...compileCache,
  };
  const running = new Set<ChildProcess>();
  let written = 0;

  const start: CliRig['start'] = (args, more = {}) => {
    const child = spawn(process.execPath, [main, ...args], {
      cwd: work,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...env, ...more },
    });
    running.add(child);
    child.once('exit', () => running.delete(child));
    return watch(child);
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
    async journal(runId, from = dataDir) {
      const records: JournalRecord[] = [];
      for await (const batch of openJournal(dataFolder(from).runDir(runId as never)).read({ from: 0 })) {
        // Batches are views on a buffer that is used again.
        for (const record of batch)
          records.push(record.kind === 'output' ? { ...record, bytes: Buffer.from(record.bytes) } : record);
      }
      return journalOf(records);
    },
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

/** The object that `--json` prints as the last line. */
export function resultOf({ stdout, stderr }: Finished): RunResult {
  const last = stdout.trimEnd().split('\n').at(-1) ?? '';
  if (!last.startsWith('{')) throw new Error(`no JSON on the last line of:\n${stdout}\n${stderr}`);
  return JSON.parse(last) as RunResult;
}

/** Outcome of each step, as `build: failure`. */
export function outcomesOf(result: RunResult): Readonly<Record<string, string>> {
  return Object.fromEntries(result.steps.map(({ id, outcome }) => [id, outcome]));
}

function watch(child: ChildProcess): RunningCli {
  const output = { stdout: '', stderr: '' };
  const listeners = new Set<() => void>();
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream]?.setEncoding('utf8').on('data', (text: string) => {
      output[stream] += text;
      for (const listener of listeners) listener();
    });
  }
  const done = new Promise<Finished>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal, ...output }));
  });
  const said: RunningCli['said'] = (text) =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const isIn = (said: string) => (typeof text === 'string' ? said.includes(text) : text.test(said));
        if (!isIn(output.stdout) && !isIn(output.stderr)) return;
        listeners.delete(look);
        resolve();
      };
      listeners.add(look);
      look();
      void done.then(() => reject(new Error(`it ended before it said ${text}:\n${output.stdout}${output.stderr}`)));
    });
  return {
    child,
    done,
    stdout: () => output.stdout,
    said,
    async url() {
      // With what follows it, so that an address is not taken for whole in the middle of its port.
      await said(/http:\/\/[^\s/]+[\s/]/);
      return /http:\/\/[^\s/]+/.exec(`${output.stdout}\n${output.stderr}`)?.[0] ?? '';
    },
  };
}

function journalOf(records: readonly JournalRecord[]): RunJournal {
  const bytes: RunJournal['bytes'] = (stream, step) =>
    Buffer.concat(
      records.flatMap((record) =>
        record.kind === 'output' && record.stream === stream && record.subject?.step === step ? [record.bytes] : [],
      ),
    );
  return {
    records,
    events: <T extends EventType>(type: T, step?: string) =>
      records.flatMap((record) => {
        if (record.kind !== 'event' || record.event.type !== type) return [];
        if (step !== undefined && record.subject?.step !== step) return [];
        return [{ ...(record.event as EventOf<T>), subject: record.subject, timeNs: record.timeNs }];
      }),
    bytes,
    text: (stream, step) => bytes(stream, step).toString('utf8'),
  };
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
