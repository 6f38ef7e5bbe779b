// The window of lines that the page holds: bounded, in order, without a gap or a repeat.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { endSeq, type OutputLine } from '../../web/output/line.ts';
import { screenAtEnd, screenFrom } from '../../web/output/screen.ts';
import { nextHit } from '../../web/output/search.ts';
import {
  appendBehind,
  appendLines,
  emptyWindow,
  heldUpTo,
  indexOfSeq,
  prependLines,
  windowLines,
} from '../../web/output/window.ts';

const line = (seq: number): OutputLine => ({
  seq,
  timeMs: seq,
  step: 'a',
  attempt: 1,
  stream: 'stdout',
  severity: 'info',
  text: `line ${seq}`,
});
const lines = (from: number, to: number): OutputLine[] =>
  Array.from({ length: to - from }, (_, index) => line(from + index));

describe('the colours on the screen', () => {
  const options = { rows: 3, columns: 80, wrap: true, offset: 0, search: undefined, fields: true, heads: new Map() };
  const of = (step: string, ...texts: string[]) => texts.map((text) => ({ step, text }));
  const windowOf = (all: readonly { step: string; text: string }[]) => ({
    lines: all.map((each, seq) => ({ ...line(seq), ...each })),
    atStart: true,
    atEnd: true,
  });
  const shown = (rows: readonly { ansi: string }[]) => rows.map(({ ansi }) => ansi.replace('\x1b]8;;\x1b\\', ''));

  test('carry on over line ends of a step, past the lines of another, and to a screen that begins later', () => {
    const window = windowOf([
      ...of('a', '\x1b[1;31mred begins'),
      ...of('b', 'plain'),
      ...of('a', 'still red', 'to here\x1b[0m on'),
      ...of('b', 'plain'),
    ]);
    const red = '\x1b[1;31mstill red\x1b[0m';
    expect(shown(screenFrom(window, 0, options))).toEqual(['\x1b[1;31mred begins\x1b[0m', 'plain', red]);
    expect(shown(screenFrom(window, 2, options))).toEqual([red, '\x1b[1;31mto here\x1b[0m on', 'plain']);
    expect(shown(screenAtEnd(window, options))).toEqual([red, '\x1b[1;31mto here\x1b[0m on', 'plain']);
  });

  test('start again with each attempt, and end if a line before the screen has ended them', () => {
    const window = windowOf(of('a', '\x1b[31mred', 'x\x1b[mplain', ...Array.from({ length: 9 }, () => 'plain')));
    expect(shown(screenAtEnd(window, options))).toEqual(['plain', 'plain', 'plain']);
    const again = { ...window, lines: window.lines.map((each, at) => ({ ...each, attempt: at === 0 ? 1 : 2 })) };
    expect(shown(screenFrom(again, 1, options))[0]).toBe('xplain');
  });
});

