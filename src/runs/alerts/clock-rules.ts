// The rules about elapsed time: stuck and slow. They depend on the journal and the clock alone; an alert starts when its limit
// was reached, not when somebody looked.
import { formatDuration, formatSetDuration } from '../../core/duration.ts';
import type { StallCause } from '../../core/event.ts';
import { type Alerts, alertKey, endAlert, isOpen, startAlert } from './alert.ts';
import { runRules } from './catalogue.ts';
import { type AlertEvaluation, stepEntry } from './evaluation.ts';
import { type AlertSettings, settingsOfRule } from './rule.ts';
import { lastLinesOfWatch, quoteLines, type StepWatch } from './step-watch.ts';

/** Brings both rules up to a time, for every step. */
export function evaluateClock(state: AlertEvaluation, nowMs: number, settings: AlertSettings): AlertEvaluation {
  if (state.frozenSinceMs !== undefined || state.run.phase.kind === 'finished') return state;
  const alerts = Object.entries(state.watches).reduce((before, [step, watch]) => {
    const look = { state, step, watch, nowMs, settings };
    // What it waits for is known, and an alert of its own.
    if (asksSomething(state, step)) return endAlert(before, alertKey({ rule: 'StepspanRunStuck', step }), nowMs);
    return evaluateSlow(evaluateStuck(before, look), look);
  }, state.alerts);
  return alerts === state.alerts ? state : { ...state, alerts };
}

type Look = {
  readonly state: AlertEvaluation;
  readonly step: string;
  readonly watch: StepWatch;
  readonly nowMs: number;
  readonly settings: AlertSettings;
};

const causes: Readonly<Record<StallCause, string>> = {
  no_output: 'prints nothing',
  output_closed: 'has closed its output and does not exit',
  no_exit_after_result: 'has reported its result and does not exit',
  rate_limited: 'is rate limited by the API',
  waiting_for_permission: 'waits for a permission that nobody can grant',
};

function evaluateStuck(alerts: Alerts, { state, step, watch, nowMs, settings }: Look): Alerts {
  const key = alertKey({ rule: 'StepspanRunStuck', step });
  const { after } = settingsOfRule(settings, runRules.StepspanRunStuck).thresholds;
  const startsMs = watch.hang?.sinceMs ?? watch.quietSinceMs + after;
  if (!watch.isRunning || nowMs < startsMs) return endAlert(alerts, key, nowMs);
  if (isOpen(alerts[key])) return alerts;
  const cause = watch.hang?.cause ?? 'no_output';
  const limit = cause === 'no_output' ? ` The limit is ${formatSetDuration(after)}.` : '';
  const activity = watch.activity === undefined ? '' : ` It was doing: ${watch.activity}.`;
  const lastSign = new Date(watch.quietSinceMs).toISOString();
  const finding = {
    rule: 'StepspanRunStuck',
    step,
    startsMs,
    summary: `${state.run.workflow}: step ${step} is stuck`,
    description: `Step ${step} ${causes[cause]}. Its last output was at ${lastSign}.${limit}${activity}${quoteLines(lastLinesOfWatch(watch, 1))}`,
    seq: lastSeq(state),
  } as const;
  return startAlert(alerts, finding, settings);
}

function evaluateSlow(alerts: Alerts, { state, step, watch, nowMs, settings }: Look): Alerts {
  const usual = stepEntry(state.history, step);
  const before = alerts[alertKey({ rule: 'StepspanStepSlow', step })];
  if (usual === undefined || isOpen(before) || hasEnded(state, step)) return alerts;
  const { factor, atLeast, minimumRuns } = settingsOfRule(settings, runRules.StepspanStepSlow).thresholds;
  const limitMs = Math.max(usual.medianMs * factor, usual.medianMs + atLeast);
  const startsMs = Math.round(watch.startedMs + limitMs);
  // Once is enough, unless the alert ended because the time that it was about does not count.
  const isNew = startsMs > (before?.endedMs ?? Number.NEGATIVE_INFINITY);
  if (!isNew || usual.runs < minimumRuns || nowMs < startsMs) return alerts;
  // One cause is one alert: a step that hangs becomes slow, too.
  const stuck = alerts[alertKey({ rule: 'StepspanRunStuck', step })];
  if (isOpen(stuck) && stuck.startsMs <= startsMs) return alerts;
  const finding = {
    rule: 'StepspanStepSlow',
    step,
    startsMs,
    summary: `${state.run.workflow}: step ${step} takes longer than usual`,
    description: `Step ${step} has been running for more than ${formatDuration(limitMs)}. Its median in ${usual.runs} earlier runs is ${formatDuration(usual.medianMs)}.`,
    seq: lastSeq(state),
  } as const;
  return startAlert(alerts, finding, settings);
}

function asksSomething({ run }: AlertEvaluation, step: string): boolean {
  return (run.steps.find(({ id }) => id === step)?.questions.length ?? 0) > 0;
}

function hasEnded(state: AlertEvaluation, step: string): boolean {
  return state.run.steps.find(({ id }) => id === step)?.phase.kind === 'finished';
}

function lastSeq({ run }: AlertEvaluation): number {
  return Math.max(0, run.nextSeq - 1);
}
