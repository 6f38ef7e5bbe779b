// The real Loki refuses for good what is too old for it, and would refuse what is too long. Sent to it directly, the refused lines are kept
// aside and counted; behind a Collector, which answers for Loki, it is the Collector that counts what it drops. Either way `ship --again`
// brings them once Loki takes them; and no line is too long, as it goes in parts.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { newRunId, type RunId, traceIdOf } from '../../src/core/ids.ts';
import { createJournal, processIdentity } from '../../src/journal/index.ts';
import { startOtlpServer } from '../readers/ship/support/otlp-server.ts';
import { runFinished, runStarted } from '../runs/journal-of.ts';
import { createCollector, droppedBy } from '../stack/support/collector.ts';
import { needs } from '../stack/support/external-programs.ts';
import { type Loki, startLoki } from '../stack/support/loki.ts';
import { readRun } from './support/check-run.ts';
import type { Fault } from './support/fault.ts';
import { makeSandbox, type Sandbox } from './support/sandbox.ts';
import { sum, type Tally } from './support/tally.ts';
import { judge } from './support/witness.ts';
import { witnessLines } from './support/witness-lines.ts';

const oldLines = 150;
const newLines = 150;
/** Above and far above Loki's 256 KB; below the 1 MiB above which the journal itself continues in a further record. */
const longLines = [300_000, 700_000, 1_000_000];
const allLines = oldLines + newLines + longLines.length;
const hourNs = 3_600_000_000_000n;
const strict = { LOKI_MAX_LINE_AGE: '1h' };
/** What has not arrived by then never will. */
const withinMs = 300_000;

export const lokiRefuses: Fault = {
  name: 'Loki refuses',
  what: 'The real Loki refuses lines of three hours ago; lines of up to 1 MB; directly and behind the real Collector; then it takes them, and all is sent again.',
  needs: () => needs('loki').meta.skipped,
  run: async ({ log }) => sum([await direct(log), await behindCollector(log)]),
};

/** A run that began three hours ago: its old lines, its long ones, its new ones. */
async function writeRun(sandbox: Sandbox): Promise<RunId> {
  const runId = newRunId();
  let now = BigInt(Date.now()) * 1_000_000n - 3n * hourNs;
  const journal = createJournal(sandbox.data.runDir(runId), { wallNs: () => (now += 1_000n), archive: false });
  journal.event(runStarted(['build'], { runId, traceId: traceIdOf(runId), writer: processIdentity() }));
  journal.output(witnessLines('old', 0, oldLines, 20));
  now = BigInt(Date.now()) * 1_000_000n - 60_000_000_000n;
  for (const [index, bytes] of longLines.entries()) journal.output(witnessLines('long', index, 1, bytes));
  journal.output(witnessLines('new', 0, newLines, 20));
  journal.event(runFinished());
  await journal.close();
  return runId;
}

async function direct(log: (line: string) => void): Promise<Tally> {
  const sandbox = makeSandbox();
  const traces = await startOtlpServer();
  let loki = await startLoki({ env: strict });
  try {
    const runId = await writeRun(sandbox);
    const problems: string[] = [];
    const ship = async (...more: string[]): Promise<string> => {
      const env = {
        OTEL_EXPORTER_OTLP_ENDPOINT: traces.url,
        OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: `${loki.otlpEndpoint}/v1/logs`,
      };
      return (await sandbox.start(['ship', 'latest', ...more], { env }).ended).output;
    };
    const printed = await ship();
    const aside = path.join(sandbox.data.runDir(runId).refusedDir, 'logs.ndjson');
    const kept = existsSync(aside) ? readFileSync(aside, 'utf8') : '';
    const keptOld = kept.split('\n').filter((line) => line.includes('w old ')).length;
    if (keptOld !== oldLines) problems.push(`${keptOld} of ${oldLines} refused lines are kept aside`);
    if (/w (new|long) /.test(kept)) problems.push('a line was refused that is neither old nor too long');
    if (!/refused/.test(printed)) problems.push(`it does not print what was refused: ${printed.slice(-400)}`);
    problems.push(...(await expectInLoki(loki, allLines - oldLines)));
    log(`directly: ${keptOld} of ${oldLines} old lines refused and kept aside`);
    await loki.remove();
    loki = await startLoki();
    await ship('--again');
    return await inTheEnd({ sandbox, runId, loki, how: 'directly', before: problems });
  } finally {
    await Promise.all([loki.remove(), traces.close(), sandbox.remove()]);
  }
}

