// `RunView`: what everybody who looks at a run is shown of it, as plain JSON. A run is folded once (fold-run.ts) into a `RunState`,
// which is exact and internal; the view is made from that state here and nowhere else. Pages, lists, commands and the API show its
// fields as they are. Times are ISO 8601 with nanoseconds; what is unknown is null. Pure.
import type { ModelUsage } from '../core/claude-event.ts';
import { countFindings, type Findings } from '../core/finding.ts';
import { messageOf, type Outcome } from '../core/outcome.ts';
import type { Stream } from '../core/record.ts';
import { isoOfNs, nsOfMs } from '../core/time.ts';
import { describeFindings } from './describe-findings.ts';
import { type Estimate, estimate, type History } from './estimate.ts';
import { costBasisOf, costOfAttempt } from './fold-claude.ts';
import { totalTokens } from './model-use.ts';
import { currentSteps, progressOf, waitingUntilNs } from './progress.ts';
import { type AttemptState, findingsOfStep, lastAttempt, type RunState, type StepState } from './run-state.ts';
import { isActive, type RunStatus, runStatus, type Wait, waitOfStep } from './run-status.ts';
import { attemptCount, type Cost, costOf, hiddenCount, lostCount, runDurationMs } from './totals.ts';

/** An alert that fires. Which ones there are is decided by the rules of alerts.yaml, never by who shows it. */
export type ActiveAlert = {
  /** Name of the rule, such as `StepspanRunStuck`. */
  readonly rule: string;
  readonly severity: 'critical' | 'warning' | 'info';
  /** Null for what is about the run as a whole. */
  readonly step: string | null;
  readonly since: string;
  readonly summary: string;
  readonly description: string;
  /** The record of the run to look at first. */
  readonly seq: number;
};

/** What a run does now, for one line: its oldest active step. */
export type RunActivity = {
  readonly step: string;
  /** The tool with its argument, the last sentence or the last line; '' if nothing is known. */
  readonly text: string;
  readonly since: string | null;
  /** What that step has cost up to now. */
  readonly cost: Cost;
  readonly waitsFor: Wait | null;
};

/** What a list of runs shows; small, so that it can be kept of ten thousand runs. */
export type RunSummary = RunStatus &
  Cost & {
    readonly runId: string;
    readonly traceId: string;
    readonly workflow: string;
    readonly description: string;
    readonly file: string;
    readonly resumedFrom: string | null;
    readonly startedAt: string | null;
    readonly endedAt: string | null;
    /** Null while the run is active: it is then the time since `startedAt`. */
    readonly durationMs: number | null;
    readonly totalSteps: number;
    readonly completedSteps: number;
    /** 0 to 100. */
    readonly progress: number;
    readonly currentStep: string | null;
    /** When the run continues, if every active step waits for the end of a rate or usage limit. */
    readonly waitingUntil: string | null;
    readonly costEstimated: boolean;
    readonly tokens: number;
    /** Why it did not succeed; '' otherwise. */
    readonly message: string;
    /** Denied tool calls, failed hooks and the like over all steps: a success can rest on them. */
    readonly warnings: number;
    readonly alertCount: number;
  };

export type ResourceView = {
  readonly cpuSeconds: number;
  readonly cpuCores: number;
  readonly rssBytes: number;
  readonly maxRssBytes: number;
  readonly processes: number;
};

export type AttemptView = {
  readonly number: number;
  readonly state: 'running' | 'finished';
  readonly outcome: Outcome | null;
  readonly command: string;
  readonly pid: number | null;
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly durationMs: number | null;
  readonly pausedMs: number;
  /** Where its lines are in the journal. */
  readonly firstSeq: number;
  readonly lastSeq: number | null;
  readonly lines: Readonly<Record<Stream, number>>;
  readonly costEstimated: boolean;
  /** Why a part of the cost is unknown. */
  readonly costUnknownWhy: string | null;
  readonly resources: ResourceView | null;
  readonly sessionId: string | null;
  readonly model: string | null;
  readonly turns: number | null;
} & Cost;

