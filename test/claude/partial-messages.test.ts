// Partial messages are left out of what is recorded, wherever reads cut the stream; everything else stays as it is.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createPartialMessageFilter } from '../../src/run/claude/partial-messages.ts';

const partial = (text: string) => `{"type":"stream_event","event":${JSON.stringify({ text })}}\n`;

describe('the filter of partial messages', () => {
  const other = fc.oneof(
    fc.constantFrom(
      '',
      '{"type":"stream',
      '{"type":"stream_event',
      '{"type":"assistant"}',
      ' {"type":"stream_event"}',
      '\u00e9',
    ),
    fc.string(),
  );
  const line = fc.oneof(
    fc.string().map((text) => ({ text: partial(text), isKept: false })),
    other.map((text) => ({ text: `${text.replaceAll('\n', '')}\n`, isKept: true })),
  );

  test('leaves out partial messages and nothing else, however the stream is cut', () => {
    fc.assert(
      fc.property(fc.array(line), other, fc.array(fc.nat(200)), (lines, rest, cuts) => {
        const last = rest.replaceAll('\n', '');
        const bytes = Buffer.from(lines.map(({ text }) => text).join('') + last);
        const filter = createPartialMessageFilter();
        const kept: Buffer[] = [];
        let at = 0;
        for (const length of [...cuts, bytes.length]) {
          kept.push(Buffer.from(filter.push(bytes.subarray(at, at + length))));
          at += length;
        }
        kept.push(Buffer.from(filter.end()));
        const expected =
          lines
            .filter(({ isKept }) => isKept)
            .map(({ text }) => text)
            .join('') + last;
        expect(Buffer.concat(kept).toString()).toBe(expected);
        expect(filter.count()).toBe(lines.filter(({ isKept }) => !isKept).length);
      }),
    );
  });

  test('holds back nothing that cannot become one', () => {
    const filter = createPartialMessageFilter();
    expect(filter.push(Buffer.from('Continue? ')).toString()).toBe('Continue? ');
    expect(filter.push(Buffer.from('yes\n{"type":"s')).toString()).toBe('yes\n');
    expect(filter.push(Buffer.from('ystem"}')).toString()).toBe('{"type":"system"}');
  });
});
