// The rules about how a run has ended: failed, or abandoned by a process that died. Everything about a run that goes on
// ends with it.

import { formatCost } from '../../core/cost.ts';
import { formatDuration } from '../../core/duration.ts';
import { countFindings } from '../../core/finding.ts';
import { messageOf, type Outcome } from '../../core/outcome.ts';
import { plural } from '../../core/units.ts';
import { describeFindings, findingsOfStep, type StepState, warningCount } from '../index.ts';
import { type Alerts, endAll } from './alert.ts';
import type { AlertSettings } from './alerts-file.ts';
import { quoted } from './clock-rules.ts';
import { type AlertEvaluation, stepEntry } from './evaluation.ts';
import { happened } from './record-rules.ts';
import { lastLinesOfWatch } from './step-watch.ts';

/** A message names so many failed steps with their last lines; of the others it says how many there are. */
const namedSteps = 3;

export function afterEnd(
  state: AlertEvaluation,
  outcome: Outcome,
  atMs: number,
  settings: AlertSettings,
): AlertEvaluation {
  const alerts = endAll(state.alerts, atMs);
  const rule = ruleOf(outcome);
  const { run } = state;
  if (outcome.kind === 'success' && warningCount(run) > 0)
    return { ...state, alerts: warned(state, alerts, atMs, settings) };
  if (rule === undefined) return { ...state, alerts };
  const failed = run.steps.filter(isToBlame);
  const first = failed[0];
  const why = first === undefined ? messageOf(outcome) : `step ${first.id}: ${messageOf(outcomeOf(first))}`;
  const summary =
    rule === 'StepspanRunAbandoned'
      ? `${run.workflow}: the process that ran it died`
      : `${run.workflow} ${verbs[outcome.kind]}: ${why}`;
  return {
    ...state,
    alerts: happened(alerts, settings, {
      rule,
      step: first?.id,
      startsMs: atMs,
      summary,
      description: description(state, outcome, failed),
      seq: first?.attempts.at(-1)?.lastSeq ?? Math.max(0, run.nextSeq - 1),
    }),
  };
}

/** A success alone would hide that part of the work was not done. */
function warned(state: AlertEvaluation, alerts: Alerts, atMs: number, settings: AlertSettings): Alerts {
  const { run } = state;
  const steps = run.steps.filter((step) => countFindings(findingsOfStep(step)) > 0);
  const [first] = steps;
  const count = warningCount(run);
  const parts = steps.slice(0, namedSteps).map((step) => `Step ${step.id}: ${describeFindings(findingsOfStep(step))}`);
  if (steps.length > namedSteps) parts.push(`${steps.length - namedSteps} more steps have warnings.`);
  return happened(alerts, settings, {
    rule: 'StepspanRunWarnings',
    step: first?.id,
    startsMs: atMs,
    summary: `${run.workflow} succeeded with ${plural(count, 'warning')}: ${parts[0] ?? ''}`,
    description: `Run ${run.runId} succeeded, but not all of its work was done.\n${parts.join('\n')}`,
    seq: first?.attempts.at(-1)?.lastSeq ?? Math.max(0, run.nextSeq - 1),
  });
}

function ruleOf(outcome: Outcome): 'StepspanRunFailed' | 'StepspanRunAbandoned' | undefined {
  switch (outcome.kind) {
    case 'success':
    case 'skip':
    case 'cancellation':
      return undefined;
    case 'failure':
    case 'timeout':
      return 'StepspanRunFailed';
    case 'error':
      return outcome.reason === 'abandoned' ? 'StepspanRunAbandoned' : 'StepspanRunFailed';
  }
}

const verbs: Readonly<Record<Outcome['kind'], string>> = {
  success: 'succeeded',
  failure: 'failed',
  error: 'failed',
  timeout: 'timed out',
  cancellation: 'was cancelled',
  skip: 'was skipped',
};

function outcomeOf(step: StepState): Outcome {
  return step.phase.kind === 'finished' ? step.phase.outcome : { kind: 'success' };
}

/** A step that did not succeed and was not allowed to; what was cancelled or skipped because of it is not to blame. */
function isToBlame(step: StepState): boolean {
  if (step.phase.kind !== 'finished' || step.phase.tolerated) return false;
  return ['failure', 'error', 'timeout'].includes(step.phase.outcome.kind);
}

function description(state: AlertEvaluation, outcome: Outcome, failed: readonly StepState[]): string {
  const { run } = state;
  const durationMs = run.phase.kind === 'finished' ? run.phase.durationMs : 0;
  const lasted = formatDuration(durationMs);
  const cost = run.costUsd > 0 || run.costBasis === 'unknown' ? `, ${formatCost(run.costUsd, run.costBasis)}` : '';
  const parts = [`Run ${run.runId} ended after ${lasted}${cost}: ${messageOf(outcome)}`];
  for (const step of failed.slice(0, namedSteps)) {
    const tries = step.attempts.length > 1 ? ` (attempt ${step.attempts.length})` : '';
    const lines = lastLinesOfWatch(stepEntry(state.watches, step.id));
    const found = describeFindings(findingsOfStep(step));
    const also = found === '' ? '' : ` (${found})`;
    parts.push(`Step ${step.id}${tries}: ${messageOf(outcomeOf(step))}${also}${quoted(lines)}`);
  }
  if (failed.length > namedSteps) parts.push(`${failed.length - namedSteps} more steps failed.`);
  return parts.join('\n');
}
