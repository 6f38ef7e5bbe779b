// Runs steps by the library in a process of its own, one after the other, and prints their times as JSON. So every
// measurement has a fresh heap, and the peak of its memory is its own. Started by `support/measure-step.ts`.
import { existsSync, readFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import type { JournalRecord } from '../../src/core/record.ts';
import type * as Library from '../../src/library/index.ts';
import type { MeasuredStep, StepOrder } from '../support/measure-step.ts';

const order = JSON.parse(process.argv[2] ?? '') as StepOrder;
const { runWorkflow, openJournal, dataFolder } = (await import(order.library)) as typeof Library;

const result = await runWorkflow({
  workflow: {
    name: 'bench',
    concurrency: 1,
    steps: order.steps.map((run, index) => ({ id: `step${index}`, run, timeout: '1h' })),
  },
  cwd: order.dataDir,
  dataDir: order.dataDir,
  redact: order.redact,
  ship: 'off',
});
if (result.kind !== 'finished' || result.outcome !== 'success') throw new Error(JSON.stringify(result));
// Before the journal is read for the check, which is not memory of the run.
const maxRssBytes = peakRssBytes();

const startedNs = new Map<string, bigint>();
const stepMs: number[] = [];
let lines = 0;
let checksum = 0;
for await (const batch of openJournal(dataFolder(order.dataDir).runDir(result.runId)).read({ from: 0 })) {
  for (const record of batch) take(record);
}

function take(record: JournalRecord): void {
  if (record.kind === 'output') {
    if (record.stream !== 'stdout') return;
    lines += record.lineCount - (record.continues ? 1 : 0);
    checksum = crc32(record.bytes, checksum);
    return;
  }
  const step = record.subject?.step ?? '';
  if (record.event.type === 'step.started') startedNs.set(step, record.timeNs);
  if (record.event.type === 'step.finished') {
    const started = startedNs.get(step);
    if (started === undefined) throw new Error(`step ${step} finished without a start`);
    stepMs.push(Number(record.timeNs - started) / 1e6);
  }
}

/** From /proc if it exists: getrusage(2) also counts what the starting process had before exec. */
function peakRssBytes(): number {
  const status = existsSync('/proc/self/status') ? readFileSync('/proc/self/status', 'utf8') : '';
  const kibibytes = /^VmHWM:\s*(\d+) kB/m.exec(status)?.[1];
  return kibibytes === undefined ? process.resourceUsage().maxRSS * 1024 : Number(kibibytes) * 1024;
}

process.stdout.write(JSON.stringify({ stepMs, lines, checksum, maxRssBytes } satisfies MeasuredStep));
