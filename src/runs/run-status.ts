// The status of a run: one word, since when, why and until when. Every list, page, command and metric shows this one. Pure.
import { messageOf } from '../core/outcome.ts';
import { isoOfNs, nsOfMs } from '../core/time.ts';
import { unreachable } from '../core/unreachable.ts';
import { currentSteps } from './progress.ts';
import type { RunState, Stall, StepState } from './run-state.ts';
import type { RunStateName, RunStatus, Wait } from './run-view.ts';
import { waitingForAnswer } from './summarize-question.ts';

/** @param isWriterGone the process that ran it has died; of no interest for a run that has ended */
export function runStatus(run: RunState, isWriterGone: boolean): RunStatus {
  const { phase } = run;
  if (phase.kind === 'finished') return statusSince(phase.outcome.kind, phase.endedNs, messageOf(phase.outcome));
  if (isWriterGone && phase.kind !== 'unknown') return statusSince('abandoned', run.lastNs, notClosedYet(run));
  switch (phase.kind) {
    case 'paused':
      return statusSince('paused', phase.sinceNs, `paused by ${phase.by}`);
    case 'cancelling':
      return phase.by === 'budget' || run.budget.kind === 'exceeded'
        ? statusSince(
            'over_budget',
            run.budget.kind === 'exceeded' ? run.budget.sinceNs : phase.sinceNs,
            budgetText(run),
          )
        : statusSince('cancelling', phase.sinceNs, `cancelled by ${phase.by}`);
    case 'running':
    case 'unknown':
      return runningStatus(run);
    default:
      return unreachable(phase);
  }
}

/** Of a run whose stepspan was killed, before it is adopted. */
export function notClosedYet({ writer }: Pick<RunState, 'writer'>): string {
  const pid = writer === undefined ? '' : ` (pid ${writer.pid})`;
  return `stepspan${pid} was killed; the run is not closed yet`;
}

function runningStatus(run: RunState): RunStatus {
  const active = currentSteps(run);
  const [question] = active.flatMap((step) => waitOfAnswer(step) ?? []).toSorted(bySince);
  if (question !== undefined)
    return { state: 'waiting_for_you', since: question.since, cause: question.cause, until: question.until };
  const waits = active.flatMap((step) => waitOfStep(step, run) ?? []);
  // A short wait before a retry is part of running.
  const longWaits = waits.filter(({ kind }) => kind !== 'retry');
  const [first] = longWaits;
  if (first === undefined || waits.length < active.length) return statusSince('running', run.startedNs, '');
  const stall = longWaits.find(({ kind }) => kind === 'stall');
  const { cause } = stall ?? longWaits.find(({ kind }) => kind === 'question') ?? first;
  return {
    state: stall === undefined ? 'waiting' : 'stuck',
    // The run makes no progress since the last of its steps stopped.
    since: longWaits.reduce((last, { since }) => later(last, since), first.since),
    cause,
    until: waits.every(({ until }) => until !== null)
      ? waits.reduce((soonest, { until }) => earlier(soonest, until), first.until)
      : null,
  };
}

/** What an active step waits for; undefined while it makes progress, and for a step that is not active. */
export function waitOfStep(step: StepState, run: Pick<RunState, 'phase'>): Wait | undefined {
  const { phase, stall, activity } = step;
  switch (phase.kind) {
    case 'planned':
    case 'finished':
      return undefined;
    case 'retrying':
      return wait(
        'retry',
        phase.sinceNs,
        phase.untilNs,
        `attempt ${phase.nextAttempt} after ${messageOf(phase.outcome)}`,
      );
    case 'waiting':
      return wait('limit', phase.sinceNs, phase.untilNs, limitCause);
    case 'running':
      break;
    default:
      return unreachable(phase);
  }
  if (run.phase.kind === 'paused' && run.phase.now)
    return wait('pause', run.phase.sinceNs, undefined, `paused by ${run.phase.by}`);
  const answer = waitOfAnswer(step);
  if (answer !== undefined) return answer;
  if (activity.kind === 'rate_limited' && activity.status === 'rejected')
    return { ...wait('limit', activity.sinceNs, undefined, limitCause), until: isoOrNull(activity.resetsAt) };
  return stall === undefined ? undefined : waitOfStall(stall);
}

/** The question that has waited longest. */
function waitOfAnswer({ questions }: StepState): Wait | undefined {
  const [first] = questions;
  return first === undefined ? undefined : wait('question', first.sinceNs, first.untilNs, waitingForAnswer(first));
}

function bySince(a: Wait, b: Wait): number {
  return Date.parse(a.since ?? '') - Date.parse(b.since ?? '');
}

const limitCause = 'rate or usage limit';

function waitOfStall(stall: Stall): Wait {
  const sinceNs = stall.sinceNs - nsOfMs(stall.forMs);
  switch (stall.cause) {
    case 'rate_limited':
      return wait('limit', sinceNs, undefined, limitCause);
    case 'waiting_for_permission':
      return wait('question', sinceNs, undefined, 'permission for a tool call');
    case 'no_output':
      return wait('stall', sinceNs, undefined, 'no output');
    case 'output_closed':
      return wait('stall', sinceNs, undefined, 'output closed, but no exit');
    case 'no_exit_after_result':
      return wait('stall', sinceNs, undefined, 'no exit after the result');
    default:
      return unreachable(stall.cause);
  }
}

function budgetText({ budget, budgetUsd, budgetTokens }: RunState): string {
  const limit = budget.kind === 'exceeded' ? budget.limit : (budgetUsd ?? budgetTokens);
  const unit = budget.kind === 'exceeded' ? budget.unit : budgetUsd === undefined ? 'tokens' : 'USD';
  return limit === undefined ? 'budget used up' : `budget of ${limit} ${unit} used up`;
}

function statusSince(state: RunStateName, sinceNs: bigint | undefined, cause: string): RunStatus {
  return { state, since: sinceNs === undefined ? null : isoOfNs(sinceNs), cause, until: null };
}

function wait(kind: Wait['kind'], sinceNs: bigint, untilNs: bigint | undefined, cause: string): Wait {
  return { kind, since: isoOfNs(sinceNs), until: untilNs === undefined ? null : isoOfNs(untilNs), cause };
}

/** A time as Claude Code wrote it; what is not a time is not passed on as one. */
function isoOrNull(text: string | undefined): string | null {
  const ms = Date.parse(text ?? '');
  return Number.isNaN(ms) ? null : isoOfNs(nsOfMs(ms));
}

function later(a: string | null, b: string | null): string | null {
  return a === null || (b !== null && Date.parse(b) > Date.parse(a)) ? b : a;
}

function earlier(a: string | null, b: string | null): string | null {
  return a === null || (b !== null && Date.parse(b) < Date.parse(a)) ? b : a;
}
