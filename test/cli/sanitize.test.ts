// What reaches a terminal of a child's output: its text and its colours, and nothing that can act on the terminal.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sanitizeLine } from '../../src/cli/terminal/sanitize.ts';
import { stripAnsi } from '../../src/text/ansi.ts';
import { fillText, fitText, textWidth } from '../../src/text/width.ts';

/** Text and SGR, and nothing else at all. */
const harmless = /^(?:\x1b\[[0-9:;]*m|[^\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069])*$/;

const nasty = fc.string({
  unit: fc.constantFrom(
    '\x1b',
    '[',
    ']',
    '5',
    '2',
    ';',
    'm',
    'c',
    'P',
    '\\',
    '\x07',
    '\x9b',
    '\x9d',
    '\x9c',
    '\r',
    '\b',
    '\t',
    'é',
    '世',
    '\u202e',
    ' ',
  ),
  maxLength: 30,
});

describe('a sanitised line', () => {
  test('of any text is harmless, and stays so when it is cut to any width', () => {
    fc.assert(
      fc.property(nasty, fc.boolean(), fc.nat(20), (line, colour, columns) => {
        const clean = sanitizeLine(line, colour);
        expect(clean).toMatch(harmless);
        if (!colour) expect(clean).not.toContain('\x1b');
        const fitted = fitText(clean, columns);
        expect(fitted).toMatch(harmless);
        expect(textWidth(fitted)).toBeLessThanOrEqual(columns);
        expect(textWidth(fillText(clean, columns))).toBe(columns);
      }),
      { numRuns: 2000 },
    );
  });

  test('keeps text without control characters as it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', ' ', 'é', '世', '[31m', '%') }), (line) => {
        expect(sanitizeLine(line, true)).toBe(line);
      }),
    );
  });

  test.each([
    ['sets the clipboard', 'a\x1b]52;c;aGk=\x07b', 'ab'],
    ['sets the title, ended by ST', 'a\x1b]0;owned\x1b\\b', 'ab'],
    ['has a string without end', 'a\x1b]0;owned', 'a'],
    ['has a string in C1', 'a\u009d52;c;aGk=\u009cb', 'ab'],
    ['makes a link', '\x1b]8;;http://x\x1b\\text\x1b]8;;\x1b\\', 'text'],
    ['moves the cursor and clears', 'a\x1b[2J\x1b[1;1Hb\x1b[K', 'b'],
    ['asks for an answer', 'a\x1b[6n\x1b[>cb\x1bZ', 'ab'],
    ['sets a mode', 'a\x1b[?1049hb', 'ab'],
    ['looks like SGR with a private mark', 'a\x1b[>4;2mb', 'ab'],
    ['hides SGR in a string', 'a\x1bP\x1b[31mb\x1b\\c', 'ab\x1b[0mc'],
    ['rings and backspaces', 'a\x07\b\bb', 'b'],
    ['overwrites itself', '10 %\r 50 %\r100 %\r', '100 %'],
    ['turns its reading direction', 'a\u202etxt.exe', 'atxt.exe'],
    ['has tabs', 'a\tb', 'a       b'],
  ])('that %s', (_what, line, wanted) => {
    expect(stripAnsi(sanitizeLine(line, true))).toBe(stripAnsi(wanted));
    expect(sanitizeLine(line, false)).toBe(stripAnsi(wanted));
  });

  test('keeps colours where they are wanted, and ends them', () => {
    expect(sanitizeLine('\x1b[1;38:5:196mred', true)).toBe('\x1b[1;38:5:196mred\x1b[0m');
    expect(sanitizeLine('\x1b[1;31mred', false)).toBe('red');
  });
});

describe('the width of a text', () => {
  test.each([
    ['plain', 5],
    ['\x1b[31mred\x1b[0m', 3],
    ['世界', 4],
    ['e\u0301', 1],
    ['👩‍👩‍👧', 2],
    ['✓', 1],
    ['❤️', 2],
    ['ﾊ', 1],
    ['한', 2],
  ])('%s', (text, columns) => {
    expect(textWidth(text)).toBe(columns);
  });

  test('is cut between characters, never inside one', () => {
    expect(fitText('世界世界', 5)).toBe('世界…');
    expect(fitText('世界世界', 4)).toBe('世…');
    expect(fitText('\x1b[31mredder\x1b[0m', 4)).toBe('\x1b[31mred…\x1b[0m');
    expect(fitText('abc', 3)).toBe('abc');
    expect(fillText('世', 4, 'right')).toBe('  世');
  });
});
