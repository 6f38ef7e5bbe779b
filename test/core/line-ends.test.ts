// The count of line ends against the obvious one: any bytes, at any place of a buffer.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { countLineEnds } from '../../src/text/line-ends.ts';

/** Bytes that differ from LF in one bit, or that a carry between bytes would turn into one, are as likely as others. */
const byte = fc.oneof(fc.constantFrom(0x0a, 0x00, 0x8a, 0x0b, 0x09, 0x7f, 0x80, 0xff, 0xf5), fc.nat(255));

test('it counts every LF and nothing else, wherever the bytes begin and end', () => {
  fc.assert(
    fc.property(fc.array(byte, { maxLength: 70 }), fc.nat(7), fc.nat(7), (values, before, behind) => {
      const all = Buffer.from(new Uint8Array([...values]).buffer);
      const bytes = all.subarray(before, Math.max(before, all.length - behind));
      expect(countLineEnds(bytes)).toBe([...bytes].filter((value) => value === 0x0a).length);
    }),
    { numRuns: 2_000 },
  );
});

test('it counts more LFs in a row than fit one byte', () => {
  for (const size of [1_019, 1_020, 1_021, 4_096, 70_001]) {
    expect(countLineEnds(Buffer.alloc(size, 0x0a))).toBe(size);
  }
});
