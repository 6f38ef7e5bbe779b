// The fast search against a plain one.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSkipScan } from '../../src/run/redact/skip-scan.ts';

describe('the scan for anchors', () => {
  const bytes = (length: number) =>
    fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: length, maxLength: length });

  it('finds all that a plain search finds, in texts of any length', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.oneof(bytes(8), bytes(4), bytes(3)), { minLength: 1, maxLength: 6 }),
        fc.oneof(
          fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 40 }),
          fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 250, maxLength: 600 }),
        ),
        (anchors, text) => {
          const scan = createSkipScan(anchors.map((anchor) => ({ bytes: Buffer.from(anchor), target: anchor })));
          const found: string[] = [];
          scan(Buffer.from(text), (anchor, index) => found.push(`${index}:${anchor}`));
          const expected = anchors.flatMap((anchor) =>
            Array.from({ length: text.length }, (_, index) => index)
              .filter((index) => text.startsWith(anchor, index))
              .map((index) => `${index}:${anchor}`),
          );
          expect(found.sort()).toEqual(expected.sort());
        },
      ),
      { numRuns: 1000 },
    );
  });
});
