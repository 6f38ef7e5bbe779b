// The text of output as a person saw it at its end: examples of real programs, and any sequence against xterm's own buffer.
import headless from '@xterm/headless';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { screenRows } from '../../src/text/screen.ts';
import { mayBeRedrawn, seenLine, seenRows, seenText } from '../../src/text/seen.ts';

/** What the buffer of xterm.js holds after a text, with as many rows as the model has and more columns than any line. */
async function xtermText(text: string): Promise<string> {
  const terminal = new headless.Terminal({
    cols: 2_000,
    rows: screenRows,
    scrollback: 5_000,
    convertEol: true,
    allowProposedApi: true,
    logLevel: 'off',
  });
  await new Promise<void>((resolve) => terminal.write(text, resolve));
  const buffer = terminal.buffer.active;
  const rows = Array.from({ length: buffer.length }, (_, at) => buffer.getLine(at)?.translateToString(true) ?? '');
  terminal.dispose();
  return normal(rows.join('\n'));
}

/** A buffer does not distinguish trailing blanks and blank rows at its end; a tab is the blanks up to the next stop there. */
function normal(text: string): string {
  const rows = text.split('\n').map((row) => expandTabs(row).replace(/ +$/, ''));
  return rows.join('\n').replace(/\n+$/, '');
}

function expandTabs(row: string): string {
  let made = '';
  let column = 0;
  for (const char of row) {
    const width = char === '\t' ? 8 - (column % 8) : char === '\u0301' ? 0 : /[\u4e00-\u9fff]/.test(char) ? 2 : 1;
    made += char === '\t' ? ' '.repeat(width) : char;
    column += width;
  }
  return made;
}

const count = fc.constantFrom('', '0', '1', '2', '3', '7', '20', '120');
const piece = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.string({ unit: fc.constantFrom('a', 'b', 'Z', '9', ' ', '%'), minLength: 1, maxLength: 12 }),
  },
  { weight: 1, arbitrary: fc.constantFrom('宽', '字x', 'e\u0301', 'é') },
  { weight: 3, arbitrary: fc.constantFrom('\r', '\b', '\n', '\r\n', '\t') },
  {
    weight: 3,
    arbitrary: fc.tuple(count, fc.constantFrom(...'ABCDEFGd`aeXP@')).map(([n, final]) => `\x1b[${n}${final}`),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom('\x1b[K', '\x1b[0K', '\x1b[1K', '\x1b[2K', '\x1b[J', '\x1b[0J', '\x1b[1J', '\x1b[2J'),
  },
  { weight: 1, arbitrary: fc.tuple(count, count).map(([row, column]) => `\x1b[${row};${column}H`) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '\x1b[31m',
      '\x1b[0;1;38;5;208m',
      '\x1b[m',
      '\x1b[?25l',
      '\x1b[?25h',
      '\x1b(B',
      '\x1b]0;title\x07',
      '\x1b]8;;https://example.org\x1b\\',
      '\x1b7',
      '\x1b8',
      '\x1b[s',
      '\x1b[u',
      '\x07',
      '\x00',
      '\x7f',
      '\x0b',
      '\x0c',
      '\x1bD',
      '\x1bE',
      '\x1bPq\x1b\\',
      '\x1b[>4;2m',
      '\x1b=',
    ),
  },
);

const E = '\x1b';
const up = (rows: number): string => `${E}[${rows}A`;
const down = (rows: number): string => `${E}[${rows}B`;

