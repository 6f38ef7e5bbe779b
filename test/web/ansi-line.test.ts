// What of a line may reach the terminal of the page.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { safeLink } from '../../src/text/link.ts';
import { parseLine as parse, plainText, type Run } from '../../web/output/ansi-line.ts';
import { paintLine, searchPattern } from '../../web/output/paint.ts';

const wide = { columns: 1000, wrap: true, offset: 0, search: undefined };
const parseLine = (line: string): readonly Run[] => parse(line).runs;
const written = (line: string): string => paintLine(parseLine(line), wide)[0]?.ansi ?? '';

describe('a line', () => {
  test('keeps its colours', () => {
    expect(parseLine('\x1b[1;31mred\x1b[0m plain')).toEqual([
      { sgr: '1;31', text: 'red', link: undefined },
      { sgr: '', text: ' plain', link: undefined },
    ]);
  });

  test.each([
    ['the clipboard', 'a\x1b]52;c;aGVsbG8=\x07b'],
    ['the title', 'a\x1b]0;owned\x1b\\b'],
    ['a device control string', 'a\x1bP$q"p\x1b\\b'],
    ['asking the terminal', 'a\x1b[6nb'],
    ['a mode', 'a\x1b[?1049hb'],
    ['a status report', 'a\x9b6nb'],
    ['key modifiers that end in m', 'a\x1b[>4;2mb'],
  ])('loses %s', (_name, line) => {
    expect(plainText(parseLine(line))).toBe('ab');
    expect(written(line)).toBe('ab');
  });

  test('shows nothing of other control characters, and no override of the writing direction', () => {
    expect(plainText(parseLine('a\x07b\x00c\u202ed'))).toBe('abc\ufffdd');
  });

  test('that redraws several rows is shown as those rows', () => {
    const rows = paintLine(parseLine('\x1b[1A\x1b[31mfirst\x1b[0m\r\x1b[1Bsecond'), wide);
    expect(rows).toEqual([
      { ansi: '\x1b[31mfirst\x1b[0m\x1b]8;;\x1b\\', continued: false },
      { ansi: 'second', continued: true },
    ]);
  });

  test('is collapsed first, and cut afterwards', () => {
    const bar = Array.from({ length: 4000 }, (_, at) => `\rReceiving ${at}`).join('');
    expect(plainText(parseLine(`${bar}\r\x1b[Kfatal: early EOF`))).toBe('fatal: early EOF');
    expect(plainText(parseLine(`${'x'.repeat(30_000)}`))).toMatch(/^x{20000} … 10000 more characters$/);
  });

  test('of a progress bar shows what it was last', () => {
    expect(plainText(parseLine('10 %\r50 %\r100 %\r'))).toBe('100 %');
  });

  test('keeps links to http and https only', () => {
    const link = (url: string): string | undefined => parseLine(`\x1b]8;;${url}\x1b\\text\x1b]8;;\x1b\\`)[0]?.link;
    expect(link('https://example.com/a')).toBe('https://example.com/a');
    expect(link('javascript:alert(1)')).toBeUndefined();
    expect(link('file:///etc/passwd')).toBeUndefined();
    expect(link('data:text/html,x')).toBeUndefined();
    expect(safeLink('https://example.com/\x1b]0;x\x07')).not.toMatch(/\x1b|\x07/);
  });

  test('whatever it holds, writes nothing to the terminal but text, colours and links', () => {
    const piece = fc.oneof(
      fc.string(),
      fc.constantFrom(
        '\x1b',
        '\x1b[',
        '\x1b]',
        '\x1b]8;;',
        '\x9b',
        '\x9d',
        '\x07',
        '\x1b\\',
        'm',
        '1;31m',
        'H',
        '2J',
        '52;c;',
      ),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const rest = written(pieces.join(''))
          .replace(/\x1b\[[0-9;:]*m/g, '')
          .replace(/\x1b\]8;;(https?:\/\/[\x21-\x7e]*)?\x1b\\/g, '');
        expect(rest).not.toMatch(/[\x00-\x1f\x7f-\x9f]/);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('rows', () => {
  test('are never wider than the terminal', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200 }), fc.integer({ min: 2, max: 40 }), (line, columns) => {
        const rows = paintLine(parseLine(line), { ...wide, columns });
        for (const row of rows)
          expect(row.ansi.replace(/\x1b\[[0-9;:]*m|\x1b\]8;;[^\x1b]*\x1b\\/g, '').length).toBeLessThanOrEqual(
            columns * 2,
          );
        expect(rows.length).toBeGreaterThan(0);
      }),
    );
  });

  test('wrap at the width, and are cut where nothing wraps', () => {
    const runs = parseLine('abcdefghij');
    expect(paintLine(runs, { ...wide, columns: 4 }).map((row) => row.ansi)).toEqual(['abcd', 'efgh', 'ij']);
    expect(paintLine(runs, { ...wide, columns: 4, wrap: false, offset: 2 }).map((row) => row.ansi)).toEqual(['cdef']);
  });

  test('count a wide character as two columns', () => {
    expect(paintLine(parseLine('日本語'), { ...wide, columns: 4 }).map((row) => row.ansi)).toEqual(['日本', '語']);
  });

  test('mark the hits of a search, across colours', () => {
    const [row] = paintLine(parseLine('a \x1b[31mer\x1b[32mror\x1b[0m b'), { ...wide, search: searchPattern('error') });
    expect(row?.ansi).toBe('a \x1b[38;5;16;48;5;221merror\x1b[0m\x1b]8;;\x1b\\ b');
  });

  test('take an expression between slashes', () => {
    expect(searchPattern('/e.r/i')?.source).toBe('e.r');
    expect(searchPattern('/(/')).toBeUndefined();
    expect(searchPattern('a.b')?.test('axb')).toBe(false);
  });
});
