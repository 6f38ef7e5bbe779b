// The fast search against a plain one.
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { prefilterModule, prefilterPath } from '../../scripts/generate-prefilter.ts';
import { BLOCK_BYTES } from '../../src/run/redact/prefilter.ts';
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

  it('finds all that a plain search finds in any bytes, also where its blocks meet', () => {
    const anchor = fc.oneof(
      fc.uint8Array({ minLength: 8, maxLength: 8 }),
      fc.uint8Array({ minLength: 3, maxLength: 4 }),
    );
    const placed = fc.record({ which: fc.nat(), near: fc.integer({ min: -20, max: 20 }), block: fc.nat({ max: 2 }) });
    fc.assert(
      fc.property(
        fc.uniqueArray(anchor, {
          minLength: 1,
          maxLength: 80,
          selector: (bytes) => Buffer.from(bytes).toString('hex'),
        }),
        fc.array(placed, { maxLength: 12 }),
        fc.integer({ min: 1, max: 20 }),
        (anchors, places, step) => {
          const text = Buffer.alloc(
            2 * BLOCK_BYTES + 40,
            Uint8Array.from({ length: 251 }, (_, i) => (i * step) & 0xff),
          );
          for (const { which, near, block } of places) {
            const bytes = anchors[which % anchors.length]!;
            text.set(bytes, Math.min(Math.max(0, block * BLOCK_BYTES + near), text.length - bytes.length));
          }
          const found: string[] = [];
          const scan = createSkipScan(anchors.map((bytes, target) => ({ bytes, target })));
          scan(text, (target, index) => found.push(`${index}:${target}`));
          const expected: string[] = [];
          for (const [target, bytes] of anchors.entries()) {
            for (let at = text.indexOf(bytes); at !== -1; at = text.indexOf(bytes, at + 1))
              expected.push(`${at}:${target}`);
          }
          expect(found.sort()).toEqual(expected.sort());
        },
      ),
      { numRuns: 150 },
    );
  });

  it('runs the program that its source says', async () => {
    expect(readFileSync(prefilterPath, 'utf8')).toBe(await prefilterModule());
  });
});
