// Run ids: they sort by the time of start, to the millisecond, and only they pass the gate to a path.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isRunId, newRunId } from '../../src/core/ids.ts';

const anyTime = fc.date({ min: new Date('2020-01-01'), max: new Date('2099-12-31'), noInvalidDate: true });

describe('a run id', () => {
  test('sorts by the time of start, also within a second', () => {
    fc.assert(
      fc.property(anyTime, fc.integer({ min: 1, max: 5_000 }), (earlier, ms) => {
        const later = new Date(earlier.getTime() + ms);
        expect([newRunId(later), newRunId(earlier)].sort()[0]?.slice(0, 18)).toBe(newRunId(earlier).slice(0, 18));
        expect(newRunId(earlier) < newRunId(later)).toBe(true);
      }),
    );
  });

  test('is known as one, and nothing that could leave the data folder is', () => {
    fc.assert(fc.property(anyTime, (time) => isRunId(newRunId(time))));
    for (const text of ['', '..', '../20261123-151507-k3f9x2', '20261123-151507-k3f9x2/..', '20261123-151507-K3F9X2']) {
      expect(isRunId(text), text).toBe(false);
    }
  });
});
