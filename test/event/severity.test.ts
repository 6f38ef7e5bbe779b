// Severity and text of lines as programs really print them.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { stripAnsi } from '../../src/event/ansi.ts';
import { severityOfLine } from '../../src/event/severity.ts';

describe('severity', () => {
  test.each([
    ['plain text', 'info'],
    ['the word error is in the prose here', 'info'],
    ['Errors: 0', 'info'],
    ['app.ERROR.count 3', 'info'],
    ['2026-11-23T10:00:00Z INFO ready', 'info'],
    ['2026-11-23 10:00:00,123 WARNING disk', 'warning'],
    ['\x1b[31mERROR\x1b[0m boom', 'error'],
    ['[error] boom', 'error'],
    ['error: boom', 'error'],
    ['ts=1 level=warn msg=x', 'warning'],
    ['{"level":50,"msg":"x"}', 'error'],
    ['{"time":1,"level":"debug"}', 'debug'],
    ['{"msg":"ERROR is only mentioned"}', 'info'],
    ['npm warn deprecated', 'warning'],
    ['TypeError: x is not a function', 'error'],
    ['Traceback (most recent call last):', 'error'],
  ] as const)('of %j is %s', (line, wanted) => expect(severityOfLine('stdout', Buffer.from(line))).toBe(wanted));

  test('is that of the stream where the line says nothing, and raw protocol says nothing', () => {
    expect(severityOfLine('stderr', Buffer.from('x'))).toBe('warning');
    expect(severityOfLine('stderr', Buffer.from('INFO x'))).toBe('info');
    expect(severityOfLine('system', Buffer.from(''))).toBe('info');
    expect(severityOfLine('debug', Buffer.from('{"level":"error"}'))).toBe('debug');
  });
});

describe('text without escapes', () => {
  test.each([
    ['\x1b[1;31mred\x1b[0m', 'red'],
    ['\x1b]8;;http://x\x07link\x1b]8;;\x1b\\', 'link'],
    ['\x1b]0;never ended', '0;never ended'],
    ['a\x1b[12', 'a'],
    ['a\x1bMb\x1b(Bc', 'abc'],
    ['a\x9b1mb', 'ab'],
    ['tab\tand\rreturn', 'tab\tand\rreturn'],
  ])('of %j is %j', (text, wanted) => expect(stripAnsi(text)).toBe(wanted));

  test('has no escape left, whatever it was', () => {
    const piece = fc.constantFrom('\x1b', '[', ']', '0', ';', 'm', '\x07', '\\', 'x', '\x9b', '\x9d', 'P', ' ');
    fc.assert(
      fc.property(
        fc.array(piece).map((pieces) => pieces.join('')),
        (text) => {
          expect(stripAnsi(text)).not.toMatch(/[\x1b\x9b\x9d]/);
        },
      ),
    );
  });
});
