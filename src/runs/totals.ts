// The sums of a run that `--json`, the closing summary and the library give. Pure; nothing in here is counted twice.
import { countFindings, type Findings } from '../core/finding.ts';
import type { Labels } from '../core/labels.ts';
import { messageOf, type OutcomeKind } from '../core/outcome.ts';
import { msOfNs } from '../core/time.ts';
import { totalTokens } from './model-use.ts';
import {
  findingsOfStep,
  type LineCounts,
  type LostCounts,
  type RunState,
  type StepState,
  type TokensByModel,
} from './run-state.ts';
import type { Cost } from './run-view.ts';

export type StepTotals = {
  readonly id: string;
  /** `pending` and `running` only in a run that has not finished. */
  readonly outcome: OutcomeKind | 'pending' | 'running';
  readonly message: string;
  readonly durationMs: number;
  /** How many were made, also those of which nothing could be started. */
  readonly attempts: number;
  /** Denied calls and the like, of which a success can be made; each kind counted, the first ones with their words. */
  readonly findings: Findings;
} & Cost;

export type RunTotals = {
  readonly runId: string;
  readonly traceId: string;
  readonly workflow: string;
  readonly labels: Labels;
  readonly outcome: OutcomeKind | 'running';
  readonly message: string;
  readonly durationMs: number;
  readonly steps: readonly StepTotals[];
  /** How many findings there are over all steps. */
  readonly warnings: number;
  readonly lines: LineCounts;
  readonly hidden: number;
  readonly lost: LostCounts;
  readonly costEstimated: boolean;
  readonly tokens: number;
  readonly models: TokensByModel;
} & Cost;

/** The sums of a run up to the last record that was folded; durations of what still runs end there too. */
export function totalsOf(state: RunState): RunTotals {
  const finished = state.phase.kind === 'finished' ? state.phase : undefined;
  return {
    runId: state.runId,
    traceId: state.traceId,
    workflow: state.workflow,
    labels: state.labels,
    outcome: finished?.outcome.kind ?? 'running',
    message: finished === undefined ? '' : messageOf(finished.outcome),
    durationMs: runDurationMs(state),
    steps: state.steps.map((step) => stepTotals(step, state.lastNs)),
    warnings: warningCount(state),
    lines: state.lines,
    hidden: hiddenCount(state),
    lost: lostCount(state),
    ...costOf(state),
    costEstimated: state.costBasis === 'estimated',
    tokens: totalTokens(state.models),
    models: state.models,
  };
}

/** The cost of a run or a step. */
export function costOf({ costUsd, costBasis }: Pick<RunState, 'costUsd' | 'costBasis'>): Cost {
  return { costUsd: costBasis === 'unknown' ? null : costUsd, costBasis, costAtLeastUsd: costUsd };
}

/** @param nowMs Unix milliseconds at which a run that still runs is measured; the last record's time without it */
export function runDurationMs(state: RunState, nowMs?: number): number {
  if (state.phase.kind === 'finished') return state.phase.durationMs;
  return state.startedNs === undefined ? 0 : Math.max(0, (nowMs ?? msOfNs(state.lastNs)) - msOfNs(state.startedNs));
}

/** As `runDurationMs`, for a step; 0 for one that has not come up. */
export function stepDurationMs(step: StepState, nowMs: number): number {
  if (step.phase.kind === 'finished') return step.phase.durationMs;
  return step.startedNs === undefined ? 0 : Math.max(0, nowMs - msOfNs(step.startedNs));
}

/** How many attempts were made, also those of which nothing could be started. */
export function attemptCount({ phase, attempts }: StepState): number {
  return phase.kind === 'finished' ? phase.attempts : attempts.length;
}

/** How many findings the ends of the steps rest on. */
export function warningCount(state: RunState): number {
  return state.steps.reduce((sum, step) => sum + countFindings(findingsOfStep(step)), 0);
}

/** How many secrets were replaced, over all rules. */
export function hiddenCount(state: RunState): number {
  return Object.values(state.hidden).reduce((sum, count) => sum + count, 0);
}

/** What was lost for any reason. */
export function lostCount(state: RunState): LostCounts {
  const losses = Object.values(state.lost);
  const sum = (of: (lost: LostCounts) => number): number => losses.reduce((total, lost) => total + of(lost), 0);
  return { lines: sum((lost) => lost.lines), events: sum((lost) => lost.events), bytes: sum((lost) => lost.bytes) };
}

function stepTotals(step: StepState, lastNs: bigint): StepTotals {
  const { phase } = step;
  return {
    id: step.id,
    outcome: phase.kind === 'finished' ? phase.outcome.kind : phase.kind === 'planned' ? 'pending' : 'running',
    message: phase.kind === 'finished' ? messageOf(phase.outcome) : '',
    durationMs: stepDurationMs(step, msOfNs(lastNs)),
    attempts: attemptCount(step),
    ...costOf(step),
    findings: findingsOfStep(step),
  };
}
