// From the state of a run to what the API answers of it. Pure.
import { formatSpending } from '../../core/cost.ts';
import { formatDuration } from '../../core/duration.ts';
import { messageOf } from '../../core/outcome.ts';
import { plural } from '../../core/units.ts';
import {
  type AttemptState,
  attemptCount,
  costBasisOf,
  costOf,
  costOfAttempt,
  describeFindings,
  type Estimate,
  findingsOfStep,
  hiddenCount,
  isoOfNs,
  lastAttempt,
  lostCount,
  nsOfMs,
  progressOf,
  type RunState,
  runDurationMs,
  type StepState,
  stepDurationMs,
  totalsOf,
  waitingUntilNs,
} from '../../runs/index.ts';
import type { Alert, AttemptDetail, Link, ResourceNow, RunDetail, RunSummary, StepDetail } from './answers.ts';
import { standingOf } from './run-states.ts';

export function summaryOf(state: RunState, nowMs: number): RunSummary {
  const totals = totalsOf(state);
  const { phase } = state;
  const standing = standingOf(state);
  const { completedSteps, totalSteps, progress, currentStep } = progressOf(state);
  return {
    runId: state.runId,
    traceId: state.traceId,
    workflow: state.workflow,
    state: standing,
    startedAt: isoOrNull(state.startedNs),
    endedAt: phase.kind === 'finished' ? isoOfNs(phase.endedNs) : null,
    // A run that nobody writes any longer has stood still since its last record.
    durationMs: Math.round(standing === 'abandoned' ? runDurationMs(state) : runDurationMs(state, nowMs)),
    totalSteps,
    completedSteps,
    progress,
    currentStep: currentStep ?? null,
    waitingUntil: isoOrNull(waitingUntilNs(state)),
    ...costOf(state),
    costEstimated: state.costBasis === 'estimated',
    tokens: totals.tokens,
    message: totals.message,
    warnings: totals.warnings,
    resumedFrom: state.resumedFrom ?? null,
    alerts: alertsOf(state).length,
  };
}

export function detailOf(
  state: RunState,
  more: {
    readonly nowMs: number;
    readonly firstSeq: number;
    readonly headSeq: number;
    readonly links: readonly Link[];
    readonly estimate: Estimate | undefined;
  },
): RunDetail {
  const { phase } = state;
  return {
    ...summaryOf(state, more.nowMs),
    description: state.description,
    file: state.file,
    cwd: state.cwd,
    concurrency: state.concurrency,
    budgetUsd: state.budgetUsd ?? null,
    budgetTokens: state.budgetTokens ?? null,
    paused: phase.kind === 'paused' ? { by: phase.by, now: phase.now, since: isoOfNs(phase.sinceNs) } : null,
    pausedMs: state.pauses.totalMs,
    averageStepDurationMs: progressOf(state).averageStepDurationMs ?? null,
    estimatedCompletion: more.estimate === undefined ? null : isoOfNs(nsOfMs(more.estimate.completionMs)),
    firstSeq: more.firstSeq,
    headSeq: more.headSeq,
    lines: state.lines,
    hidden: hiddenCount(state),
    lostLines: lostCount(state).lines,
    models: Object.values(state.models),
    steps: stepsOf(state, more.nowMs),
    alertList: alertsOf(state),
    links: more.links,
  };
}

export function stepsOf(state: RunState, nowMs: number): readonly StepDetail[] {
  return state.steps.map((step) => stepOf(step, nowMs));
}

function stepOf(step: StepState, nowMs: number): StepDetail {
  const { phase } = step;
  return {
    id: step.id,
    name: step.name,
    kind: step.kind,
    needs: step.needs,
    state: phase.kind,
    outcome: phase.kind === 'finished' ? phase.outcome : null,
    tolerated: phase.kind === 'finished' && phase.tolerated,
    startedAt: isoOrNull(step.startedNs),
    endedAt: phase.kind === 'finished' ? isoOfNs(phase.endedNs) : null,
    durationMs: Math.round(stepDurationMs(step, nowMs)),
    ...costOf(step),
    lines: step.lines,
    activity: activityOf(step),
    lastLine: step.lastLine,
    toolCalls: step.toolCalls,
    toolErrors: step.toolErrors,
    findings: findingsOfStep(step),
    warning: describeFindings(findingsOfStep(step)),
    resources: resourcesOf(lastAttempt(step)),
    attemptCount: attemptCount(step),
    attempts: step.attempts.map(attemptOf),
  };
}

