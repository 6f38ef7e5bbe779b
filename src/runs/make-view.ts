// Makes the views and summaries of runs from their states. Nothing else turns a state into what people are shown. Pure.
import { answersTo } from '../core/answer.ts';
import { countFindings } from '../core/finding.ts';
import { messageOf } from '../core/outcome.ts';
import { isoOfNs, nsOfMs } from '../core/time.ts';
import { unreachable } from '../core/unreachable.ts';
import { closeIfKilled } from './closing-events.ts';
import { describeFindings } from './describe-findings.ts';
import { estimate, type History } from './estimate.ts';
import { costBasisOf, costOfAttempt } from './fold-claude.ts';
import { totalTokens } from './model-use.ts';
import { currentSteps, progressOf, waitingUntilNs } from './progress.ts';
import {
  type AttemptState,
  findingsOfStep,
  lastAttempt,
  type OpenQuestion,
  type RunParams,
  type RunState,
  type StepState,
} from './run-state.ts';
import { runStatus, waitOfStep } from './run-status.ts';
import {
  type ActiveAlert,
  type AttemptView,
  type CiJobView,
  isActive,
  type QuestionView,
  type RunActivity,
  type RunSummary,
  type RunView,
  type StepView,
  type VersionControlView,
} from './run-view.ts';
import { attemptCount, costOf, hiddenCount, lostCount, runDurationMs } from './totals.ts';

/** What is known of a run besides its records. */
export type ViewContext = {
  /** Unix milliseconds, for the estimate. */
  readonly nowMs: number;
  /** The process that ran it has died. Of no interest for a run that has ended. */
  readonly isWriterGone: boolean;
  readonly history?: History;
  readonly alerts?: readonly ActiveAlert[];
  /** What its journal lacks, one sentence each. */
  readonly journalProblems?: readonly string[];
};

export function viewRun(run: RunState, context: ViewContext): RunView {
  const { alerts = [], history = new Map(), journalProblems = [], nowMs } = context;
  const summary = summarizeRun(run, context);
  const expected = summary.state === 'abandoned' ? undefined : estimate(run, history, nowMs);
  const { phase } = run;
  const lost = lostCount(run);
  const shown = closeIfKilled(run, context.isWriterGone);
  return {
    ...summary,
    params: run.params,
    cwd: run.cwd,
    versionControl: viewVersionControl(run),
    ci: viewCiJob(run),
    stepspanVersion: run.stepspanVersion,
    concurrency: run.concurrency,
    budgetUsd: run.budgetUsd ?? null,
    budgetTokens: run.budgetTokens ?? null,
    paused: phase.kind === 'paused' ? { by: phase.by, now: phase.now, since: isoOfNs(phase.sinceNs) } : null,
    pausedMs: run.pauses.totalMs,
    averageStepDurationMs: progressOf(run).averageStepDurationMs ?? null,
    estimatedCompletion: expected === undefined ? null : isoOfNs(nsOfMs(expected.completionMs)),
    estimateBasis: expected?.basis ?? null,
    nextSeq: run.nextSeq,
    lines: run.lines,
    hidden: hiddenCount(run),
    lostLines: lost.lines,
    lostEvents: lost.events,
    journalProblems,
    models: Object.values(shown.models),
    alerts,
    steps: shown.steps.map((step) => viewStep(step, shown)),
  };
}