export type StepView = {
  readonly id: string;
  readonly name: string;
  readonly kind: 'run' | 'claude';
  readonly needs: readonly string[];
  readonly state: 'planned' | 'running' | 'retrying' | 'waiting' | 'finished';
  /** Null while it makes progress, and while it is not active. */
  readonly waitsFor: Wait | null;
  readonly outcome: Outcome | null;
  /** It failed and the workflow lets it. */
  readonly tolerated: boolean;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  /** Null until it has ended. */
  readonly durationMs: number | null;
  readonly lines: Readonly<Record<Stream, number>>;
  /** What it does now, in a few words; '' if nothing is known. */
  readonly activity: string;
  readonly activitySince: string | null;
  readonly lastLine: string;
  readonly toolCalls: number;
  readonly toolErrors: number;
  /** What its last attempt rests on besides its result, counted and the first ones named; and the same as a sentence. */
  readonly findings: Findings;
  readonly warning: string;
  readonly resources: ResourceView | null;
  /** How many were made; `attempts` lacks those of which nothing could be started. */
  readonly attemptCount: number;
  readonly attempts: readonly AttemptView[];
} & Cost;

export type RunView = RunSummary & {
  readonly cwd: string;
  readonly concurrency: number;
  readonly budgetUsd: number | null;
  readonly budgetTokens: number | null;
  /** Set while it is paused. */
  readonly paused: { readonly by: string; readonly now: boolean; readonly since: string } | null;
  readonly pausedMs: number;
  readonly averageStepDurationMs: number | null;
  /** To the second, so that it does not change all the time; null if it cannot be foreseen. */
  readonly estimatedCompletion: string | null;
  readonly estimateBasis: Estimate['basis'] | null;
  /** The number that the next record of the run gets. */
  readonly nextSeq: number;
  readonly lines: Readonly<Record<Stream, number>>;
  readonly hidden: number;
  readonly lostLines: number;
  readonly lostEvents: number;
  readonly models: readonly ModelUsage[];
  readonly activity: RunActivity | null;
  readonly alerts: readonly ActiveAlert[];
  readonly steps: readonly StepView[];
};

/** What is known of a run besides its records. */
export type ViewContext = {
  /** Unix milliseconds, for the estimate. */
  readonly nowMs: number;
  /** The process that ran it has died. Of no interest for a run that has ended. */
  readonly isWriterGone: boolean;
  readonly history?: History;
  readonly alerts?: readonly ActiveAlert[];
};

export function viewRun(run: RunState, context: ViewContext): RunView {
  const { alerts = [], history = new Map(), nowMs } = context;
  const summary = summarizeRun(run, context);
  const expected = summary.state === 'abandoned' ? undefined : estimate(run, history, nowMs);
  const { phase } = run;
  const lost = lostCount(run);
  return {
    ...summary,
    cwd: run.cwd,
    concurrency: run.concurrency,
    budgetUsd: run.budgetUsd ?? null,
    budgetTokens: run.budgetTokens ?? null,
    paused: phase.kind === 'paused' ? { by: phase.by, now: phase.now, since: isoOfNs(phase.sinceNs) } : null,
    pausedMs: run.pauses.totalMs,
    averageStepDurationMs: progressOf(run).averageStepDurationMs ?? null,
    estimatedCompletion:
      expected === undefined ? null : isoOfNs(nsOfMs(Math.round(expected.completionMs / 1000) * 1000)),
    estimateBasis: expected?.basis ?? null,
    nextSeq: run.nextSeq,
    lines: run.lines,
    hidden: hiddenCount(run),
    lostLines: lost.lines,
    lostEvents: lost.events,
    models: Object.values(run.models),
    activity: isActive(summary.state) ? activityOfRun(run) : null,
    alerts,
    steps: run.steps.map((step) => viewStep(step, run)),
  };
}

