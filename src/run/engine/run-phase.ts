// Where a run is between its start and its end: one union, changed in one place. Owned by run-workflow.ts; the waits of steps
// follow it.
import type { Outcome } from '../../core/outcome.ts';
import { systemClock } from '../process/index.ts';

export type RunPhase =
  | { readonly kind: 'running' }
  /** Nothing new starts. With `now`, the running trees are frozen too. */
  | { readonly kind: 'paused'; readonly now: boolean; readonly since: number }
  /** Nothing new starts, and the run will end with this outcome. */
  | { readonly kind: 'ending'; readonly outcome: Outcome }
  | { readonly kind: 'finished' };

export type PhaseMachine = {
  readonly current: () => RunPhase;
  /** @returns false if the run is not running, so there was nothing to pause */
  readonly pause: (now: boolean) => boolean;
  /** @returns milliseconds spent paused, or undefined if the run was not paused */
  readonly resume: () => number | undefined;
  /** The first outcome wins. @returns false if the run was ending already */
  readonly end: (outcome: Outcome) => boolean;
  readonly finish: () => void;
  /** Time spent paused up to now, in milliseconds. */
  readonly pausedMs: () => number;
  /** Resolves at once while the run is not paused, else when it is no longer. */
  readonly notPaused: () => Promise<void>;
  /** Aborted as soon as the run is ending, so that waits for a retry end too. */
  readonly ending: AbortSignal;
};

/** @param now a monotonic clock in milliseconds; injected by tests */
export function createPhaseMachine(now: () => number = systemClock.now): PhaseMachine {
  let phase: RunPhase = { kind: 'running' };
  let pausedBefore = 0;
  let waiting: (() => void)[] = [];
  const controller = new AbortController();

  const leavePause = (): number => {
    if (phase.kind !== 'paused') return 0;
    const spent = now() - phase.since;
    pausedBefore += spent;
    return spent;
  };
  const release = (): void => {
    const released = waiting;
    waiting = [];
    for (const resolve of released) resolve();
  };

  return {
    current: () => phase,
    pause(freeze) {
      if (phase.kind === 'paused' && freeze && !phase.now) {
        phase = { ...phase, now: true };
        return true;
      }
      if (phase.kind !== 'running') return false;
      phase = { kind: 'paused', now: freeze, since: now() };
      return true;
    },
    resume() {
      if (phase.kind !== 'paused') return undefined;
      const spent = leavePause();
      phase = { kind: 'running' };
      release();
      return spent;
    },
    end(outcome) {
      if (phase.kind === 'ending' || phase.kind === 'finished') return false;
      leavePause();
      phase = { kind: 'ending', outcome };
      controller.abort();
      release();
      return true;
    },
    finish() {
      phase = { kind: 'finished' };
    },
    pausedMs: () => pausedBefore + (phase.kind === 'paused' ? now() - phase.since : 0),
    notPaused: () => (phase.kind === 'paused' ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve()),
    ending: controller.signal,
  };
}