export function summarizeRun(run: RunState, context: ViewContext): RunSummary {
  const { phase } = run;
  const status = runStatus(run, context.isWriterGone);
  const { steps, progress, currentStep } = progressOf(run);
  const shown = closeIfKilled(run, context.isWriterGone);
  return {
    ...status,
    runId: run.runId,
    traceId: run.traceId,
    workflow: run.workflow,
    description: run.description,
    file: run.file,
    params: shortParams(run.params),
    labels: run.labels,
    resumedFrom: run.resumedFrom ?? null,
    startedAt: isoOrNull(run.startedNs),
    endedAt: phase.kind === 'finished' ? isoOfNs(phase.endedNs) : null,
    // Nothing has happened in an abandoned run since its last record.
    durationMs: phase.kind === 'finished' || status.state === 'abandoned' ? Math.round(runDurationMs(run)) : null,
    ...steps,
    progress,
    currentStep: currentStep ?? null,
    activity: isActive(status.state) ? activityOfRun(run) : null,
    waitingUntil: isoOrNull(waitingUntilNs(run)),
    ...costOf(shown),
    costEstimated: shown.costBasis === 'estimated',
    tokens: totalTokens(shown.models),
    message: phase.kind === 'finished' ? messageOf(phase.outcome) : '',
    warnings: run.steps.reduce((sum, step) => sum + countFindings(findingsOfStep(step)), 0),
    alertCount: context.alerts?.length ?? 0,
  };
}

export function viewVersionControl({ versionControl }: Pick<RunState, 'versionControl'>): VersionControlView | null {
  if (versionControl === undefined) return null;
  const { url = null, branch = null, revision = null, isDirty = null } = versionControl;
  return { url, branch, revision, isDirty };
}

export function viewCiJob({ ci }: Pick<RunState, 'ci'>): CiJobView | null {
  if (ci === undefined) return null;
  const { system, url = null, repository = null, branch = null, commit = null, actor = null, change = null } = ci;
  return { system, url, repository, branch, commit, actor, change };
}

/** Summaries of ten thousand runs are kept in memory. */
const listedParams = 8;
const listedParamLength = 80;

function shortParams(params: RunParams): RunParams {
  return Object.fromEntries(
    Object.entries(params)
      .slice(0, listedParams)
      .map(([name, value]) => {
        const isLong = typeof value === 'string' && value.length > listedParamLength;
        return [name, isLong ? `${value.slice(0, listedParamLength - 1).toWellFormed()}…` : value];
      }),
  );
}

/** How long a run has taken up to now. */
export function durationOfRun({ durationMs, startedAt }: RunSummary, nowMs: number): number {
  return durationMs ?? (startedAt === null ? 0 : Math.max(0, nowMs - Date.parse(startedAt)));
}

function activityOfRun(run: RunState): RunActivity | null {
  const [step] = currentSteps(run);
  if (step === undefined) return null;
  return {
    step: step.id,
    stepName: step.name,
    text: activityText(step),
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
    when: step.when ?? '',
    maxAttempts: step.maxAttempts ?? 1,
    state: phase.kind,
    waitsFor: waitOfStep(step, run) ?? null,
    questions: step.questions.map(viewQuestion),
    askedCount: step.asked.count,
    askedWaitMs: step.asked.waitedMs,
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

function viewQuestion(question: OpenQuestion): QuestionView {
  const { questionId, kind, attempt, tool, summary, onTimeout, suggestions, seq } = question;
  return {
    ...{ questionId, kind, attempt, tool, summary, onTimeout, suggestions, seq },
    since: isoOfNs(question.sinceNs),
    until: isoOfNs(question.untilNs),
    answers: answersTo(question),
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
    claudeVersion: session?.version ?? null,
    turns: attempt.turns ?? null,
  };
}

function activityText({ activity, phase, lastLine }: StepState): string {
  if (phase.kind === 'retrying') return 'waits to try again';
  if (phase.kind === 'waiting') return `rate limited, waits until ${isoOfNs(phase.untilNs).slice(0, 19)}Z`;
  if (phase.kind !== 'running') return '';
  switch (activity.kind) {
    case 'none':
      return lastLine;
    case 'tool':
      return lastLine === '' ? `uses ${activity.tool}` : lastLine;
    case 'model':
      return lastLine === '' ? 'thinks' : lastLine;
    case 'api_retry':
      return `asks the API again (retry ${activity.attempt}): ${activity.error}`;
    case 'rate_limited':
      return activity.resetsAt === undefined ? 'is rate limited' : `is rate limited until ${activity.resetsAt}`;
    default:
      return unreachable(activity);
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
