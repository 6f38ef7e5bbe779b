// The rules about how a run has ended: failed, abandoned, over its budget, or successful with warnings. Everything about an
// active run ends with it.
import { formatCost } from '../../core/cost.ts';
import { formatDuration } from '../../core/duration.ts';
import { countFindings } from '../../core/finding.ts';
import { messageOf, type Outcome } from '../../core/outcome.ts';
import { plural } from '../../core/units.ts';
import { describeFindings } from '../describe-findings.ts';
import { findingsOfStep, type StepState } from '../run-state.ts';
import { warningCount } from '../totals.ts';
import { endAllAlerts, type Finding, recordAlert } from './alert.ts';
import { type AlertEvaluation, stepEntry } from './evaluation.ts';
import type { AlertSettings } from './rule.ts';
import { lastLinesOfWatch, quoteLines } from './step-watch.ts';

/** A message names this many steps with their last lines, and counts the others. */
const namedSteps = 3;

export function evaluateEnd(
  before: AlertEvaluation,
  outcome: Outcome,
  atMs: number,
  settings: AlertSettings,
): AlertEvaluation {
  const state = { ...before, alerts: endAllAlerts(before.alerts, atMs) };
  const finding = findingOfEnd(state, outcome, atMs);
  return finding === undefined ? state : { ...state, alerts: recordAlert(state.alerts, finding, settings) };
}

function findingOfEnd(state: AlertEvaluation, outcome: Outcome, atMs: number): Finding | undefined {
  switch (outcome.kind) {
    case 'skip':
    case 'cancellation':
      return undefined;
    case 'success':
      return warningCount(state.run) === 0 ? undefined : successWithWarnings(state, atMs);
    case 'failure':
    case 'timeout':
    case 'error':
      return failure(state, outcome, atMs);
  }
}

function failure(state: AlertEvaluation, outcome: Outcome, atMs: number): Finding {
  const { run, alerts } = state;
  const failed = run.steps.flatMap((step) => {
    const blamed = blamedOutcome(step);
    return blamed === undefined ? [] : [{ step, outcome: blamed }];
  });
  const [first] = failed;
  const finding = {
    step: first?.step.id,
    startsMs: atMs,
    description: describeFailure(state, outcome, failed),
    seq: seqOf(state, first?.step),
  };
  const reason = outcome.kind === 'error' ? outcome.reason : undefined;
  if (reason === 'abandoned')
    return { ...finding, rule: 'StepspanRunAbandoned', summary: `${run.workflow}: the stepspan process was killed` };
  // One cause is one alert: the run was ended for its budget, which was reported when it was used up.
  const overBudget = alerts.StepspanBudgetExceeded;
  if (reason === 'budget' && overBudget !== undefined)
    return { ...overBudget, description: `${overBudget.description}\n${finding.description}` };
  const why = first === undefined ? messageOf(outcome) : `step ${first.step.id}: ${messageOf(first.outcome)}`;
  const verb = outcome.kind === 'timeout' ? 'timed out' : 'failed';
  return { ...finding, rule: 'StepspanRunFailed', summary: `${run.workflow} ${verb}: ${why}` };
}

/** A success alone would hide that part of the work was not done. */
function successWithWarnings(state: AlertEvaluation, atMs: number): Finding {
  const { run } = state;
  const steps = run.steps.filter((step) => countFindings(findingsOfStep(step)) > 0);
  const parts = steps.slice(0, namedSteps).map((step) => `Step ${step.id}: ${describeFindings(findingsOfStep(step))}`);
  if (steps.length > namedSteps) parts.push(`${steps.length - namedSteps} more steps have warnings.`);
  return {
    rule: 'StepspanRunWarnings',
    step: steps[0]?.id,
    startsMs: atMs,
    summary: `${run.workflow} succeeded with ${plural(warningCount(run), 'warning')}: ${parts[0] ?? ''}`,
    description: `Run ${run.runId} succeeded, but not all of its work was done.\n${parts.join('\n')}`,
    seq: seqOf(state, steps[0]),
  };
}

/** Of a step that did not succeed and was not allowed to; what was cancelled or skipped because of it is not to blame. */
function blamedOutcome({ phase }: StepState): Outcome | undefined {
  if (phase.kind !== 'finished' || phase.tolerated) return undefined;
  return ['failure', 'error', 'timeout'].includes(phase.outcome.kind) ? phase.outcome : undefined;
}

type FailedStep = { readonly step: StepState; readonly outcome: Outcome };

function describeFailure(state: AlertEvaluation, outcome: Outcome, failed: readonly FailedStep[]): string {
  const { run } = state;
  const lasted = formatDuration(run.phase.kind === 'finished' ? run.phase.durationMs : 0);
  const cost = run.costUsd > 0 || run.costBasis === 'unknown' ? `, ${formatCost(run.costUsd, run.costBasis)}` : '';
  const parts = [`Run ${run.runId} ended after ${lasted}${cost}: ${messageOf(outcome)}`];
  for (const { step, outcome: blamed } of failed.slice(0, namedSteps)) {
    const attempt = step.attempts.length > 1 ? ` (attempt ${step.attempts.length})` : '';
    const findings = describeFindings(findingsOfStep(step));
    const lines = quoteLines(lastLinesOfWatch(stepEntry(state.watches, step.id)));
    parts.push(`Step ${step.id}${attempt}: ${messageOf(blamed)}${findings === '' ? '' : ` (${findings})`}${lines}`);
  }
  if (failed.length > namedSteps) parts.push(`${failed.length - namedSteps} more steps failed.`);
  return parts.join('\n');
}

/** Where the step ends, or where the run does. */
function seqOf({ run }: AlertEvaluation, step: StepState | undefined): number {
  return step?.attempts.at(-1)?.lastSeq ?? Math.max(0, run.nextSeq - 1);
}
