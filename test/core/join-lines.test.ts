// Pieces of lines become whole lines again, whatever the pieces are and whatever lies between them.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLineJoiner, type LineJoinerOptions } from '../../src/core/join-lines.ts';
import { type JournalRecord, linesOf, type OutputRecord, seqCount } from '../../src/core/record.ts';
import { attemptFinished, journalOf, runFinished } from '../runs/journal-of.ts';

type Printed = { readonly step: string; readonly stream: 'stdout' | 'stderr'; readonly text: string };

const printed = fc.array(
  fc.record({
    step: fc.constantFrom('a', 'b'),
    stream: fc.constantFrom('stdout' as const, 'stderr' as const),
    text: fc.oneof(
      fc.array(fc.constantFrom('\n', 'x', '\r', 'é', 'long text '), { minLength: 1 }).map((parts) => parts.join('')),
      fc.constantFrom('\n', 'piece', 'line\n'),
    ),
  }),
  { maxLength: 40 },
);

/** A journal as the engine writes it: each record continues what its stream left open. */
function recordsOf(all: readonly Printed[]): readonly JournalRecord[] {
  const made = journalOf();
  const open = new Set<string>();
  for (const { step, stream, text } of all) {
    const key = `${step} ${stream}`;
    made.output(text, step, { stream, continues: open.has(key) });
    if (text.endsWith('\n')) open.delete(key);
    else open.add(key);
  }
  return made.event(runFinished()).records;
}

function join(records: readonly JournalRecord[], options?: LineJoinerOptions): readonly JournalRecord[] {
  const joiner = createLineJoiner(options);
  const given = records.flatMap((record) => joiner.add(record));
  return [...given, ...joiner.end()];
}

/** In bytes that are read into again after the call, as with `reuseMemory`. */
function reused(record: JournalRecord, take: (record: JournalRecord) => void): void {
  const bytes = record.kind === 'output' ? Buffer.from(record.bytes) : Buffer.alloc(0);
  take(record.kind === 'output' ? { ...record, bytes } : record);
  bytes.fill(0x21);
}

const isOutput = (record: JournalRecord): record is OutputRecord => record.kind === 'output';
const of = (records: readonly JournalRecord[], step: string, stream: string): readonly OutputRecord[] =>
  records.filter(isOutput).filter((record) => record.subject?.step === step && record.stream === stream);

