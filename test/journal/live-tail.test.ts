// A reader that is overtaken by the writer: what it saw half written is whole by the time it looks for what comes behind.
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test, vi } from 'vitest';
import { createJournal, type JournalProblem } from '../../src/journal/index.ts';
import type * as SegmentIndex from '../../src/journal/segment-index.ts';
import { readRecords } from '../support/journal.ts';
import { flat, output, tempRun } from './journal-rig.ts';

/** Called each time that a reader is about to look into the index. */
let beforeIndex: () => void = () => undefined;

vi.mock('../../src/journal/segment-index.ts', async (original) => {
  const actual = await original<typeof SegmentIndex>();
  return {
    ...actual,
    loadIndex(...args: Parameters<typeof actual.loadIndex>) {
      beforeIndex();
      return actual.loadIndex(...args);
    },
  };
});

test('a frame that becomes whole while the reader looks for the next one is read, and is not reported as damage', async () => {
  const folder = tempRun();
  const journal = createJournal(folder, { durability: 'none', archive: false, indexEveryBytes: 1 });
  for (const line of ['one', 'two', 'three', 'four']) journal.output(output(`${line}\n`));
  await journal.close();
  const segment = path.join(folder.journalDir, '00000000000000000000.seg');
  const whole = readFileSync(segment);
  const amidTwo = whole.indexOf('two') + 1;
  truncateSync(segment, amidTwo);

  // The first look is for the place to begin at; the second for what is behind the half frame.
  let looks = 0;
  beforeIndex = () => {
    if (++looks === 2) writeFileSync(segment, whole);
  };
  const problems: JournalProblem[] = [];
  const records = await readRecords(folder, { onProblem: (problem) => problems.push(problem) });

  expect(looks).toBeGreaterThanOrEqual(2);
  expect(problems).toEqual([]);
  expect(flat(records).map(([, text]) => text)).toEqual(['one', 'two', 'three', 'four']);
});
