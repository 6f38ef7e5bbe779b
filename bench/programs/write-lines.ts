// The writer of a run in a process of its own: a history at once, or lines at a steady rate. Started by `tail/server.ts`.
import { existsSync, openSync, writeSync } from 'node:fs';
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';
import { isRunId } from '../../src/core/ids.ts';
import type * as Journal from '../../src/journal/index.ts';
import type { WriteOrder } from '../support/tail-orders.ts';

const order = JSON.parse(process.argv[2] ?? '') as WriteOrder;
const { archiveSealed, createJournal, dataFolder, reopenJournal } = (await import(order.journal)) as typeof Journal;
if (!isRunId(order.runId)) throw new Error(`${order.runId} is not a run id`);
const folder = dataFolder(order.dataDir).runDir(order.runId);
const { lines } = order;
// A history is not worth waiting for a disk; what is watched is written as a run is.
const durability = lines.kind === 'history' ? ({ durability: 'none' } as const) : {};
const journal = existsSync(folder.journalDir)
  ? reopenJournal(folder)
  : createJournal(folder, { archive: false, ...durability });
const draft = { subject: { step: 'build', attempt: 1 }, stream: 'stdout', severity: undefined } as const;

if (lines.kind === 'history') await writeHistory(lines.bytes);
else await writePaced(lines);
await journal.close();
if (lines.kind === 'history' && lines.archive) await archiveSealed(folder);
console.log(journal.nextSeq);

async function writeHistory(bytes: number): Promise<void> {
  const perBatch = 655;
  while (journal.stats().bytes < bytes) {
    let text = '';
    for (let line = 0; line < perBatch; line++)
      text += `0 line ${journal.nextSeq + line} of the build `.padEnd(99, 'x').concat('\n');
    const batch = { ...draft, lineCount: perBatch, bytes: Buffer.from(text), unterminated: false };
    for (let times = 0; times < 16; times++) journal.output(batch);
    await turn();
  }
}

async function writePaced({ perSecond, count, file }: Extract<typeof lines, { kind: 'paced' }>): Promise<void> {
  const copy = file === undefined ? undefined : openSync(file, 'a');
  const now = (line: number): Buffer => Buffer.from(`${process.hrtime.bigint()} ${line} `.padEnd(99, '.').concat('\n'));
  const started = performance.now();
  for (let line = 0; line < count; await delay(1)) {
    for (const due = ((performance.now() - started) / 1000) * perSecond; line < due && line < count; line++) {
      // Each has its own time, and neither is always the second.
      if (copy !== undefined && line % 2 === 0) writeSync(copy, now(line));
      journal.output({ ...draft, lineCount: 1, bytes: now(line), unterminated: false });
      if (copy !== undefined && line % 2 === 1) writeSync(copy, now(line));
    }
  }
}
