// A timeout that does not count the time in which it is paused.
import { MAX_TIMER_MS, systemClock, type TimerClock } from './timer-clock.ts';

export type PausableTimer = {
  readonly pause: () => void;
  readonly resume: () => void;
  /** It will not fire. */
  readonly cancel: () => void;
  /** Counted time that is left, in milliseconds. */
  readonly remainingMs: () => number;
  /** Time spent paused so far, in milliseconds. */
  readonly pausedMs: () => number;
};

type State =
  | { readonly is: 'running'; readonly since: number; readonly stop: () => void }
  | { readonly is: 'paused'; readonly since: number }
  | { readonly is: 'over' };

/**
 * Fires once, when `ms` milliseconds have been counted. Runs from the start; pausing twice, or after it has fired, does
 * nothing, so it can follow a pause without asking.
 */
export function createPausableTimer(ms: number, onDue: () => void, clock: TimerClock = systemClock): PausableTimer {
  let left = ms;
  let paused = 0;
  let state: State;

  const run = (): State => {
    const since = clock.now();
    return { is: 'running', since, stop: clock.after(Math.min(Math.max(left, 0), MAX_TIMER_MS), tick) };
  };
  /** Takes what has been counted off what is left. */
  const settle = () => {
    if (state.is === 'running') left -= clock.now() - state.since;
  };
  // A timer can fire a fraction of a millisecond early, and one of many days in parts.
  const tick = () => {
    settle();
    if (left > 0) {
      state = run();
      return;
    }
    state = { is: 'over' };
    onDue();
  };
  state = run();

  return {
    pause() {
      if (state.is !== 'running') return;
      state.stop();
      settle();
      state = { is: 'paused', since: clock.now() };
    },
    resume() {
      if (state.is !== 'paused') return;
      paused += clock.now() - state.since;
      state = run();
    },
    cancel() {
      if (state.is === 'running') {
        state.stop();
        settle();
      }
      if (state.is === 'paused') paused += clock.now() - state.since;
      state = { is: 'over' };
    },
    remainingMs: () => Math.max(0, left - (state.is === 'running' ? clock.now() - state.since : 0)),
    pausedMs: () => paused + (state.is === 'paused' ? clock.now() - state.since : 0),
  };
}

/** Waits for `ms` counted milliseconds, or until the signal fires. */
export function waitMs(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = (): void => {
      timer.cancel();
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = createPausableTimer(ms, end);
    signal.addEventListener('abort', end, { once: true });
  });
}
