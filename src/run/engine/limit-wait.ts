// Waiting for the end of a rate or usage limit: whether, how long, and the wait itself. The end of a limit is a time of day, so
// the wall clock counts here, also across a suspended machine; every other wait of the engine counts time that passed.

import { formatSetDuration } from '../../core/duration.ts';
import type { Outcome } from '../../core/outcome.ts';
import type { OnRateLimit } from '../../workflow/claude-keys.ts';
import type { RateLimit } from '../claude/index.ts';
import { waitMs } from '../process/index.ts';
import type { PhaseMachine } from './run-phase.ts';

export type LimitDecision =
  | { readonly kind: 'wait'; readonly untilMs: number }
  /** The step ends with this outcome. */
  | { readonly kind: 'fail'; readonly outcome: Outcome };

export type LimitQuestion = {
  readonly policy: OnRateLimit;
  readonly limit: RateLimit;
  readonly nowMs: number;
  /** By the step for limits before this one, in milliseconds. */
  readonly waitedMs: number;
  /** How many limits the step has met before this one without an answer between them. */
  readonly inARow: number;
};

/** Limits end at whole seconds, by a clock that is not ours. */
const marginMs = 1000;

/** If a limit still holds after its end, the waits get longer, up to this. */
const longestPauseMs = 60_000;

export function decideOnLimit({ policy, limit, nowMs, waitedMs, inARow }: LimitQuestion): LimitDecision {
  const ends = `the ${limit.what} ends at ${new Date(limit.untilMs).toISOString()}`;
  const fail = (why: string): LimitDecision => {
    const message = `${ends}, ${why}; continue then with \`stepspan resume\``;
    return { kind: 'fail', outcome: { kind: 'error', reason: 'rate_limited', message } };
  };
  if (policy.kind === 'fail') return fail('and `onRateLimit` is `fail`');
  const leastMs = Math.min(marginMs * 2 ** inARow, longestPauseMs);
  const untilMs = Math.max(limit.untilMs + marginMs, nowMs + leastMs);
  if (waitedMs + untilMs - nowMs > policy.maxMs) {
    return fail(`later than the longest wait of ${formatSetDuration(policy.maxMs)} (\`onRateLimit\`)`);
  }
  return { kind: 'wait', untilMs };
}

/** Between two looks at the wall clock: how late a wait may end after the machine was suspended or its clock was set. */
const lookEveryMs = 2000;

/** Resolves when the time has come and the run is not paused, or when the run is ending. */
export async function waitForLimit(untilMs: number, phase: PhaseMachine): Promise<void> {
  for (let left = untilMs - Date.now(); left > 0 && !phase.ending.aborted; left = untilMs - Date.now()) {
    await waitMs(Math.min(left, lookEveryMs), phase.ending);
  }
  await phase.notPaused();
}