describe('a line as seen', () => {
  test.each([
    ['a bar of pip', '\rBig.whl  0% |    |\rBig.whl 50% |##  |\rBig.whl 100% |####|', 'Big.whl 100% |####|'],
    ['a shorter text over a longer one', 'abc\rX', 'Xbc'],
    ['the same with the rest erased', `Compiling a long name\r${E}[KDone`, 'Done'],
    [
      'git, which ends each frame with a return',
      'Receiving:   1%\rReceiving: 100%\rfatal: early EOF\r',
      'fatal: early EOF',
    ],
    [
      'a spinner of npm',
      `${E}[?25l${E}[2K${E}[1G${E}[36m⠋${E}[39m build${E}[2K${E}[1G${E}[32m✔${E}[39m built`,
      '✔ built',
    ],
    ['the cursor shown again', `${E}[?25h`, ''],
    ['a mode, a margin, a character set, a keypad', `${E}[?1003l${E}[1;24r${E}(B${E}=${E}>text`, 'text'],
    ['a title and a link', `${E}]0;title${E}\\a ${E}]8;;https://example.org\x07link${E}]8;;\x07`, 'a link'],
    ['a title without end', `a${E}]0;title`, 'a'],
    ['a device control string', `a${E}Pq#1${E}\\b`, 'ab'],
    ['an ESC at the end, and a cut-off sequence', `a${E}[3${E}`, 'a'],
    ['bell, NUL, DEL and backspaces', 'bel\x07 abc\b\bX nul\x00 del\x7f', 'bel aX nul del'],
    ['a line end of DOS', 'line one\r', 'line one'],
    ['half of a surrogate pair', 'a\ud800b', 'a\ufffdb'],
    ['a wide character whose half is overwritten', '宽字\rx', 'x 字'],
    ['a mark over a letter that is overwritten', 'e\u0301a\rx', 'xa'],
    ['tabs in colours', `${E}[32ma\tb${E}[0m`, 'a\tb'],
    ['a jump to the edge of the screen', `a${E}[9999Gb`, `a${' '.repeat(255)}b`],
    ['C1 forms', 'abc\u009b2K\rx', 'x'],
  ])('of %s', (_what, raw, seen) => {
    expect(seenLine(raw)).toBe(seen);
    expect(seenText(raw)).toBe(seen);
  });

  test('that redrew rows above it has the last state of each', () => {
    const frame = (rows: readonly string[]): string =>
      rows.map((row, at) => `${up(rows.length - at)}\r${E}[2K${row}\r${down(rows.length - at)}`).join('');
    const line = `${frame(['a: 10%', 'b: 0%'])}${frame(['a: 90%', 'b: 50%'])}${frame(['a: done', 'b: done'])}Status: new`;
    expect(seenLine(line)).toBe('a: done\nb: done\nStatus: new');
    expect(seenText(`a: waits\nb: waits\n${line}\n`)).toBe('a: done\nb: done\nStatus: new\n');
  });

  test('that erased rows before it wrote them anew has no empty ones', () => {
    expect(seenLine(`${E}[2K${up(1)}${E}[2K${up(1)}${E}[2K${E}[G✔ one`)).toBe('✔ one');
    expect(seenText(`⠋ one\n⠋ two\n${E}[2K${up(1)}${E}[2K${up(1)}${E}[2K${E}[G✔ one\n✔ two\n`)).toBe('✔ one\n✔ two\n');
  });

  test('keeps its colours and links, and says which colours carry on', () => {
    const { rows, sgr } = seenRows(`a${E}[1mb${E}]8;;https://example.org/x${E}\\c${E}]8;;javascript:x${E}\\d`, '31');
    expect(rows).toEqual([
      [
        { sgr: '31', text: 'a', link: undefined },
        { sgr: '1;31', text: 'b', link: undefined },
        { sgr: '1;31', text: 'c', link: 'https://example.org/x' },
        { sgr: '1;31', text: 'd', link: undefined },
      ],
    ]);
    expect(sgr).toBe('1;31');
    expect(seenRows(`x${E}[39;22m`, '1;31').sgr).toBe('');
    expect(seenRows(`${E}[38;2;1;2;3;4mx${E}[38:2::255:0:128my`).sgr).toBe('4;38:2::255:0:128');
  });

  test('of any size and kind is made in bounded work', () => {
    const size = 300_000;
    const kinds = [
      'x\r',
      `${E}[1@x`,
      `x${E}[P`,
      `\rx${E}[9999C${E}[1K`,
      `${E}[99Ax${E}[99B`,
      '\u009d',
      `${E}]`,
      `${E}[2J${E}[H`,
      `x${E}[7m`,
      '宽\r',
      '\b',
      `${E}7x\r${E}8${E}[1K`,
    ];
    for (const kind of kinds) {
      const long = 'y'.repeat(size) + kind.repeat(size / kind.length);
      expect(seenLine(long).length).toBeLessThanOrEqual(long.length + screenRows * 300);
      expect(seenRows(long).rows.length).toBeLessThanOrEqual(screenRows);
    }
  });
});

test('bytes that can change what is seen are found at any place, and no others', () => {
  const pieces = fc.constantFrom(
    'a',
    'lines of text',
    '\n',
    '\t',
    'é',
    '日',
    '\u00a0',
    ' ',
    '~',
    '\r',
    '\x1b[1m',
    '\x7f',
    '\x85',
    '\0',
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 12 }), fc.nat({ max: 3 }), (parts, offset) => {
      const text = parts.join('');
      const bytes = Buffer.from(`${'x'.repeat(offset)}${text}`).subarray(offset);
      expect(mayBeRedrawn(bytes)).toBe(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/.test(text));
    }),
  );
});

describe('a text as seen', () => {
  test('without a control character is the very text', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', '\n', '\t', '宽', ' ') }), (text) => {
        expect(seenText(text)).toBe(text);
        expect(seenText(text.replaceAll('\n', '\r\n'))).toBe(text);
      }),
    );
  });

  test('is what the buffer of a terminal holds, whatever is written to it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 40 }), async (pieces) => {
        const text = pieces.join('');
        expect(normal(seenText(text))).toBe(await xtermText(text));
      }),
      { numRuns: 1_000 },
    );
  });

  test('is the same for one line as for a text of one line, where nothing moves up', () => {
    const inLine = fc.array(
      piece.filter((part) => !/[\n\v\f]|\x1b\[[0-9;]*[AFHdeBEJ]|\x1b[DE]/.test(part)),
      { maxLength: 30 },
    );
    fc.assert(
      fc.property(inLine, (pieces) => {
        const line = pieces.join('');
        expect(seenLine(line)).toBe(seenText(line));
        const { rows } = seenRows(line);
        expect(rows.map((runs) => runs.map((run) => run.text).join('')).join('\n')).toBe(seenLine(line));
      }),
      { numRuns: 2_000 },
    );
  });
});
