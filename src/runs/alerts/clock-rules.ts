// The rules about time that passes: stuck and slow. What they say depends on the journal and the clock alone; each alert
// starts when its limit was reached, not when somebody looked.
import { formatDuration, formatSetDuration } from '../../core/duration.ts';
import type { StallCause } from '../../core/event.ts';
import { type Alerts, alertKey, end, fire, isOpen } from './alert.ts';
import type { AlertSettings } from './alerts-file.ts';
import { type AlertEvaluation, ruleSettings, stepEntry } from './evaluation.ts';
import { lastLinesOfWatch, type StepWatch } from './step-watch.ts';

/** Brings both rules up to a time, for every step. */
export function atTime(state: AlertEvaluation, nowMs: number, settings: AlertSettings): AlertEvaluation {
  if (state.frozenSinceMs !== undefined || state.run.phase.kind === 'finished') return state;
  let { alerts } = state;
  for (const step in state.watches) {
    const watch = state.watches[step]!;
    alerts = stuck(alerts, state, step, watch, nowMs, settings);
    alerts = slow(alerts, state, step, watch, nowMs, settings);
  }
  return alerts === state.alerts ? state : { ...state, alerts };
}

const causes: Readonly<Record<StallCause, string>> = {
  no_output: 'prints nothing',
  output_closed: 'has closed its output and does not end',
  no_exit_after_result: 'has given its result and does not end',
  rate_limited: 'waits, as the API limits its rate',
  waiting_for_permission: 'waits for a permission that nobody can give',
};

function stuck(
  alerts: Alerts,
  state: AlertEvaluation,
  step: string,
  watch: StepWatch,
  nowMs: number,
  settings: AlertSettings,
): Alerts {
  const rule = ruleSettings<'after'>(settings, 'StepspanRunStuck');
  if (!rule.enabled) return alerts;
  const key = alertKey({ rule: 'StepspanRunStuck', step });
  const { after } = rule.thresholds;
  const since = watch.hang?.sinceMs ?? watch.quietSinceMs + after;
  if (!watch.isRunning || nowMs < since) return end(alerts, key, nowMs);
  if (isOpen(alerts[key])) return alerts;
  const cause = watch.hang?.cause ?? 'no_output';
  const at = new Date(watch.quietSinceMs).toISOString();
  const limit = cause === 'no_output' ? ` The limit is ${formatSetDuration(after)}.` : '';
  const doing = watch.activity === undefined ? '' : ` When the run noticed: ${watch.activity}.`;
  return fire(alerts, {
    rule: 'StepspanRunStuck',
    step,
    startsMs: since,
    endedMs: undefined,
    keepMs: 0,
    summary: `${state.run.workflow}: step ${step} is stuck`,
    description: `Step ${step} ${causes[cause]}; its last sign of life was at ${at}.${limit}${doing}${quoted(lastLinesOfWatch(watch, 1))}`,
    seq: Math.max(0, state.run.nextSeq - 1),
  });
}

function slow(
  alerts: Alerts,
  state: AlertEvaluation,
  step: string,
  watch: StepWatch,
  nowMs: number,
  settings: AlertSettings,
): Alerts {
  const usual = stepEntry(state.history, step);
  const key = alertKey({ rule: 'StepspanStepSlow', step });
  const before = alerts[key];
  if (usual === undefined || (before !== undefined && before.endedMs === undefined)) return alerts;
  const rule = ruleSettings<'factor' | 'atLeast' | 'minimumRuns'>(settings, 'StepspanStepSlow');
  const { factor, atLeast, minimumRuns } = rule.thresholds;
  const limitMs = Math.max(usual.medianMs * factor, usual.medianMs + atLeast);
  const startsMs = Math.round(watch.startedMs + limitMs);
  const isOver = nowMs >= startsMs;
  // Once is enough, unless the alert ended as the time that it was about did not count.
  const endedMs = before?.endedMs ?? Number.NEGATIVE_INFINITY;
  if (startsMs <= endedMs) return alerts;
  if (!rule.enabled || usual.runs < minimumRuns || !isOver || hasEnded(state, step)) return alerts;
  const limit = formatDuration(limitMs);
  const median = formatDuration(usual.medianMs);
  return fire(alerts, {
    rule: 'StepspanStepSlow',
    step,
    startsMs,
    endedMs: undefined,
    keepMs: 0,
    summary: `${state.run.workflow}: step ${step} takes longer than usual`,
    description: `Step ${step} runs for more than ${limit}. In ${usual.runs} earlier runs its median was ${median}.`,
    seq: Math.max(0, state.run.nextSeq - 1),
  });
}

function hasEnded(state: AlertEvaluation, step: string): boolean {
  return state.run.steps.find(({ id }) => id === step)?.phase.kind === 'finished';
}

/** Lines below a text, each marked, so that they cannot be taken for part of it. */
export function quoted(lines: readonly string[]): string {
  return lines.map((line) => `\n> ${line}`).join('');
}