async function behindCollector(log: (line: string) => void): Promise<Tally> {
  const sandbox = makeSandbox();
  const traces = await startOtlpServer();
  let loki = await startLoki({ env: strict });
  const options = () => ({ lokiEndpoint: loki.otlpEndpoint, tempoEndpoint: traces.url });
  let collector = await createCollector(options());
  try {
    await collector.start();
    const runId = await writeRun(sandbox);
    const problems: string[] = [];
    const ship = (...more: string[]) =>
      sandbox.start(['ship', 'latest', ...more], { env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint } }).ended;
    await ship();
    problems.push(...(await expectInLoki(loki, allLines - oldLines)));
    const dropped = await droppedBy(collector);
    // A batch of which Loki refuses one record counts as a whole, though Loki has taken the others of it.
    if (dropped < oldLines)
      problems.push(`the Collector counts ${dropped} dropped records, of ${oldLines} lines that Loki refused`);
    log(`behind the Collector: it counts ${dropped} records as dropped, ${oldLines} lines are not in Loki`);
    await Promise.all([loki.remove(), collector.remove()]);
    loki = await startLoki();
    collector = await createCollector(options());
    await collector.start();
    await ship('--again');
    return await inTheEnd({ sandbox, runId, loki, how: 'behind the Collector', before: problems });
  } finally {
    await Promise.all([loki.remove(), collector.remove(), traces.close(), sandbox.remove()]);
  }
}

/** Every line of the run that Loki has; those that went in parts are put together. */
async function linesIn(loki: Loki): Promise<readonly { readonly text: string }[]> {
  const startNs = BigInt(Date.now()) * 1_000_000n - 5n * hourNs;
  const entries = await loki.entries('{service_name="stepspan"} | stepspan_event=""', { startNs });
  const whole = new Map<string, string[]>();
  for (const { line, metadata } of entries) {
    const parts = whole.get(metadata.stepspan_seq ?? '') ?? [];
    whole.set(metadata.stepspan_seq ?? '', parts);
    parts[Number(metadata.stepspan_line_part ?? 1) - 1] = line;
  }
  return [...whole.values()].map((parts) => ({ text: parts.join('') }));
}

async function expectInLoki(loki: Loki, wanted: number): Promise<readonly string[]> {
  const end = performance.now() + withinMs;
  for (;;) {
    const { distinct, damaged } = judge(await linesIn(loki));
    if (distinct === wanted && damaged === 0) return [];
    if (performance.now() > end)
      return [`Loki has ${distinct} lines whole and ${damaged} damaged, ${wanted} were expected`];
    await sleep(200);
  }
}

type Ending = {
  readonly sandbox: Sandbox;
  readonly runId: RunId;
  readonly loki: Loki;
  /** Which way the lines took. */
  readonly how: string;
  /** Problems so far. */
  readonly before: readonly string[];
};

async function inTheEnd({ sandbox, runId, loki, how, before }: Ending): Promise<Tally> {
  const problems = [...before, ...(await expectInLoki(loki, allLines))].map((problem) => `${how}: ${problem}`);
  const journal = await readRun(sandbox.data.runDir(runId));
  const said = judge(await linesIn(loki));
  const missing = journal.lines.length - said.distinct;
  return { runs: 1, lines: allLines, missing, duplicated: said.duplicated, unaccounted: missing, problems };
}