describe('the line joiner', () => {
  it('returns the lines of the whole output, once each, in ascending order', () => {
    fc.assert(
      fc.property(printed, (all) => {
        const records = recordsOf(all);
        const joined = join(records);
        for (const step of ['a', 'b'])
          for (const stream of ['stdout', 'stderr']) {
            const text = Buffer.concat(of(records, step, stream).map(({ bytes }) => bytes)).toString();
            const lines = of(joined, step, stream).flatMap((record) => [...linesOf(record)]);
            const wanted = text.split('\n');
            if (wanted.at(-1) === '') wanted.pop();
            expect(lines.map(({ bytes }) => bytes.toString())).toEqual(wanted);
            expect(lines.some(({ continues }) => continues)).toBe(false);
            expect(lines.slice(0, -1).some(({ unterminated }) => unterminated)).toBe(false);
            const seqs = lines.map(({ seq }) => seq);
            expect(seqs).toEqual([...new Set(seqs)].sort((a, b) => a - b));
          }
      }),
    );
  });

  it('loses no byte of any journal, whatever its flags say and whatever is missing', () => {
    const flags = fc.array(fc.record({ continues: fc.boolean(), isMissing: fc.boolean() }), {
      minLength: 40,
      maxLength: 40,
    });
    const options = fc.record({
      maxLineBytes: fc.integer({ min: 1, max: 30 }),
      maxOpenNs: fc.bigInt({ min: 0n, max: 9_000_000_000n }),
    });
    fc.assert(
      fc.property(printed, flags, options, (all, given, limits) => {
        const records = recordsOf(all).flatMap((record, index) => {
          const { continues, isMissing } = given[index] ?? { continues: false, isMissing: false };
          return isMissing ? [] : [record.kind === 'event' ? record : { ...record, continues }];
        });
        const joined = join(records, limits);
        for (const step of ['a', 'b'])
          for (const stream of ['stdout', 'stderr'])
            expect(Buffer.concat(of(joined, step, stream).map(({ bytes }) => bytes))).toEqual(
              Buffer.concat(of(records, step, stream).map(({ bytes }) => bytes)),
            );
      }),
    );
  });

  it('passes whole lines through as they are', () => {
    const { records } = journalOf().output('a\nb\n', 'a').event(runFinished());
    const joined = createLineJoiner();
    expect(records.map((record) => joined.add(record)[0])).toEqual(records);
    expect(records.every((record) => createLineJoiner().add(record)[0] === record)).toBe(true);
  });

  it('shows open lines without forgetting them, and does not keep the buffers they came in', () => {
    const { records } = journalOf()
      .output('first\nSure? ', 'a')
      .output('noise', 'b')
      .output('[y/N] ', 'a', { continues: true });
    const joiner = createLineJoiner();
    for (const record of records) reused(record, joiner.add);
    expect(joiner.open().map(({ bytes, unterminated }) => [bytes.toString(), unterminated])).toEqual([
      ['Sure? [y/N] ', true],
      ['noise', true],
    ]);
    expect(joiner.openSeqs()).toEqual([1, 2]);
    expect(joiner.end().length).toBe(2);
    expect(joiner.open()).toEqual([]);
  });

  it('does not join over missing records', () => {
    const { records } = journalOf()
      .output('one ', 'a')
      .output('two ', 'a', { continues: true })
      .output('three\n', 'a', { continues: true });
    const joined = join(records.filter(({ seq }) => seq !== 1));
    expect(joined.filter(isOutput).map(({ bytes, continues }) => [bytes.toString(), continues])).toEqual([
      ['one ', false],
      ['three\n', true],
    ]);
  });

  it('ends a line with its attempt, and not with that of another step', () => {
    const { records } = journalOf().output('left open', 'a').output('more to come', 'b');
    const finished = journalOf().event(attemptFinished(), 'a').records[0] as JournalRecord;
    const joiner = createLineJoiner();
    for (const record of records) expect(joiner.add(record)).toEqual([]);
    const given = joiner.add({ ...finished, seq: 2 });
    expect(given.map((record) => (isOutput(record) ? record.bytes.toString() : record.event.type))).toEqual([
      'left open',
      'attempt.finished',
    ]);
    expect(joiner.open().map(({ bytes }) => bytes.toString())).toEqual(['more to come']);
  });

  it('returns a line that stays open in parts, the same ones whether a record or a clock says that it is time', () => {
    const second = 1_000_000_000n;
    const { records } = journalOf()
      .output('1', 'a')
      .output('2', 'a', { continues: true })
      .output('3', 'a', { continues: true })
      .output('4', 'a', { continues: true })
      .output('5\n', 'a', { continues: true });
    const options = { maxOpenNs: 2n * second };
    const parts = join(records, options);
    expect(
      parts
        .filter(isOutput)
        .map(({ seq, bytes, continues, unterminated }) => [seq, `${bytes}`, continues, unterminated]),
    ).toEqual([
      [2, '123', false, true],
      [4, '45\n', true, false],
    ]);
    const joiner = createLineJoiner(options);
    const byClock = records.flatMap((record) => [...joiner.expire(record.timeNs), ...joiner.add(record)]);
    expect(byClock).toEqual(parts);
  });

  it('has the severity that the writer gave to any piece, and takes no number twice', () => {
    const { records } = journalOf().output('a', 'a').output('b\nc\nd', 'a', { continues: true, severity: 'warning' });
    const joined = join(records).filter(isOutput);
    expect(joined.map(({ severity }) => severity)).toEqual(['warning', 'warning', 'warning']);
    expect(joined.flatMap((record) => Array.from({ length: seqCount(record) }, (_, at) => record.seq + at))).toEqual([
      1, 2, 3,
    ]);
  });
});
