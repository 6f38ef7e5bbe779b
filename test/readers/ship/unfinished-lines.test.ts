// Lines that were recorded in pieces arrive once, whole, or in parts that say so; whatever the server and the process do.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { RunId } from '../../../src/core/ids.ts';
import { type JournalRecord, type OutputRecord, seqCount } from '../../../src/core/record.ts';
import { createPipe } from './support/pipe.ts';
import { recorder, runFinished, runStarted } from './support/runs.ts';

const runId = '20261123-100000-abcdef' as RunId;

type Printed = { readonly stream: 'stdout' | 'stderr'; readonly text: string; readonly waitMs: number };

const printed = fc.array(
  fc.record({
    stream: fc.constantFrom('stdout' as const, 'stderr' as const),
    text: fc.constantFrom('.', '\x1b[1m50 %', 'Sure? ', 'done\n', 'one\ntwo\nthree', '\n', 'a\nb\nc\nd\n'),
    waitMs: fc.constantFrom(1, 1, 1, 4_000, 11_000),
  }),
  { minLength: 1, maxLength: 25 },
);

function journalOf(all: readonly Printed[]): readonly JournalRecord[] {
  const { event, output } = recorder();
  const open = new Set<string>();
  let laterNs = 0n;
  const later = <R extends JournalRecord>(record: R): R => ({ ...record, timeNs: record.timeNs + laterNs });
  const records: JournalRecord[] = [event(runStarted(runId))];
  for (const { stream, text, waitMs } of all) {
    laterNs += BigInt(waitMs) * 1_000_000n;
    records.push(later(output(text, { stream, continues: open.has(stream) })));
    if (text.endsWith('\n')) open.delete(stream);
    else open.add(stream);
  }
  return [...records, later(event(runFinished))];
}

const textOf = (records: readonly JournalRecord[], stream: string): string =>
  records
    .filter((record): record is OutputRecord => record.kind === 'output' && record.stream === stream)
    .map(({ bytes }) => bytes.toString())
    .join('');

test('each line arrives whole or in parts that say so, and what is sent again is the same record', async () => {
  const faults = fc.array(fc.constantFrom('none', 'answer lost', 'crash before', 'crash after'), { maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(printed, faults, fc.integer({ min: 1, max: 5 }), async (all, script, items) => {
      const records = journalOf(all);
      const pipe = createPipe({ runId, records, faults: script, items });
      await pipe.shipAll();
      const lines = new Map<number, (typeof pipe.arrived)[number]>();
      for (const log of pipe.arrived) {
        const seq = Number(log.attributes['stepspan.seq']);
        expect(lines.get(seq) ?? log).toEqual(log);
        lines.set(seq, log);
      }
      for (const stream of ['stdout', 'stderr']) {
        const ofStream = [...lines]
          .filter(([, { attributes }]) => attributes['log.iostream'] === stream)
          .sort(([a], [b]) => a - b)
          .map(([, log]) => log);
        const text = ofStream
          .map(({ body, attributes }) => `${body}${attributes['stepspan.line.unterminated'] === true ? '' : '\n'}`)
          .join('');
        // Without colours, as a log is searched.
        expect(text).toBe(textOf(records, stream).replaceAll('\x1b[1m', ''));
        for (const [index, { attributes }] of ofStream.entries())
          expect(attributes['stepspan.line.continues'] === true).toBe(
            ofStream[index - 1]?.attributes['stepspan.line.unterminated'] === true,
          );
      }
      expect(pipe.position()).toBe((records.at(-1)?.seq ?? 0) + 1);
    }),
    { numRuns: 300 },
  );
});

test('a line that ends within ten seconds is one record, one that does not is sent while it waits', async () => {
  const slow = (text: string, waitMs: number): Printed => ({ stream: 'stdout', text, waitMs });
  const records = journalOf([
    slow('Sure? ', 1),
    slow('[y/N] ', 5_000),
    slow('yes\n', 4_000),
    slow('Password: ', 1),
    slow('***', 11_000),
    slow('\n', 1_000),
  ]);
  const pipe = createPipe({ runId, records, faults: [], items: 100 });
  await pipe.shipAll();
  expect(
    pipe.arrived.map(({ body, attributes }) => [
      body,
      attributes['stepspan.line.continues'] === true,
      attributes['stepspan.line.unterminated'] === true,
    ]),
  ).toEqual([
    ['Sure? [y/N] yes', false, false],
    ['Password: ', false, true],
    ['***', true, false],
  ]);
  expect(records.reduce((sum, record) => sum + seqCount(record), 0)).toBe(8);
});

test('a question that nothing follows is sent in the time of the clock', async () => {
  const { event, output } = recorder();
  const agoNs = BigInt(Date.now() - 60_000) * 1_000_000n;
  const started = event(runStarted(runId));
  const question = { ...output('Overwrite production? [y/N] '), timeNs: agoNs };
  const pipe = createPipe({ runId, records: [started, question], faults: [], items: 100, isLive: true });
  const [first] = await pipe.shipUntil((arrived) => arrived.length > 0);
  expect(first?.body).toBe('Overwrite production? [y/N] ');
  expect(first?.attributes['stepspan.line.unterminated']).toBe(true);
});
