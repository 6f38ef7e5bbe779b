// The filter that readers share: whatever is asked for, exactly those lines come, whole and with their numbers.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type JournalRecord, linesOf, seqCount } from '../../src/core/record.ts';
import { createSelector, parseSearch, type Selection } from '../../src/runs/select-records.ts';
import { stripAnsi } from '../../src/text/ansi.ts';
import { severityOfLine } from '../../src/text/severity.ts';
import { severities, streams } from '../../src/text/stream.ts';
import { anyJournal, journalOf, runStarted, startNs } from './journal-of.ts';

const place = fc.option(
  fc.oneof(
    fc.nat(200).map((seq) => ({ kind: 'seq' as const, seq })),
    fc.bigInt({ min: 0n, max: 80_000_000_000n }).map((ns) => ({ kind: 'time' as const, ns: startNs + ns })),
    fc.nat(4).map((ns) => ({ kind: 'time' as const, ns: startNs + 3_000_000_000n + BigInt(ns) })),
  ),
  { nil: undefined },
);

const anySelection: fc.Arbitrary<Selection> = fc.record({
  steps: fc.option(fc.subarray(['build', 'test', '__proto__']), { nil: undefined }),
  streams: fc.option(fc.subarray([...streams]), { nil: undefined }),
  severities: fc.option(fc.subarray([...severities]), { nil: undefined }),
  from: place,
  to: place,
  search: fc.option(
    fc.constantFrom(
      { kind: 'text' as const, text: 'a' },
      { kind: 'text' as const, text: 'aa' },
      { kind: 'regex' as const, regex: /^a/ },
    ),
    { nil: undefined },
  ),
  events: fc.boolean(),
});

/** The same question asked of one line at a time, with nothing clever in it. */
function wanted(record: JournalRecord, selection: Selection): readonly (readonly [number, bigint, string, boolean])[] {
  const { steps, streams: of, severities: wanted, from, to, search } = selection;
  if (steps !== undefined && !steps.includes(record.subject?.step ?? '(none)')) return [];
  const between = (seq: number, ns: bigint): boolean => {
    const atLeast = from === undefined || (from.kind === 'seq' ? seq >= from.seq : ns >= from.ns);
    return atLeast && (to === undefined || (to.kind === 'seq' ? seq < to.seq : ns < to.ns));
  };
  if (record.kind === 'event') {
    return selection.events && between(record.seq, record.timeNs) ? [[record.seq, record.timeNs, '', false]] : [];
  }
  if (of !== undefined && !of.includes(record.stream)) return [];
  return [...linesOf(record)].flatMap((line) => {
    const text = stripAnsi(line.bytes.toString());
    if (!between(line.seq, line.timeNs)) return [];
    if (wanted !== undefined && !wanted.includes(severityOfLine(record.stream, line.bytes))) return [];
    if (search?.kind === 'text' && !text.includes(search.text)) return [];
    if (search?.kind === 'regex' && !search.regex.test(text)) return [];
    return [[line.seq, line.timeNs, `${line.bytes}${line.unterminated ? '' : '\n'}`, line.continues] as const];
  });
}

describe('a selection', () => {
  test('returns exactly the lines that a look at each line by itself would', () => {
    fc.assert(
      fc.property(anyJournal, anySelection, (records, selection) => {
        const selector = createSelector(selection);
        const got = records.flatMap((record) =>
          selector.select(record).flatMap((part) => {
            if (part.kind === 'event') return [[part.seq, part.timeNs, '', false]];
            const lines = [...linesOf(part)].map((line) => [
              line.seq,
              line.timeNs,
              `${line.bytes}${line.unterminated ? '' : '\n'}`,
              line.continues,
            ]);
            expect(lines.map((line) => line[2]).join('')).toBe(part.bytes.toString());
            expect(lines.length).toBe(seqCount(part));
            return lines;
          }),
        );
        expect(got).toEqual(records.flatMap((record) => wanted(record, selection)));
      }),
      { numRuns: 500 },
    );
  });

  test('is past only where nothing more can be wanted, and starts no later than its first line', () => {
    fc.assert(
      fc.property(anyJournal, anySelection, (records, selection) => {
        const selector = createSelector(selection);
        const past = records.findIndex((record) => selector.isPast(record));
        if (past !== -1) for (const record of records.slice(past)) expect(selector.select(record)).toEqual([]);
        for (const record of records) {
          for (const part of selector.select(record)) expect(part.seq).toBeGreaterThanOrEqual(selector.firstSeq);
        }
      }),
    );
  });

  test('hands a record on as it is where all of it is wanted', () => {
    const { records } = journalOf()
      .event(runStarted(['a']))
      .output('one\ntwo\n', 'a');
    const { select } = createSelector({ events: true, search: { kind: 'regex', regex: /o/ } });
    expect(records.map((record) => select(record)[0])).toEqual(records);
    expect(records.every((record) => select(record)[0] === record)).toBe(true);
  });

  test('finds text that an escape sequence cuts in two', () => {
    const { records } = journalOf().output('re\u001b[31mady\nnot\n', 'a');
    const { select } = createSelector({ events: false, search: { kind: 'text', text: 'ready' } });
    expect(records.flatMap(select)).toMatchObject([{ seq: 0, lineCount: 1 }]);
  });

  test('takes the severity that the writer set over the one the line would have', () => {
    const { records } = journalOf().output('ERROR: in name only\n', 'a', { stream: 'system', severity: 'info' });
    expect(records.flatMap(createSelector({ events: false, severities: ['error'] }).select)).toEqual([]);
    expect(records.flatMap(createSelector({ events: false, severities: ['info'] }).select)).toHaveLength(1);
  });
});

describe('a search', () => {
  test('is a text, or a regular expression between slashes', () => {
    expect(parseSearch('a.b')).toEqual({ ok: true, search: { kind: 'text', text: 'a.b' } });
    expect(parseSearch('/a.b/i')).toEqual({ ok: true, search: { kind: 'regex', regex: /a.b/i } });
    expect(parseSearch('/usr')).toEqual({ ok: true, search: { kind: 'text', text: '/usr' } });
  });

  test('that cannot be understood says why', () => {
    expect(parseSearch('/(/')).toMatchObject({ ok: false, message: expect.stringContaining('Unterminated group') });
    expect(parseSearch('/a/g')).toMatchObject({ ok: false, message: expect.stringContaining('leave out g') });
    expect(parseSearch('/a/k')).toMatchObject({ ok: false });
  });
});
