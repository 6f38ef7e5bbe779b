// The life of one step: its attempts, the waits between them, and its one end. Called by run-workflow.ts, which starts the
// attempts, of a shell command or of Claude Code.
import { sumUsd } from '../../core/cost.ts';
import { formatDuration } from '../../core/duration.ts';
import { type FailureReason, messageOf, type Outcome } from '../../core/outcome.ts';
import type { Append } from '../../core/record.ts';
import { type StepOutput, stepOutputOf } from '../../core/step-output.ts';
import type { Retries, Step } from '../../workflow/workflow.ts';
import { waitMs } from '../process/index.ts';
import type { Attempt, AttemptPlan, AttemptResult, Continuation, SessionRef } from './attempt.ts';
import { decideOnLimit, waitForLimit } from './limit-wait.ts';
import type { PhaseMachine } from './run-phase.ts';
import type { SystemLog } from './system-log.ts';

export type StepEnd = StepOutput & {
  readonly outcome: Outcome;
  readonly tolerated: boolean;
  readonly session: SessionRef | undefined;
  readonly attempts: number;
  readonly costUsd: number;
  readonly costUnknown: boolean;
};

export type StepContext = {
  readonly append: Append;
  readonly log: SystemLog;
  readonly phase: PhaseMachine;
  /** Starts attempt `number` (from 1) and lets the caller know of it for as long as it runs. */
  readonly startAttempt: (step: Step, number: number, how: AttemptPlan) => Attempt;
  /** Of a resumed run: the session in which the first attempt continues. */
  readonly continued?: Continuation | undefined;
  readonly now: () => number;
};

/** Runs a step to its end. Writes `step.started`, `step.retrying` and `step.finished`. */
export async function runStep(step: Step, context: StepContext): Promise<StepEnd> {
  const { append, phase } = context;
  const startedAt = context.now();
  append.event({ type: 'step.started' }, { step: step.id, attempt: 1 });

  let number = 1;
  /** Attempts that count against `retries`. */
  let tries = 1;
  let costUsd = 0;
  let costUnknown = false;
  let continuation = context.continued;
  const limits: LimitsMet = { waitedMs: 0, inARow: 0, timeLeftMs: undefined };
  let result: AttemptResult;
  for (;;) {
    result = await context.startAttempt(step, number, { continuation, timeLeftMs: limits.timeLeftMs }).done;
    costUsd = sumUsd([costUsd, result.costUsd]);
    costUnknown ||= result.costUnknown;
    if (phase.current().kind === 'ending') break;
    const subject = { step: step.id, attempt: number };
    if (result.isSessionLost) {
      const lost = continuation?.sessionId ?? '';
      context.log('warning', `Claude Code no longer has session ${lost}; the step starts again`, subject);
      continuation = undefined;
      number += 1;
      continue;
    }
    const waited = await waitOut({ step, number, result }, limits, context);
    if (waited.kind === 'ended') {
      result = { ...result, outcome: waited.outcome };
      break;
    }
    if (waited.kind === 'waited') {
      continuation = waited.continuation;
      number += 1;
      continue;
    }
    if (!wantsAnother(step.retries, tries, result)) break;
    const delayMs = retryDelayMs(step.retries, tries);
    append.event({ type: 'step.retrying', nextAttempt: number + 1, delayMs, outcome: result.outcome }, subject);
    // A stall that asks for another attempt gets one beyond those of `retries`.
    const most = Math.max(step.retries.max, tries) + 1 + number - tries;
    limits.timeLeftMs = undefined;
    continuation = step.retries.session === 'continue' ? continuationOf(result) : undefined;
    const where = continuation === undefined ? '' : ', in the same session';
    context.log('warning', `attempt ${number + 1} of ${most} in ${formatDuration(delayMs)}${where}`, subject);
    await waitFor(delayMs, phase);
    if (phase.current().kind === 'ending') break;
    number += 1;
    tries += 1;
  }

  const { outcome } = result;
  const output = stepOutputOf(result);
  const tolerated = step.continueOnFailure && isTolerable(outcome);
  append.event(
    {
      type: 'step.finished',
      outcome,
      attempts: number,
      durationMs: Math.round(context.now() - startedAt),
      costUsd,
      costUnknown,
      ...output,
      tolerated,
    },
    { step: step.id, attempt: number },
  );
  return { outcome, ...output, tolerated, session: result.session, attempts: number, costUsd, costUnknown };
}

/** How the next attempt continues what this one left; undefined if it left no session. */
function continuationOf({ session, outcome }: AttemptResult): Continuation | undefined {
  if (session === undefined) return undefined;
  return { ...session, because: `${outcome.kind}: ${messageOf(outcome)}` };
}

