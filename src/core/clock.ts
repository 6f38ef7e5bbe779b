// The one source of journal time: wall clock in nanoseconds that always advances.
// Loki orders and collapses records by their nanosecond, so two lines must not share one.

export type Clock = {
  /**
   * Reserves `count` consecutive nanoseconds and returns the first.
   * A wall clock that is set back holds time at one nanosecond a record until it has caught up.
   */
  readonly reserve: (count: number) => bigint;
};

/**
 * @param after the last nanosecond that is taken already, as read from a journal that is continued
 * @param wallNs the wall clock in nanoseconds; injected by tests
 */
export function createClock(after = 0n, wallNs: () => bigint = systemWallNs): Clock {
  let last = after;
  return {
    reserve(count) {
      const wall = wallNs();
      const first = wall > last ? wall : last + 1n;
      last = first + BigInt(Math.max(count, 1) - 1);
      return first;
    },
  };
}

/**
 * `Date.now()` sets the millisecond, the monotonic clock fills in the digits below it. The two are not in phase, so a time
 * is right to a millisecond; its digits below that only distinguish one record from the next.
 */
function systemWallNs(): bigint {
  return BigInt(Date.now()) * 1_000_000n + (process.hrtime.bigint() % 1_000_000n);
}
