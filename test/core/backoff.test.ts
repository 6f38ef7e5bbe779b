// The waits between tries: their growth, their spread, and what a server asks for.
import { expect, test } from 'vitest';
import { backoffMs, retryAfterMs, withJitter } from '../../src/core/backoff.ts';

test('a wait doubles with each failure, up to the longest', () => {
  const waits = [0, 1, 2, 3, 4, 5, 10_000].map((failures) => backoffMs(failures, { firstMs: 100, maxMs: 1_000 }));
  expect(waits).toEqual([100, 100, 200, 400, 800, 1_000, 1_000]);
});

test('jitter is between half of the wait and all of it', () => {
  expect([withJitter(1_000, 0), withJitter(1_000, 0.5), withJitter(1_000, 1)]).toEqual([500, 750, 1_000]);
});

test.each([
  ['7', 7_000],
  [' 0 ', 0],
  ['Thu, 01 Jan 1970 00:01:00 GMT', 59_000],
  ['Thu, 01 Jan 1970 00:00:00 GMT', 0],
  ['soon', undefined],
  ['', undefined],
  [null, undefined],
])('Retry-After %j asks for %j ms', (header, expected) => expect(retryAfterMs(header, 1_000)).toBe(expected));