/** What a step has met of rate limits; changed by `waitOut`. */
type LimitsMet = {
  waitedMs: number;
  inARow: number;
  /** What is left of the timeout after a wait; undefined for all of it. */
  timeLeftMs: number | undefined;
};

type WaitedOut =
  | { readonly kind: 'no_limit' }
  | { readonly kind: 'waited'; readonly continuation: Continuation | undefined }
  /** It is not waited for, or the run ended meanwhile: then this is the outcome of the step. */
  | { readonly kind: 'ended'; readonly outcome: Outcome };

/** Waits for the end of the limit that ended the attempt, if one did. That uses up no retry and no time of the step. */
async function waitOut(
  { step, number, result }: { readonly step: Step; readonly number: number; readonly result: AttemptResult },
  limits: LimitsMet,
  { append, log, phase }: StepContext,
): Promise<WaitedOut> {
  const { limit, session } = result;
  if (limit === undefined || step.kind !== 'claude') return { kind: 'no_limit' };
  const nowMs = Date.now();
  if (result.costUsd > 0) limits.inARow = 0;
  const decision = decideOnLimit({ policy: step.onRateLimit, limit, nowMs, ...limits });
  if (decision.kind === 'fail') return { kind: 'ended', outcome: decision.outcome };
  const { untilMs } = decision;
  const subject = { step: step.id, attempt: number };
  const nextAttempt = number + 1;
  const untilNs = (BigInt(Math.ceil(untilMs)) * 1_000_000n).toString();
  append.event({ type: 'step.waiting', reason: 'rate_limit', untilNs, nextAttempt, outcome: result.outcome }, subject);
  const where = session === undefined ? '' : ', then continues in the same session';
  log('warning', `waits for the ${limit.what} until ${new Date(untilMs).toISOString()}${where}`, subject);
  await waitForLimit(untilMs, phase);
  const after = phase.current();
  if (after.kind === 'ending') return { kind: 'ended', outcome: after.outcome };
  limits.waitedMs += Math.max(0, untilMs - nowMs);
  limits.inARow += 1;
  const because = `${limit.what}, which has ended`;
  limits.timeLeftMs = Math.max((limits.timeLeftMs ?? step.timeoutMs) - result.ranMs, leastTimeLeft(step.timeoutMs));
  return { kind: 'waited', continuation: session === undefined ? undefined : { ...session, because } };
}

/** An attempt that continues gets at least this much of its timeout: Claude Code has to start and to read its session. */
const leastTimeLeftMs = 30_000;

function leastTimeLeft(timeoutMs: number): number {
  return Math.min(timeoutMs, leastTimeLeftMs);
}

/** A cancelled step is never tolerated: a person who cancels wants the run to end. Nor is one that ran out of budget. */
function isTolerable(outcome: Outcome): boolean {
  return (
    outcome.kind === 'failure' ||
    outcome.kind === 'timeout' ||
    (outcome.kind === 'error' && outcome.reason !== 'budget' && outcome.reason !== 'internal')
  );
}

function wantsAnother(retries: Retries, attempt: number, result: AttemptResult): boolean {
  const { outcome } = result;
  // A stall rule `retry` asks for one more attempt, even if no retries were set.
  if (result.retryAsked) return attempt <= Math.max(retries.max, 1);
  if (attempt > retries.max) return false;
  switch (outcome.kind) {
    case 'failure':
      if (isAccountProblem(outcome.reason) || outcome.reason === 'interrupted') return false;
      return retries.on.includes(outcome.kind);
    case 'timeout':
      return retries.on.includes(outcome.kind);
    case 'error':
      // Another attempt would cost more of a budget that is used up.
      return outcome.reason !== 'budget' && retries.on.includes('error');
    case 'success':
    case 'cancellation':
    case 'skip':
      return false;
  }
}

/** A login that is refused is refused again, and an empty account stays empty until somebody acts. */
function isAccountProblem(reason: FailureReason): boolean {
  return reason === 'not_logged_in' || reason === 'no_credit';
}

/** The wait after attempt `attempt`: exponential up to its limit. */
export function retryDelayMs(retries: Retries, attempt: number): number {
  return Math.min(retries.maxDelayMs, Math.round(retries.delayMs * retries.factor ** (attempt - 1)));
}

/** Waits out the delay and any pause. Ends early when the run does. */
async function waitFor(delayMs: number, phase: PhaseMachine): Promise<void> {
  await waitMs(delayMs, phase.ending);
  await phase.notPaused();
}
