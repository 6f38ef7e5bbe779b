// The rules about what a record says: budget, memory, secrets, losses. Each takes the state after the record.
import { formatSpending, formatUsd } from '../../core/cost.ts';
import { formatSetDuration } from '../../core/duration.ts';
import type { EventRecord } from '../../core/record.ts';
import { formatBytes, plural } from '../../core/units.ts';
import { msOfNs, type RunState } from '../index.ts';
import { type Alert, type Alerts, alertKey, end, fire, isOpen, outliveGroupMs } from './alert.ts';
import type { AlertSettings } from './alerts-file.ts';
import type { RunRuleName } from './catalogue.ts';
import { type AlertEvaluation, ruleSettings, stepEntry } from './evaluation.ts';
import { memoryParts } from './step-watch.ts';

/** Something that happened and cannot stop: it fires for the time that its rule says. */
export function happened(
  alerts: Alerts,
  settings: AlertSettings,
  alert: Omit<Alert, 'endedMs' | 'keepMs'> & { readonly rule: RunRuleName },
): Alerts {
  const rule = ruleSettings<'keepFor'>(settings, alert.rule);
  if (!rule.enabled) return alerts;
  return fire(alerts, { ...alert, endedMs: alert.startsMs, keepMs: rule.thresholds.keepFor });
}

export function afterEvent(state: AlertEvaluation, record: EventRecord, settings: AlertSettings): AlertEvaluation {
  const { event, seq } = record;
  const step = record.subject?.step;
  const atMs = msOfNs(record.timeNs);
  const { workflow } = state.run;
  switch (event.type) {
    case 'run.budget_warned':
      return budget(state, event.share, atMs, seq, settings);
    case 'claude.usage':
    case 'claude.cost':
      return budget(state, shareOf(state.run), atMs, seq, settings);
    case 'run.budget_exceeded': {
      const about = event.estimated ? ' Part of it is an estimate.' : '';
      const alerts = happened(state.alerts, settings, {
        rule: 'StepspanBudgetExceeded',
        step: undefined,
        startsMs: atMs,
        summary: `${workflow}: the budget of ${formatSpending(event.limit, event.unit)} is used up`,
        description: `The run has used ${formatSpending(event.used, event.unit)} of ${formatSpending(event.limit, event.unit)} and was ended.${about}`,
        seq,
      });
      return { ...state, alerts };
    }
    case 'resource.sampled':
      return step === undefined ? state : memory(state, step, event.rssBytes, atMs, seq, settings);
    case 'secret.redacted': {
      const kinds = Object.keys(event.kinds).join(', ');
      const count = state.run.steps.find(({ id }) => id === step)?.hidden ?? sum(Object.values(state.run.hidden));
      const where = step === undefined ? 'the run' : `step ${step}`;
      const alerts = happened(state.alerts, settings, {
        rule: 'StepspanSecretHidden',
        step,
        startsMs: atMs,
        summary: `${workflow}: ${where} printed what looks like a secret`,
        description: `In what ${where} printed, ${count} ${count === 1 ? 'value was' : 'values were'} replaced, lastly by: ${kinds}. Nothing of them was written. Whoever can read the program's output elsewhere may have seen them.`,
        seq,
      });
      return { ...state, alerts };
    }
    case 'journal.lost': {
      const lost = state.run.lost[event.reason];
      const reasons = { disk: 'the disk took no more', retention: 'they were too old', size: 'they were too large' };
      const alerts = happened(state.alerts, settings, {
        rule: 'StepspanOutputLost',
        step: undefined,
        startsMs: atMs,
        summary: `${workflow}: part of the record of a run is lost`,
        description: `${plural(lost.lines, 'line')} and ${plural(lost.events, 'event')} (${formatBytes(lost.bytes)}) were lost: ${reasons[event.reason]}.`,
        seq,
      });
      return { ...state, alerts };
    }
    default:
      return state;
  }
}

function shareOf(run: RunState): number {
  const used = sum(
    Object.values(run.models).map(
      (use) => use.inputTokens + use.outputTokens + use.cacheReadTokens + use.cacheCreationTokens,
    ),
  );
  const share = (part: number, whole: number | undefined) => (whole === undefined || whole === 0 ? 0 : part / whole);
  return Math.max(share(run.costUsd, run.budgetUsd), share(used, run.budgetTokens));
}

function budget(
  state: AlertEvaluation,
  share: number,
  atMs: number,
  seq: number,
  settings: AlertSettings,
): AlertEvaluation {
  const rule = ruleSettings<'share'>(settings, 'StepspanBudgetWarning');
  const budgetShare = Math.max(state.budgetShare, share);
  const limit = rule.thresholds.share;
  const { run } = state;
  if (!rule.enabled || budgetShare < limit || state.alerts.StepspanBudgetWarning !== undefined)
    return budgetShare === state.budgetShare ? state : { ...state, budgetShare };
  const limits = [
    ...(run.budgetUsd === undefined ? [] : [formatUsd(run.budgetUsd)]),
    ...(run.budgetTokens === undefined ? [] : [formatSpending(run.budgetTokens, 'tokens')]),
  ];
  const alerts = fire(state.alerts, {
    rule: 'StepspanBudgetWarning',
    step: undefined,
    startsMs: atMs,
    endedMs: undefined,
    keepMs: outliveGroupMs,
    summary: `${run.workflow}: ${Math.floor(budgetShare * 100)} % of the budget is used`,
    description: `The run has used ${Math.floor(budgetShare * 100)} % of its budget of ${limits.join(' and ')}; it is warned of at ${Math.round(limit * 100)} %. At 100 % the run is ended.`,
    seq,
  });
  return { ...state, budgetShare, alerts };
}

/** A fall by so much is a fall, and not what any program's memory goes up and down by. */
const fallShare = 0.9;

function memory(
  state: AlertEvaluation,
  step: string,
  rssBytes: number,
  atMs: number,
  seq: number,
  settings: AlertSettings,
): AlertEvaluation {
  const rule = ruleSettings<'window' | 'factor' | 'atLeast'>(settings, 'StepspanMemoryGrowing');
  const points = stepEntry(state.watches, step)?.memory ?? [];
  const first = points[0];
  const last = points.at(-1);
  const key = alertKey({ rule: 'StepspanMemoryGrowing', step });
  if (!rule.enabled || first === undefined || last === undefined) return state;
  if (isOpen(state.alerts[key])) {
    const most = Math.max(...points.map(({ bytes }) => bytes));
    return rssBytes < most * fallShare ? { ...state, alerts: end(state.alerts, key, atMs) } : state;
  }
  const { window, factor, atLeast } = rule.thresholds;
  const grows = points.every(({ bytes }, index) => bytes >= (points[index - 1]?.bytes ?? 0));
  const isLarger = last.bytes >= first.bytes * factor && last.bytes - first.bytes >= atLeast;
  if (points.length <= memoryParts || !grows || !isLarger) return state;
  const alerts = fire(state.alerts, {
    rule: 'StepspanMemoryGrowing',
    step,
    startsMs: atMs,
    endedMs: undefined,
    keepMs: 0,
    summary: `${state.run.workflow}: the memory of step ${step} grows`,
    description: `The processes of step ${step} have grown from ${formatBytes(first.bytes)} to ${formatBytes(last.bytes)} in ${formatSetDuration(window)} without falling.`,
    seq,
  });
  return { ...state, alerts };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);
