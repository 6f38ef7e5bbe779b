// The journal against the simplest thing that could be one: an array with an entry for each sequence number.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { linesOf } from '../../src/core/record.ts';
import {
  archiveSealed,
  createJournal,
  type JournalWriter,
  openJournal,
  reopenJournal,
} from '../../src/journal/index.ts';
import { readRecords } from '../support/journal.ts';
import { flat, output, stepStarted, subject, tempRun } from './journal-rig.ts';

type Action =
  | { kind: 'lines'; lines: string[]; unterminated: boolean }
  | { kind: 'event' }
  | { kind: 'reopen' }
  | { kind: 'archive' }
  | { kind: 'read'; share: number; maxBatchBytes: number };

const word = fc.string({ maxLength: 40 }).map((text) => text.replaceAll('\n', ' '));
const anyAction: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('lines'),
      lines: fc.array(word, { minLength: 1, maxLength: 8 }),
      unterminated: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('event') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reopen') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('archive') }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('read'),
      share: fc.double({ min: 0, max: 1.1, noNaN: true }),
      maxBatchBytes: fc.integer({ min: 1, max: 400 }),
    }),
  },
);

test('every number reads back what was appended under it, over reopening, rolling and archiving', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyAction, { maxLength: 60 }),
      fc.integer({ min: 1, max: 800 }),
      fc.integer({ min: 1, max: 500 }),
      async (actions, segmentBytes, indexEveryBytes) => {
        const folder = tempRun();
        const options = { segmentBytes, indexEveryBytes, durability: 'none', archive: false } as const;
        const model: string[] = [];
        let journal: JournalWriter = createJournal(folder, options);
        const check = async (from: number, maxBatchBytes?: number): Promise<void> => {
          const wanted = model.slice(from).map((text, index) => [from + index, text]);
          expect(flat(await readRecords(folder, { from, ...(maxBatchBytes && { maxBatchBytes }) }))).toEqual(wanted);
        };
        for (const action of actions) {
          switch (action.kind) {
            case 'lines': {
              // Without its line end an empty last line would be no line at all.
              const unterminated = action.unterminated && action.lines.at(-1) !== '';
              const seq = journal.output(output(action.lines.join('\n') + (unterminated ? '' : '\n')));
              expect(seq).toBe(model.length);
              model.push(...action.lines);
              break;
            }
            case 'event':
              expect(journal.event(stepStarted, subject)).toBe(model.length);
              model.push('step.started');
              break;
            case 'reopen':
              await journal.close();
              journal = reopenJournal(folder, options);
              break;
            case 'archive':
              expect((await archiveSealed(folder)).left).toEqual([]);
              break;
            case 'read':
              await check(Math.floor(action.share * model.length), action.maxBatchBytes);
              break;
          }
        }
        expect(await openJournal(folder).head()).toEqual({ firstSeq: 0, nextSeq: model.length, finished: false });
        await check(0);
        await journal.close();
        await archiveSealed(folder);
        await check(0);
        await check(Math.floor(model.length / 2));
        await timesIncrease(folder);
      },
    ),
    { numRuns: 60 },
  );
});

async function timesIncrease(folder: Parameters<typeof readRecords>[0]): Promise<void> {
  let last = 0n;
  for (const record of await readRecords(folder)) {
    const times = record.kind === 'event' ? [record.timeNs] : [...linesOf(record)].map((line) => line.timeNs);
    for (const time of times) {
      expect(time > last).toBe(true);
      last = time;
    }
  }
}

test('time continues from where it was when the clock is set back between two writers', async () => {
  const folder = tempRun();
  const first = createJournal(folder, { wallNs: () => 5_000n });
  first.output(output('a\nb\n'));
  await first.close();
  const second = reopenJournal(folder, { wallNs: () => 10n });
  second.event(stepStarted);
  await second.close();
  const [lines, event] = await readRecords(folder);
  expect(event!.timeNs).toBe(lines!.timeNs + 2n);
});

test('a place in time is found by its number', async () => {
  let now = 0n;
  const folder = tempRun();
  const journal = createJournal(folder, { segmentBytes: 600, indexEveryBytes: 150, wallNs: () => now, archive: false });
  for (let index = 1; index <= 50; index++) {
    now = BigInt(index) * 1000n;
    journal.output(output(`line ${index}\n`));
  }
  await journal.close();
  for (const form of ['raw', 'archived']) {
    const reader = openJournal(folder);
    for (const index of [1, 17, 30, 50]) {
      const from = await reader.seqBefore(BigInt(index) * 1000n);
      expect(from, form).toBeLessThan(index);
      expect(from, form).toBeGreaterThan(index - 15);
    }
    expect(await reader.seqBefore(0n)).toBe(0);
    await archiveSealed(folder);
  }
});