export function summarizeRun(run: RunState, context: ViewContext): RunSummary {
  const { phase } = run;
  const status = runStatus(run, context.isWriterGone);
  const { completedSteps, totalSteps, progress, currentStep } = progressOf(run);
  return {
    ...status,
    runId: run.runId,
    traceId: run.traceId,
    workflow: run.workflow,
    description: run.description,
    file: run.file,
    resumedFrom: run.resumedFrom ?? null,
    startedAt: isoOrNull(run.startedNs),
    endedAt: phase.kind === 'finished' ? isoOfNs(phase.endedNs) : null,
    // Nothing has happened in an abandoned run since its last record.
    durationMs: phase.kind === 'finished' || status.state === 'abandoned' ? Math.round(runDurationMs(run)) : null,
    totalSteps,
    completedSteps,
    progress,
    currentStep: currentStep ?? null,
    waitingUntil: isoOrNull(waitingUntilNs(run)),
    ...costOf(run),
    costEstimated: run.costBasis === 'estimated',
    tokens: totalTokens(run.models),
    message: phase.kind === 'finished' ? messageOf(phase.outcome) : '',
    warnings: run.steps.reduce((sum, step) => sum + countFindings(findingsOfStep(step)), 0),
    alertCount: context.alerts?.length ?? 0,
  };
}

function activityOfRun(run: RunState): RunActivity | null {
  const [step] = currentSteps(run);
  if (step === undefined) return null;
  return {
    step: step.id,
    text: step.lastLine === '' ? activityText(step) : step.lastLine,
    since: activitySince(step),
    cost: costOf(step),
    waitsFor: waitOfStep(step, run) ?? null,
  };
}

function viewStep(step: StepState, run: RunState): StepView {
  const { phase } = step;
  const finished = phase.kind === 'finished' ? phase : undefined;
  const findings = findingsOfStep(step);
  return {
    id: step.id,
    name: step.name,
    kind: step.kind,
    needs: step.needs,
    state: phase.kind,
    waitsFor: waitOfStep(step, run) ?? null,
    outcome: finished?.outcome ?? null,
    tolerated: finished?.tolerated ?? false,
    startedAt: isoOrNull(step.startedNs),
    endedAt: isoOrNull(finished?.endedNs),
    durationMs: finished === undefined ? null : Math.round(finished.durationMs),
    ...costOf(step),
    lines: step.lines,
    activity: activityText(step),
    activitySince: activitySince(step),
    lastLine: step.lastLine,
    toolCalls: step.toolCalls,
    toolErrors: step.toolErrors,
    findings,
    warning: describeFindings(findings),
    resources: lastAttempt(step)?.resources ?? null,
    attemptCount: attemptCount(step),
    attempts: step.attempts.map(viewAttempt),
  };
}

function viewAttempt(attempt: AttemptState): AttemptView {
  const { phase, cost, session } = attempt;
  const finished = phase.kind === 'finished' ? phase : undefined;
  const costBasis = costBasisOf(attempt);
  const costAtLeastUsd = costOfAttempt(attempt);
  return {
    number: attempt.number,
    state: phase.kind,
    outcome: finished?.outcome ?? null,
    command: attempt.command,
    pid: attempt.pid ?? null,
    startedAt: isoOfNs(attempt.startedNs),
    endedAt: isoOrNull(finished?.endedNs),
    durationMs: finished?.durationMs ?? null,
    pausedMs: finished?.pausedMs ?? 0,
    firstSeq: attempt.firstSeq,
    lastSeq: attempt.lastSeq ?? null,
    lines: attempt.lines,
    costUsd: cost.kind === 'none' || costBasis === 'unknown' ? null : costAtLeastUsd,
    costBasis,
    costAtLeastUsd,
    costEstimated: costBasis === 'estimated',
    costUnknownWhy: cost.kind === 'final' ? (cost.why ?? null) : null,
    resources: attempt.resources ?? null,
    sessionId: session?.sessionId ?? null,
    model: session?.model ?? null,
    turns: attempt.turns ?? null,
  };
}

function activityText({ activity, phase }: StepState): string {
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

function activitySince({ activity, phase, attempts }: StepState): string | null {
  if (phase.kind === 'retrying' || phase.kind === 'waiting') return isoOfNs(phase.sinceNs);
  if (phase.kind !== 'running') return null;
  return isoOrNull(activity.kind === 'none' ? attempts.at(-1)?.startedNs : activity.sinceNs);
}

function isoOrNull(ns: bigint | undefined): string | null {
  return ns === undefined ? null : isoOfNs(ns);
}
