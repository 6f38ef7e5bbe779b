// Everything a run needs around it, all real but for two: Collector, Loki, the CLI as a process, the real Claude Code.
// Anthropic's API is a scripted one on loopback, and the trace sink stands where Tempo would be; neither can run here.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { claudeTestEnvironment } from '../../../demo/messages-api/environment.ts';
import type { Script } from '../../../demo/messages-api/script.ts';
import { type MessagesApi, startMessagesApi } from '../../../demo/messages-api/server.ts';
import { stripAnsi } from '../../../src/event/ansi.ts';
import { type JournalRecord, linesOf } from '../../../src/event/record.ts';
import { dataFolder, openJournal, type RunFolder } from '../../../src/journal/index.ts';
import type { RunResult } from '../../../src/library/index.ts';
import { type Collector, startCollector } from './collector.ts';
import { type Loki, type LokiEntry, startLoki } from './loki.ts';
import { makeFolder } from './service.ts';
import { startTraceSink, type TraceSink } from './trace-sink.ts';

const root = path.resolve(import.meta.dirname, '../../..');
const main = path.join(root, 'src/cli/main.ts');

export type Finished = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

export type Stack = {
  readonly folder: string;
  readonly dataDir: string;
  readonly api: MessagesApi;
  readonly loki: Loki;
  readonly sink: TraceSink;
  readonly collector: Collector;
  /** Starts the CLI from the sources; its OTLP goes to the Collector. */
  readonly spawn: (args: readonly string[], env?: Readonly<Record<string, string>>) => ChildProcess;
  /** The same, to its end. */
  readonly run: (args: readonly string[], env?: Readonly<Record<string, string>>) => Promise<Finished>;
  readonly writeWorkflow: (name: string, yaml: string) => string;
  readonly runFolder: (runId: string) => RunFolder;
  readonly close: () => Promise<void>;
};

export async function startStack(script: Script): Promise<Stack> {
  const folder = await makeFolder('stack');
  const [api, loki, sink] = await Promise.all([startMessagesApi({ script }), startLoki(), startTraceSink()]);
  const collector = await startCollector({ lokiEndpoint: loki.otlpEndpoint, tempoEndpoint: sink.endpoint });
  const dataDir = path.join(folder, 'data');
  const home = path.join(folder, 'home');
  const work = path.join(folder, 'work');
  for (const each of [home, work]) mkdirSync(each, { recursive: true });
  const children = new Set<ChildProcess>();

  const start: Stack['spawn'] = (args, env = {}) => {
    const child = spawn(process.execPath, [main, ...args], {
      cwd: work,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...claudeTestEnvironment({ apiUrl: api.url, home }),
        LANG: 'C.UTF-8',
        STEPSPAN_DATA_DIR: dataDir,
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
        ...env,
      },
    });
    children.add(child);
    child.once('exit', () => children.delete(child));
    return child;
  };

  return {
    folder,
    dataDir,
    api,
    loki,
    sink,
    collector,
    spawn: start,
    run: (args, env) => finished(start(args, env)),
    writeWorkflow(name, yaml) {
      const file = path.join(work, `${name}.yaml`);
      writeFileSync(file, yaml);
      return file;
    },
    runFolder: (runId) => dataFolder(dataDir).runDir(runId as never),
    async close() {
      for (const child of children) child.kill('SIGKILL');
      await Promise.all([api.close(), sink.close(), collector.remove(), loki.remove()]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export async function finished(child: ChildProcess): Promise<Finished> {
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (data: Buffer) => (stdout += data.toString()));
  child.stderr?.on('data', (data: Buffer) => (stderr += data.toString()));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, stdout, stderr };
}

/** The first address that a server prints. */
export function urlOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    child.stdout?.on('data', (data: Buffer) => {
      text += data.toString();
      const found = /http:\/\/[^\s/]+/.exec(text)?.[0];
      if (found !== undefined) resolve(found);
    });
  });
}

/** The object that `--json` prints as the last line. */
export function resultOf({ stdout, stderr }: Finished): RunResult {
  const last = stdout.trimEnd().split('\n').at(-1) ?? '';
  if (!last.startsWith('{')) throw new Error(`no JSON on the last line of:\n${stdout}\n${stderr}`);
  return JSON.parse(last) as RunResult;
}

export type ExpectedLine = {
  readonly seq: number;
  readonly timeNs: bigint;
  readonly text: string;
  readonly stream: string;
  readonly step: string | undefined;
};

/** Every line of a run's journal as Loki should have it. */
export async function expectedLines(folder: RunFolder): Promise<ExpectedLine[]> {
  const lines: ExpectedLine[] = [];
  for (const record of await allRecords(folder)) {
    if (record.kind !== 'output') continue;
    for (const line of linesOf(record)) {
      const text = stripAnsi(line.bytes.toString('utf8'));
      lines.push({ seq: line.seq, timeNs: line.timeNs, text, stream: record.stream, step: record.subject?.step });
    }
  }
  return lines;
}

export async function allRecords(folder: RunFolder): Promise<JournalRecord[]> {
  const records: JournalRecord[] = [];
  for await (const batch of openJournal(folder).read({ from: 0 })) records.push(...batch);
  return records;
}

/** The lines of a run in Loki, in the order of their numbers; Claude Code's own log records are not among them. */
export async function linesInLoki(loki: Loki, runId: string): Promise<(LokiEntry & { readonly seq: number })[]> {
  const entries = await loki.entries(`{service_name="stepspan"} | cicd_pipeline_run_id="${runId}" | stepspan_seq!=""`);
  return entries.map((entry) => ({ ...entry, seq: Number(entry.metadata.stepspan_seq) })).sort((a, b) => a.seq - b.seq);
}
