// Time for timeouts, stall clocks, grace periods and waits: monotonic milliseconds that stand still while this process was
// stopped, and one-shot timers, so that tests can be the clock.

export type TimerClock = {
  /** Milliseconds that never go back. */
  readonly now: () => number;
  /** Calls `due` once after `ms`. @returns takes it back */
  readonly after: (ms: number, due: () => void) => () => void;
};

/** The clock of the machine without the time in which this process could not run. */
export type SystemClock = TimerClock & {
  /** Time that was left out so far, in milliseconds. */
  readonly suspendedMs: () => number;
  /** Calls `listener` with the length of each gap, soon after it. @returns takes it back */
  readonly onSuspended: (listener: (ms: number) => void) => () => void;
};

/** Node fires a timer of more than 2^31-1 ms (24.8 days) at once; a longer wait is made of several. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/** How often the clock looks whether the process runs. Four wake-ups a second cost about 0.1 ms of CPU time. */
const BEAT_MS = 250;

/**
 * The process did not run if the clock was not read for so long: it was stopped (SIGSTOP, Ctrl-Z, a debugger), the machine slept, or
 * it was starved of CPU. Four beats, as a busy machine delays one; whatever is shorter is counted.
 */
export const SUSPENDED_MS = 1_000;

/** The beat stops after so long without a timer, so that a process that waits for nothing is not woken. */
const LINGER_MS = 10_000;

/**
 * @param monotonic milliseconds that pass while the process is stopped; on Linux a sleeping machine stops them by itself
 */
export function createSystemClock(monotonic: () => number = () => performance.now()): SystemClock {
  let suspended = 0;
  let unreported = 0;
  let lastLook: number | undefined;
  let beat: NodeJS.Timeout | undefined;
  let pending = 0;
  let idleSince = 0;
  const listeners = new Set<(ms: number) => void>();

  /** Every question for the time is a look: a timer that fires late must not be answered before the gap is known. */
  const now = (): number => {
    const raw = monotonic();
    if (lastLook !== undefined) {
      const gap = raw - lastLook;
      if (gap > SUSPENDED_MS) {
        suspended += gap - BEAT_MS;
        unreported += gap - BEAT_MS;
      }
      lastLook = raw;
    }
    return raw - suspended;
  };
  const report = (): void => {
    const ms = unreported;
    unreported = 0;
    if (ms > 0) for (const listener of listeners) listener(ms);
  };
  const tick = (): void => {
    const time = now();
    report();
    if (pending > 0) {
      idleSince = time;
    } else if (time - idleSince > LINGER_MS) {
      clearInterval(beat);
      beat = undefined;
      lastLook = undefined;
    }
  };
  const startBeat = (): void => {
    if (beat !== undefined) return;
    lastLook = monotonic();
    idleSince = lastLook - suspended;
    beat = setInterval(tick, BEAT_MS).unref();
  };

  return {
    now,
    after(ms, due) {
      startBeat();
      pending += 1;
      let isPending = true;
      const leave = (): void => {
        if (isPending) pending -= 1;
        isPending = false;
      };
      let turn: NodeJS.Immediate | undefined;
      const fire = (): void => {
        // One turn of the event loop first reports what has happened meanwhile: the exit of a child, its last output.
        turn = setImmediate(() => {
          leave();
          due();
        });
      };
      const timer = setTimeout(fire, Math.min(Math.max(ms, 0), MAX_TIMER_MS));
      return () => {
        clearTimeout(timer);
        clearImmediate(turn);
        leave();
      };
    },
    suspendedMs: () => {
      now();
      return suspended;
    },
    onSuspended(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** The one clock of this process. */
export const systemClock: SystemClock = createSystemClock();
