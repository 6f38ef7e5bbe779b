// A clock that only a test moves.
import type { TimerClock } from '../../src/run/process/index.ts';

export function createFakeClock(): TimerClock & {
  readonly advance: (ms: number) => void;
  readonly pending: () => number;
} {
  let now = 0;
  const timers = new Set<{ at: number; due: () => void }>();
  return {
    now: () => now,
    after(ms, due) {
      const timer = { at: now + ms, due };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    advance(ms) {
      const end = now + ms;
      for (;;) {
        const next = [...timers].filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
        if (next === undefined) break;
        timers.delete(next);
        now = Math.max(now, next.at);
        next.due();
      }
      now = end;
    },
    pending: () => timers.size,
  };
}
