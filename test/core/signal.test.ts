// The bell that readers wait with: no ring is missed, and each waiter is woken.
import { expect, test } from 'vitest';
import { createSignal } from '../../src/core/signal.ts';

test('a ring between looking and waiting is not missed', async () => {
  const bell = createSignal();
  const seen = bell.count();
  bell.raise();
  expect(await bell.wait(seen)).toBe(true);
});

test('all who wait are woken by one ring, and wait again until the next', async () => {
  const bell = createSignal();
  const first = [bell.wait(bell.count()), bell.wait(bell.count(), 1_000_000)];
  bell.raise();
  expect(await Promise.all(first)).toEqual([true, true]);
  const seen = bell.count();
  let isWoken = false;
  const second = bell.wait(seen).then((raised) => {
    isWoken = raised;
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(isWoken).toBe(false);
  bell.raise();
  await second;
  expect(isWoken).toBe(true);
});

test('waiting ends without a ring when the time is up', async () => {
  const bell = createSignal();
  expect(await bell.wait(bell.count(), 1)).toBe(false);
  bell.raise();
  expect(bell.count()).toBe(1);
});
