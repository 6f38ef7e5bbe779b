// Columns of a text. The common symbols that are measured without Intl.Segmenter take the columns that it would give them.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cellWidth, fitText, textWidth } from '../../src/text/width.ts';

const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' });
const common = fc.oneof(
  fc.integer({ min: 0x20, max: 0x7e }),
  fc.integer({ min: 0xa1, max: 0x2ff }),
  fc.integer({ min: 0x2010, max: 0x2bff }),
);
const joining = fc.constantFrom(0x301, 0xad, 0x200b, 0x200d, 0x202e, 0xfe0f, 0x1f1e9, 0x1f1ea, 0x1f468, 0x4e2d);
const text = fc
  .array(fc.oneof({ weight: 9, arbitrary: common }, { weight: 1, arbitrary: joining }), { maxLength: 12 })
  .map((points) => String.fromCodePoint(...points));

function widthBySegments(value: string): number {
  let width = 0;
  for (const { segment } of segmenter.segment(value))
    width += /^\p{Emoji_Presentation}|\ufe0f/u.test(segment) ? 2 : cellWidth(segment.codePointAt(0) ?? 0);
  return width;
}

test('a text takes the columns of its graphemes', () => {
  fc.assert(
    fc.property(text, (value) => {
      expect(textWidth(value)).toBe(widthBySegments(value));
    }),
    { numRuns: 2_000 },
  );
});

test('a text that is cut is not wider than asked for, and ends no grapheme in its middle', () => {
  fc.assert(
    fc.property(text, fc.integer({ min: 1, max: 14 }), (value, columns) => {
      const fitted = fitText(value, columns);
      expect(textWidth(fitted)).toBeLessThanOrEqual(columns);
      if (fitted === value) return;
      const kept = Array.from(segmenter.segment(fitted.slice(0, -1)), ({ segment }) => segment);
      expect(Array.from(segmenter.segment(value), ({ segment }) => segment).slice(0, kept.length)).toEqual(kept);
    }),
    { numRuns: 2_000 },
  );
});
