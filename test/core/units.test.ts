// Counts, sizes and money as text.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatCost, formatSpending, formatUsd } from '../../src/core/cost.ts';
import { formatBytes, formatCount, formatShortCount, parseBytes, plural } from '../../src/core/units.ts';

test('a size has one decimal, unless it is 0, and never as many as its next unit', () => {
  expect([0, 1023, 1536, 1_048_524, 1_048_575, 5 * 2 ** 30, 2 ** 50].map(formatBytes)).toEqual([
    '0 B',
    '1023 B',
    '1.5 KiB',
    '1023.9 KiB',
    '1 MiB',
    '5 GiB',
    '1024 TiB',
  ]);
});

test('a size is read with and without its unit', () => {
  expect(['4096', '4096B', '256MiB', '256 MB', '10G', '1.5GiB', '1k', ' 2 TiB'].map(parseBytes)).toEqual([
    4096, 4096, 268_435_456, 268_435_456, 10_737_418_240, 1_610_612_736, 1024, 2_199_023_255_552,
  ]);
  expect(['', 'MiB', '1 PiB', '-1', '1,5G', '1e3'].map(parseBytes)).toEqual(Array(6).fill(undefined));
});

test('a size that is shown can be read, and is nearly what it was', () => {
  fc.assert(
    fc.property(fc.nat(2 ** 45), (bytes) => {
      const read = parseBytes(formatBytes(bytes)) ?? Number.NaN;
      expect(Math.abs(read - bytes)).toBeLessThanOrEqual(Math.max(0.5, bytes * 0.05));
    }),
  );
});

test('a count is written as Intl writes it', () => {
  fc.assert(
    fc.property(fc.oneof(fc.maxSafeInteger(), fc.double({ min: -1e15, max: 1e15, noNaN: true })), (count) => {
      expect(formatCount(count)).toBe((Math.round(count) + 0).toLocaleString('en-US'));
    }),
  );
});

test('a count has its thousands apart, and a noun that fits', () => {
  expect(formatCount(1_234_567)).toBe('1,234,567');
  expect([0, 950, 12_400, 999_949, 999_950].map(formatShortCount)).toEqual(['0', '950', '12.4k', '999.9k', '1.00M']);
  expect([plural(1, 'line'), plural(2000, 'line'), plural(0, 'process', 'processes')]).toEqual([
    '1 line',
    '2,000 lines',
    '0 processes',
  ]);
});

test('money has four decimals below ten cents, two above, and is never shown as nothing', () => {
  expect([0, 0.00001, 0.00042, 0.0999, 0.09996, 1.271, 340].map(formatUsd)).toEqual([
    '$0',
    '<$0.0001',
    '$0.0004',
    '$0.0999',
    '$0.10',
    '$1.27',
    '$340.00',
  ]);
  expect([formatSpending(5, 'USD'), formatSpending(3_000_000, 'tokens'), formatSpending(1, 'tokens')]).toEqual([
    '$5.00',
    '3,000,000 tokens',
    '1 token',
  ]);
  fc.assert(fc.property(fc.double({ min: 1e-12, max: 1e6, noNaN: true }), (usd) => formatUsd(usd) !== '$0'));
});

test('a cost says what it rests on', () => {
  expect([
    formatCost(0.5, 'known'),
    formatCost(0.5, 'estimated'),
    formatCost(0.5, 'unknown'),
    formatCost(0, 'unknown'),
  ]).toEqual(['$0.50', '~$0.50', '$0.50 + unknown', 'cost unknown']);
});
