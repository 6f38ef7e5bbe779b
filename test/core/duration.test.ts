// Lengths of time: how they read, and that what is written can be read back.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  durationPattern,
  formatAge,
  formatDuration,
  formatElapsed,
  formatSetDuration,
  parseDuration,
} from '../../src/core/duration.ts';

const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const year = 366 * 86_400_000;

/** The length that a shown text stands for. */
function shownMs(text: string): number {
  return [...text.matchAll(/([\d.]+) (ms|[smhd])/g)].reduce(
    (sum, [, amount, unit = '']) => sum + Number(amount) * (units[unit] ?? Number.NaN),
    0,
  );
}

describe('a measured length of time', () => {
  test.each([
    [-5, '0 s'],
    [Number.NaN, '0 s'],
    [0, '0 s'],
    [0.2, '1 ms'],
    [999.4, '999 ms'],
    [999.5, '1.0 s'],
    [1249, '1.2 s'],
    [59_949, '59.9 s'],
    [59_950, '1 m 00 s'],
    [252_000, '4 m 12 s'],
    [3_599_499, '59 m 59 s'],
    [3_599_500, '1 h 00 m'],
    [86_399_000, '23 h 59 m'],
    [93_600_000, '1 d 02 h'],
  ])('of %d ms reads %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });

  test('reads as its own length, rounded, has two units at most, and none of them runs over', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: year, noNaN: true }), (ms) => {
        const text = formatDuration(ms);
        expect(text).toMatch(/^\d+ ms$|^\d{1,2}\.\d s$|^\d+ [dhm] \d\d [hms]$|^0 s$/);
        // Half of what it is rounded by, or all of it where the smaller unit is cut off.
        const step = ms < 999.5 ? 1 : ms < 59_950 ? 50 : ms < 3_599_500 ? 500 : ms < 86_399_500 ? 60_000 : 3_600_000;
        expect(Math.abs(shownMs(text) - ms)).toBeLessThanOrEqual(step + 0.001);
        for (const [, amount, unit = ''] of text.matchAll(/ (\d\d) ([hms])/g))
          expect(Number(amount)).toBeLessThan(unit === 'h' ? 24 : 60);
      }),
    );
  });

  test('never reads as longer than a longer one', () => {
    fc.assert(
      fc.property(fc.nat(year), fc.nat(year), (a, b) => {
        const [less, more] = [Math.min(a, b), Math.max(a, b)];
        expect(shownMs(formatDuration(less))).toBeLessThanOrEqual(shownMs(formatDuration(more)));
        expect(shownMs(formatElapsed(less))).toBeLessThanOrEqual(shownMs(formatElapsed(more)));
      }),
    );
  });

  test('that ticks has no parts of a second', () => {
    expect([-1, 0, 999, 7999, 59_999, 72_000].map(formatElapsed)).toEqual([
      '0 s',
      '0 s',
      '0 s',
      '7 s',
      '59 s',
      '1 m 12 s',
    ]);
  });

  test('ago has one unit', () => {
    expect([-5, 999, 1500, 61_000, 7_200_000, 200_000_000].map(formatAge)).toEqual([
      'just now',
      'just now',
      '1 s ago',
      '1 m ago',
      '2 h ago',
      '2 d ago',
    ]);
  });
});

describe('a length of time that somebody sets', () => {
  test.each([
    ['90s', 90_000],
    ['5m', 300_000],
    ['1h30m', 5_400_000],
    ['2d', 172_800_000],
    ['1d12h', 129_600_000],
    ['1.5h', 5_400_000],
    ['500ms', 500],
    ['0s', 0],
    ['1h2m3s4ms', 3_723_004],
  ])('is read from %s', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  test.each(['', '5', '5 m', 'm5', '30m1h', '1m1m', '-5s', '1.5', '1,5h', '5min', '1.5ms'])('is not %j', (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });

  test('is read back as it was written, and an editor takes it', () => {
    fc.assert(
      fc.property(fc.nat(year), (ms) => {
        const text = formatSetDuration(ms);
        expect(parseDuration(text)).toBe(ms);
        expect(text).toMatch(durationPattern);
      }),
    );
  });
});
