// What is known of a run when it has ended: the object that `--json` prints and the library returns.
// Made from the state that its journal folds to, so it can say nothing that the journal does not.

import type { CostBasis } from '../core/cost.ts';
import type { RunId } from '../core/ids.ts';
import type { Labels } from '../core/labels.ts';
import type { OutcomeKind } from '../core/outcome.ts';
import { reasonOf } from '../core/outcome.ts';
import type { Stream } from '../core/record.ts';
import { type OutputFields, outputFieldsOf } from '../core/step-output.ts';
import type { RunEnd } from '../run/index.ts';
import type { RunState } from '../runs/index.ts';
import { type StepTotals, totalsOf } from '../runs/index.ts';
import type { ShippingEnd } from './shipping.ts';

/** A step with its output. */
export type StepResult = StepTotals & OutputFields;

export type RunResult = {
  readonly runId: RunId;
  /** W3C trace id: 32 hex digits. */
  readonly traceId: string;
  readonly workflow: string;
  /** Those of the workflow, with the ones that the run was given over them. */
  readonly labels: Labels;
  readonly outcome: OutcomeKind;
  /** As `exit_code` or `budget`; '' for success. */
  readonly reason: string;
  /** One sentence that says why; '' for success. */
  readonly message: string;
  readonly durationMs: number;
  readonly steps: readonly StepResult[];
  /** Denied tool calls, failed hooks and the like, over all steps: a success can have some. 0 if all was done. */
  readonly warnings: number;
  /** Lines that were printed, by stream. */
  readonly lines: Readonly<Record<Stream, number>>;
  /** Lines and events that every backend has acknowledged; 0 if nothing is shipped. */
  readonly shipped: number;
  /** Lines and events that are still to ship: `stepspan ship RUN` or the hub sends them. */
  readonly pending: number;
  /** Records that a backend refused for good; they are kept in the run's folder. */
  readonly refused: number;
  /** Secrets that were replaced. */
  readonly hidden: number;
  /** Lines that were printed but could not be kept, as on a full disk. */
  readonly lost: number;
  /** In USD; null if a part of the cost is unknown. */
  readonly costUsd: number | null;
  /** How well the cost is known. */
  readonly costBasis: CostBasis;
  /** What is known of the cost, in USD. */
  readonly costAtLeastUsd: number;
  /** Part of the cost is calculated from prices, because Claude Code did not report it. */
  readonly costEstimated: boolean;
  readonly tokens: number;
  readonly dataDir: string;
};

export type EndedRun = {
  readonly state: RunState;
  readonly end: RunEnd;
  readonly shipping: ShippingEnd;
  readonly runId: RunId;
  readonly dataDir: string;
};

export function runResultOf({ state, end: { outcome, steps }, shipping, runId, dataDir }: EndedRun): RunResult {
  const totals = totalsOf(state);
  return {
    runId,
    traceId: totals.traceId,
    workflow: totals.workflow,
    labels: totals.labels,
    outcome: outcome.kind,
    reason: reasonOf(outcome),
    message: totals.message,
    durationMs: totals.durationMs,
    steps: totals.steps.map((step) => ({ ...step, ...outputFieldsOf(steps.get(step.id)) })),
    warnings: totals.warnings,
    lines: totals.lines,
    shipped: shipping.shipped,
    pending: shipping.pending,
    refused: shipping.refused,
    hidden: totals.hidden,
    lost: totals.lost.lines,
    costUsd: totals.costUsd,
    costBasis: totals.costBasis,
    costAtLeastUsd: totals.costAtLeastUsd,
    costEstimated: totals.costEstimated,
    tokens: totals.tokens,
    dataDir,
  };
}