function attemptOf(attempt: AttemptState): AttemptDetail {
  const { phase, cost } = attempt;
  const finished = phase.kind === 'finished' ? phase : undefined;
  const basis = costBasisOf(attempt);
  return {
    number: attempt.number,
    state: phase.kind,
    outcome: finished?.outcome ?? null,
    command: attempt.command,
    pid: attempt.pid ?? null,
    startedAt: isoOfNs(attempt.startedNs),
    endedAt: finished === undefined ? null : isoOfNs(finished.endedNs),
    durationMs: finished?.durationMs ?? null,
    pausedMs: finished?.pausedMs ?? 0,
    firstSeq: attempt.firstSeq,
    lastSeq: attempt.lastSeq ?? null,
    lines: attempt.lines,
    costUsd: cost.kind === 'none' || basis === 'unknown' ? null : costOfAttempt(attempt),
    costBasis: basis,
    costAtLeastUsd: costOfAttempt(attempt),
    costEstimated: basis === 'estimated',
    costUnknownWhy: cost.kind === 'final' ? (cost.why ?? null) : null,
    resources: resourcesOf(attempt),
    sessionId: attempt.session?.sessionId ?? null,
    model: attempt.session?.model ?? null,
    turns: attempt.turns ?? null,
  };
}

function resourcesOf(attempt: AttemptState | undefined): ResourceNow | null {
  return attempt?.resources ?? null;
}

function activityOf({ activity, phase }: StepState): string {
  if (phase.kind === 'retrying') return 'waits to try again';
  if (phase.kind === 'waiting') return `rate limited, waits until ${isoOfNs(phase.untilNs).slice(0, 19)}Z`;
  if (phase.kind !== 'running') return '';
  switch (activity.kind) {
    case 'none':
      return '';
    case 'tool':
      return `uses ${activity.tool}`;
    case 'model':
      return 'thinks';
    case 'api_retry':
      return `asks the API again: ${activity.error}`;
    case 'rate_limited':
      return 'is rate limited';
  }
}

/** What somebody should look at, as far as the state tells it: of the run first, then step by step. */
export function alertsOf(state: RunState): readonly Alert[] {
  const alerts: Alert[] = [];
  const add = (
    kind: Alert['kind'],
    severity: Alert['severity'],
    message: string,
    sinceNs: bigint | undefined,
    step: string | null = null,
  ): void => void alerts.push({ kind, severity, message, step, ns: (sinceNs ?? state.lastNs).toString() });
  const { phase, budget } = state;
  if (phase.kind === 'finished' && phase.outcome.kind === 'error' && phase.outcome.reason === 'abandoned')
    add('abandoned', 'error', messageOf(phase.outcome), phase.endedNs);
  else if (standingOf(state) === 'abandoned')
    add('abandoned', 'error', 'The process that ran it is gone.', state.lastNs);
  if (budget.kind === 'warned') {
    const share = Math.floor(budget.share * 100);
    add('budget', 'warning', `${share} % of the budget is used.`, budget.sinceNs);
  }
  if (budget.kind === 'exceeded') {
    const { limit, unit, used } = budget;
    const message = `The budget of ${formatSpending(limit, unit)} is used up: ${formatSpending(used, unit)}.`;
    add('budget', 'error', message, budget.sinceNs);
  }
  const lost = lostCount(state);
  if (lost.lines + lost.events > 0)
    add('lost', 'error', `${plural(lost.lines, 'line')} and ${plural(lost.events, 'event')} were lost.`, state.lostNs);
  const hidden = hiddenCount(state);
  if (hidden > 0) add('hidden', 'info', `${hidden} secrets were hidden in what was printed.`, state.hiddenNs);
  for (const step of state.steps) {
    const { id, stall, leftOver, leftOverNs } = step;
    const found = describeFindings(findingsOfStep(step));
    const last = lastAttempt(step)?.phase;
    if (found !== '') add('warnings', 'warning', `${found}.`, last?.kind === 'finished' ? last.endedNs : undefined, id);
    if (stall !== undefined) {
      const message = `It has stalled for ${formatDuration(stall.forMs)} (${stall.cause.replaceAll('_', ' ')}).`;
      add('stall', 'warning', message, stall.sinceNs, id);
    }
    if (leftOver > 0) {
      add('left_over', 'warning', `It left ${plural(leftOver, 'process', 'processes')} running.`, leftOverNs, id);
    }
  }
  return alerts;
}

function isoOrNull(ns: bigint | undefined): string | null {
  return ns === undefined ? null : isoOfNs(ns);
}