describe('the window', () => {
  test('never holds more than its bound, and slides towards what is added', () => {
    let window = appendLines(emptyWindow, lines(0, windowLines), true);
    window = appendLines(window, lines(windowLines, windowLines + 300), true);
    expect(window.lines).toHaveLength(windowLines);
    expect(window.lines[0]?.seq).toBe(300);
    expect(window.atStart).toBe(false);
    window = prependLines(window, lines(0, 300), true);
    expect(window.lines).toHaveLength(windowLines);
    expect(window.lines[0]?.seq).toBe(0);
    expect(window.atEnd).toBe(false);
  });

  test('takes a line once, whether it comes by range or live', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(60), fc.nat(20)), { maxLength: 10 }), (chunks) => {
        let window = emptyWindow;
        for (const [from, length] of chunks) window = appendLines(window, lines(from, from + length), true);
        const seqs = window.lines.map(({ seq }) => seq);
        expect(seqs).toEqual([...new Set(seqs)].sort((a, b) => a - b));
      }),
    );
  });

  test('does not move what is read when it is full and more comes', () => {
    const full = { lines: lines(0, windowLines), atStart: true, atEnd: true };
    const next = appendBehind(full, [line(windowLines)]);
    expect(next.lines).toBe(full.lines);
    expect(next.atEnd).toBe(false);
  });

  test('lets a row grow in its place when more of its line comes, by range or live, from whatever side', () => {
    const piece = fc.record({
      stream: fc.constantFrom('stdout' as const, 'stderr' as const),
      text: fc.constantFrom('a', 'b', ''),
    });
    fc.assert(
      fc.property(fc.array(fc.tuple(piece, fc.boolean())), fc.nat(), fc.nat(), (given, cut, at) => {
        const open = new Set<string>();
        const all = given.map(([{ stream, text }, ends], seq): OutputLine => {
          const continues = open.has(stream);
          if (ends) open.delete(stream);
          else open.add(stream);
          return {
            ...{ ...line(seq), stream, text },
            ...(continues && { continues: true as const }),
            ...(!ends && { unterminated: true as const }),
          };
        });
        const whole = appendLines(emptyWindow, all, true).lines;
        for (const stream of ['stdout', 'stderr']) {
          const text = all
            .filter((one) => one.stream === stream)
            .map((one) => `${one.text}${one.unterminated ? '' : '\n'}`);
          const rows = whole
            .filter((one) => one.stream === stream)
            .map((one) => `${one.text}${one.unterminated ? '' : '\n'}`);
          expect(rows.join('')).toBe(text.join(''));
          expect(rows.slice(0, -1).every((row) => row.endsWith('\n'))).toBe(true);
        }
        expect(whole.map(({ seq }) => seq)).toEqual(whole.map(({ seq }) => seq).sort((a, b) => a - b));
        const middle = all.length === 0 ? 0 : cut % all.length;
        const live = appendLines(appendLines(emptyWindow, all.slice(0, middle), true), all, true);
        expect(live.lines).toEqual(whole);
        expect(heldUpTo(live)).toBe(all.length - 1);
        const late = appendLines(emptyWindow, all.slice(middle), true);
        expect(prependLines(late, all.slice(0, middle), true).lines).toEqual(whole);
        const sought = all[all.length === 0 ? 0 : at % all.length];
        if (sought !== undefined) {
          const row = whole[indexOfSeq(live, sought.seq)] as OutputLine;
          expect(row.seq <= sought.seq && sought.seq <= endSeq(row)).toBe(true);
        }
      }),
    );
  });

  test('finds a line by its number, or the next one', () => {
    const window = { lines: [line(2), line(5), line(9)], atStart: true, atEnd: true };
    expect([0, 2, 3, 9, 50].map((seq) => indexOfSeq(window, seq))).toEqual([0, 0, 1, 2, 2]);
  });
});

describe('the screen', () => {
  const options = { rows: 5, columns: 80, wrap: true, offset: 0, search: undefined, fields: true, heads: new Map() };
  const window = { lines: lines(0, 100), atStart: true, atEnd: true };

  test('begins with the line asked for', () => {
    expect(screenFrom(window, 40, options).map((row) => row.line.seq)).toEqual([40, 41, 42, 43, 44]);
  });

  test('is filled from the end where the window ends first', () => {
    expect(screenFrom(window, 98, options).map((row) => row.line.seq)).toEqual([95, 96, 97, 98, 99]);
    expect(screenAtEnd(window, options).at(-1)?.line.seq).toBe(99);
  });
});

test('the next hit is the nearest from where one reads, then goes round', () => {
  const hits = [10, 20, 30];
  expect(nextHit(hits, -1, 1, 15)).toBe(1);
  expect(nextHit(hits, -1, -1, 15)).toBe(0);
  expect(nextHit(hits, 2, 1, 0)).toBe(0);
  expect(nextHit(hits, 0, -1, 0)).toBe(2);
  expect(nextHit([], -1, 1, 0)).toBeUndefined();
});
