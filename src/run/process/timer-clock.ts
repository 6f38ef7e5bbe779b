// Time for timers: monotonic milliseconds and one-shot timers, so that tests can be the clock.

export type TimerClock = {
  /** Milliseconds that never go back. */
  readonly now: () => number;
  /** Calls `due` once after `ms`. @returns takes it back */
  readonly after: (ms: number, due: () => void) => () => void;
};

/** Node fires a timer of more than 2^31-1 ms (24.8 days) at once; who waits longer asks again when this one fires. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

export const systemClock: TimerClock = {
  now: () => performance.now(),
  after(ms, due) {
    const timer = setTimeout(due, Math.min(Math.max(ms, 0), MAX_TIMER_MS));
    return () => clearTimeout(timer);
  },
};
