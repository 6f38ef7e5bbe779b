// A journal that is damaged: what can be read is sent, and the status says what could not.
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { openCursor, type RunFolder } from '../../../src/journal/index.ts';
import { listSegments } from '../../../src/journal/segment-files.ts';
import { startOtlpServer } from './support/otlp-server.ts';
import { newRun, print, runFinished } from './support/runs.ts';
import { ship } from './support/ship.ts';

/** A run of several segments. The first holds its head. */
async function runInSegments(): Promise<RunFolder> {
  const { folder, journal } = newRun({}, { segmentBytes: 1, archive: false });
  for (const text of ['one', 'two', 'three']) print(journal, [text]);
  journal.event(runFinished);
  await journal.close();
  return folder;
}

function damage(folder: RunFolder, segment: number): void {
  const file = listSegments(folder.journalDir)[segment]?.path ?? '';
  const bytes = readFileSync(file);
  bytes.writeUInt8((bytes.at(-1) ?? 0) ^ 1, bytes.length - 1);
  writeFileSync(file, bytes);
}

const logsOnly = { OTEL_TRACES_EXPORTER: 'none' };

test('in its middle is counted and named, and the rest is sent', async () => {
  const folder = await runInSegments();
  damage(folder, 2);
  const sink = await startOtlpServer();
  onTestFinished(sink.close);
  const shipper = await ship(folder, sink, logsOnly);
  await shipper.done;
  expect(sink.logs.map(({ body }) => body)).toEqual(['one', 'three']);
  const { logs } = shipper.status();
  // The damage, and the numbers that are missing by it.
  expect(logs).toMatchObject({ state: { kind: 'finished' }, journalProblems: 2, lastError: undefined });
  expect(logs.lastJournalProblem).toContain('missing (corrupt)');
});

test('in its head is known also to a shipper that continues behind it', async () => {
  const folder = await runInSegments();
  damage(folder, 0);
  await openCursor(folder, 'ship-logs').save(2);
  const sink = await startOtlpServer();
  onTestFinished(sink.close);
  const shipper = await ship(folder, sink, logsOnly);
  await shipper.done;
  expect(sink.logs.map(({ body }) => body)).toEqual(['two', 'three']);
  const { journalProblems, lastJournalProblem } = shipper.status().logs;
  expect(journalProblems).toBe(2);
  expect(lastJournalProblem).toContain('missing (corrupt)');
});
