// Everything a run needs around it, all real but for two: Collector, Loki, the CLI as a process, the real Claude Code.
// Anthropic's API is a scripted one on loopback, and the trace sink takes the place of Tempo.
import type { Script } from '../../../demo/messages-api/script.ts';
import { createLineJoiner } from '../../../src/core/join-lines.ts';
import { linesOf } from '../../../src/core/record.ts';
import { dataFolder, type RunFolder } from '../../../src/journal/index.ts';
import { seenLine } from '../../../src/text/seen.ts';
import type { Finished, RunningCli } from '../../support/cli.ts';
import { startCliRig } from '../../support/cli-rig.ts';
import { readRecords } from '../../support/journal.ts';
import { type Collector, startCollector } from './collector.ts';
import { type Loki, type LokiEntry, startLoki } from './loki.ts';
import type { Tempo } from './tempo.ts';
import { startTraceSink, type TraceSink } from './trace-sink.ts';

export type Stack = StackWithoutLoki & { readonly loki: Loki };

export type StackWithoutLoki = {
  readonly folder: string;
  readonly dataDir: string;
  readonly sink: TraceSink;
  readonly collector: Collector;
  /** Starts the CLI from the sources; its OTLP goes to the Collector. */
  readonly start: (args: readonly string[], env?: Readonly<Record<string, string>>) => RunningCli;
  /** The same, to its end. */
  readonly run: (args: readonly string[], env?: Readonly<Record<string, string>>) => Promise<Finished>;
  readonly writeWorkflow: (name: string, yaml: string) => string;
  readonly runFolder: (runId: string) => RunFolder;
  readonly close: () => Promise<void>;
};

/** Call it only in tests that need Loki. @param options.tempo a real Tempo in place of the trace sink, which then gets nothing */
export async function startStack(script: Script, options: { readonly tempo?: Tempo } = {}): Promise<Stack> {
  const loki = await startLoki();
  const rest = await startStackWithoutLoki(script, loki.otlpEndpoint, options.tempo);
  return { ...rest, loki, close: () => rest.close().finally(() => loki.remove()) };
}

/** @param lokiEndpoint where log records go; by default nothing takes them, and the Collector keeps them */
export async function startStackWithoutLoki(
  script: Script,
  lokiEndpoint = 'http://127.0.0.1:9',
  tempo?: Tempo,
): Promise<StackWithoutLoki> {
  const [rig, sink] = await Promise.all([startCliRig({ script }), startTraceSink()]);
  const collector = await startCollector({
    lokiEndpoint,
    tempoEndpoint: tempo?.endpoint ?? sink.endpoint,
    // The trace sink reads JSON, Tempo protobuf only.
    ...(tempo === undefined ? {} : { env: { TEMPO_OTLP_ENCODING: 'proto' } }),
  });
  const start: StackWithoutLoki['start'] = (args, env) =>
    rig.start(args, { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint, ...env });
  return {
    folder: rig.folder,
    dataDir: rig.dataDir,
    sink,
    collector,
    start,
    run: (args, env) => start(args, env).done,
    writeWorkflow: (name, yaml) => rig.write(`${name}.yaml`, yaml),
    runFolder: (runId) => dataFolder(rig.dataDir).runDir(runId as never),
    async close() {
      await rig.close();
      await Promise.all([sink.close(), collector.remove()]);
    },
  };
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
  const joiner = createLineJoiner();
  const records = (await readRecords(folder)).flatMap((record) => joiner.add(record));
  for (const record of [...records, ...joiner.end()]) {
    if (record.kind !== 'output') continue;
    for (const line of linesOf(record)) {
      const text = seenLine(line.bytes.toString('utf8'));
      lines.push({ seq: line.seq, timeNs: line.timeNs, text, stream: record.stream, step: record.subject?.step });
    }
  }
  return lines.sort((a, b) => a.seq - b.seq);
}

/** The lines of a run in Loki, in the order of their numbers; Claude Code's own log records are not among them. */
export async function linesInLoki(loki: Loki, runId: string): Promise<(LokiEntry & { readonly seq: number })[]> {
  const entries = await loki.entries(`{service_name="stepspan"} | cicd_pipeline_run_id="${runId}" | stepspan_seq!=""`);
  return entries.map((entry) => ({ ...entry, seq: Number(entry.metadata.stepspan_seq) })).sort((a, b) => a.seq - b.seq);
}
