// Reading events alone: the same events that a whole reading returns, while output is skipped without reading most of it.
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { frameSeed } from '../../src/journal/format.ts';
import { encodeFrameHead } from '../../src/journal/frame.ts';
import { archiveSealed, createJournal, openJournal, type RunFolder } from '../../src/journal/index.ts';
import { listSegments } from '../../src/journal/segment-files.ts';
import { readRecords } from '../support/journal.ts';
import { flat, output, runFinished, stepStarted, subject, tempRun } from './journal-rig.ts';

const eventsOf = async (folder: RunFolder, from: number) =>
  (await readRecords(folder, { from })).filter((record) => record.kind === 'event');

/** Bytes of output, or 0 for an event. */
const drafts = fc.array(
  fc.oneof({ weight: 4, arbitrary: fc.integer({ min: 1, max: 40_000 }) }, { weight: 1, arbitrary: fc.constant(0) }),
  { minLength: 1, maxLength: 60 },
);

async function written(lengths: readonly number[], segmentBytes: number): Promise<RunFolder> {
  const folder = tempRun();
  const journal = createJournal(folder, { segmentBytes, indexEveryBytes: 20_000, archive: false });
  for (const length of lengths) {
    if (length === 0) journal.event(stepStarted);
    else journal.output(output('line\n'.repeat(Math.ceil(length / 5))));
  }
  journal.event(runFinished);
  await journal.close();
  return folder;
}

test('returns the events of any journal, from any number, raw and archived', async () => {
  const segments = fc.constantFrom(2_000, 100_000, 10_000_000);
  const compressions = fc.constantFrom('zstd' as const, 'gzip' as const);
  const places = fc.double({ min: 0, max: 1, noNaN: true });
  await fc.assert(
    fc.asyncProperty(drafts, segments, compressions, places, async (lengths, segmentBytes, compression, where) => {
      const folder = await written(lengths, segmentBytes);
      const { nextSeq } = await openJournal(folder).head();
      const from = Math.floor(where * nextSeq);
      const wanted = await eventsOf(folder, from);
      const problems: unknown[] = [];
      const onProblem = (problem: unknown) => problems.push(problem);
      expect(await readRecords(folder, { from, only: 'events', onProblem })).toEqual(wanted);
      await archiveSealed(folder, { compression });
      expect(await readRecords(folder, { from, only: 'events', onProblem })).toEqual(wanted);
      expect(problems).toEqual([]);
    }),
    { numRuns: 60 },
  );
});

test('does not read the output between two events of a raw segment', async () => {
  const folder = await written([0, 40_000, 0], 1_000_000);
  const [segment] = listSegments(folder.journalDir);
  const bytes = readFileSync(segment!.path);
  bytes.fill('x', 20_000, 21_000);
  writeFileSync(segment!.path, bytes);
  await expect(readRecords(folder)).rejects.toMatchObject({ code: 'corrupt' });
  const events = await readRecords(folder, { only: 'events' });
  expect(flat(events).map(([, type]) => type)).toEqual(['step.started', 'step.started', 'run.finished']);
});

test('does not uncompress the members of an archive that hold output only', async () => {
  const megabyte = 1_048_576;
  const folder = await written([0, megabyte, megabyte, megabyte, megabyte, 0], 100 * megabyte);
  await archiveSealed(folder, { compression: 'zstd' });
  const [segment] = listSegments(folder.journalDir);
  const bytes = readFileSync(segment!.path);
  bytes.fill('x', Math.floor(bytes.length / 2), Math.floor(bytes.length / 2) + 20);
  writeFileSync(segment!.path, bytes);
  await expect(readRecords(folder)).rejects.toMatchObject({ code: 'corrupt' });
  const events = await readRecords(folder, { only: 'events' });
  expect(flat(events).map(([, type]) => type)).toEqual(['step.started', 'step.started', 'run.finished']);
});

test('finds events with numbers of output that could not be written to the end of the segment before', async () => {
  const folder = await written([0, 5, 0, 0, 0], 1);
  const [, second, third] = listSegments(folder.journalDir);
  const lost = {
    kind: 'output',
    stream: 'stdout',
    severity: undefined,
    continues: false,
    unterminated: false,
  } as const;
  const payload = Buffer.alloc(100_000, 'line\n');
  const fields = { ...lost, lineCount: 20_000, seq: third!.firstSeq, timeNs: 1n, subject };
  const seed = frameSeed({ runId: folder.runId, firstSeq: second!.firstSeq });
  appendFileSync(second!.path, Buffer.concat([encodeFrameHead(fields, payload, seed), payload.subarray(0, 50_000)]));
  const wanted = await eventsOf(folder, 0);
  expect(wanted).toHaveLength(5);
  expect(await readRecords(folder, { only: 'events' })).toEqual(wanted);
});
