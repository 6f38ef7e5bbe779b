// Notices that something expected has not happened for too long. Pure timing: the caller names the causes, says when each
// is expected and when it happened, and decides what a stall leads to.
import { createPausableTimer, type PausableTimer } from './pausable-timer.ts';
import { systemClock, type TimerClock } from './timer-clock.ts';

export type StallWatch<Cause extends string> = {
  /** From now on a stall of this cause is due `afterMs` after the last `beat`. Starting again sets a new limit. */
  readonly start: (cause: Cause, afterMs: number) => void;
  /** It happened: counting starts again, and a stall that had been detected is cleared. Cheap enough for every read. */
  readonly beat: (cause: Cause) => void;
  /** It is no longer expected. Clears a stall that had been detected. */
  readonly clear: (cause: Cause) => void;
  /** Time between these counts for no cause: a frozen process cannot make progress. */
  readonly pause: () => void;
  readonly resume: () => void;
  /** Causes that are stalled now. */
  readonly stalled: () => readonly Cause[];
  /** Clears every cause. */
  readonly close: () => void;
};

type Watch = {
  readonly afterMs: number;
  /** Counted time of the last beat. */
  beatAt: number;
  timer: PausableTimer;
  stalled: boolean;
};

/** `forMs` is how long nothing had happened, without paused time. */
export function createStallWatch<Cause extends string>(options: {
  readonly onDetected: (cause: Cause, forMs: number) => void;
  readonly onCleared: (cause: Cause, forMs: number) => void;
  readonly clock?: TimerClock;
}): StallWatch<Cause> {
  const clock = options.clock ?? systemClock;
  const watches = new Map<Cause, Watch>();
  let pausedSince: number | undefined;
  let pausedMs = 0;

  /** The clock without paused time. */
  const counted = () => (pausedSince ?? clock.now()) - pausedMs;

  // A beat only notes the time; the timer finds out at its end whether there was one, and waits for the rest. So a child
  // that prints a million lines sets no timer for any of them.
  const arm = (cause: Cause, watch: Watch) => {
    const left = watch.beatAt + watch.afterMs - counted();
    watch.timer = createPausableTimer(left, () => check(cause, watch), clock);
    if (pausedSince !== undefined) watch.timer.pause();
  };
  const check = (cause: Cause, watch: Watch) => {
    const forMs = counted() - watch.beatAt;
    if (forMs < watch.afterMs) {
      arm(cause, watch);
      return;
    }
    watch.stalled = true;
    options.onDetected(cause, forMs);
  };
  const unstall = (cause: Cause, watch: Watch) => {
    if (!watch.stalled) return;
    watch.stalled = false;
    options.onCleared(cause, counted() - watch.beatAt);
  };
  const clear = (cause: Cause) => {
    const watch = watches.get(cause);
    if (watch === undefined) return;
    watches.delete(cause);
    watch.timer.cancel();
    unstall(cause, watch);
  };

  return {
    start(cause, afterMs) {
      clear(cause);
      const timer = createPausableTimer(afterMs, () => check(cause, watch), clock);
      const watch: Watch = { afterMs, beatAt: counted(), timer, stalled: false };
      if (pausedSince !== undefined) timer.pause();
      watches.set(cause, watch);
    },
    beat(cause) {
      const watch = watches.get(cause);
      if (watch === undefined) return;
      const wasStalled = watch.stalled;
      unstall(cause, watch);
      watch.beatAt = counted();
      if (wasStalled) arm(cause, watch);
    },
    clear,
    pause() {
      pausedSince ??= clock.now();
      for (const watch of watches.values()) watch.timer.pause();
    },
    resume() {
      if (pausedSince === undefined) return;
      pausedMs += clock.now() - pausedSince;
      pausedSince = undefined;
      for (const watch of watches.values()) watch.timer.resume();
    },
    stalled: () => [...watches].filter(([, watch]) => watch.stalled).map(([cause]) => cause),
    close() {
      for (const cause of [...watches.keys()]) clear(cause);
    },
  };
}
