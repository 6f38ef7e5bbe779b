// The rules about what one record reports: budget, memory, secrets, losses, processes that remain. Each takes the state after
// the record.
import { formatSpending, formatUsd } from '../../core/cost.ts';
import { formatSetDuration } from '../../core/duration.ts';
import type { EventOf } from '../../core/event.ts';
import type { EventRecord } from '../../core/record.ts';
import { formatBytes, formatCount, plural } from '../../core/units.ts';
import { hiddenCount, msOfNs, type RunState, totalTokens } from '../index.ts';
import { alertKey, endAlert, type Finding, isOpen, outliveGroupMs, recordAlert, startAlert } from './alert.ts';
import { runRules } from './catalogue.ts';
import { type AlertEvaluation, stepEntry } from './evaluation.ts';
import { type AlertSettings, settingsOfRule } from './rule.ts';
import { memoryParts } from './step-watch.ts';

export function evaluateEvent(state: AlertEvaluation, record: EventRecord, settings: AlertSettings): AlertEvaluation {
  const { event, seq, subject } = record;
  const at = { step: subject?.step, startsMs: msOfNs(record.timeNs), seq };
  const recorded = (finding: Finding): AlertEvaluation => ({
    ...state,
    alerts: recordAlert(state.alerts, finding, settings),
  });
  switch (event.type) {
    case 'run.budget_warned':
      return evaluateBudget(state, event.share, at, settings);
    case 'claude.usage':
    case 'claude.cost':
      return evaluateBudget(state, budgetShareOf(state.run), at, settings);
    case 'run.budget_exceeded':
      return recorded(budgetExceeded(state.run, event, at));
    case 'resource.sampled':
      return evaluateMemory(state, event.rssBytes, at, settings);
    case 'secret.redacted':
      return recorded(secretRedacted(state.run, event, at));
    case 'journal.lost':
      return recorded(outputLost(state.run, event, at));
    case 'process.orphaned':
      return recorded(processesLeft(state.run, event, at));
    default:
      return state;
  }
}

type At = Pick<Finding, 'step' | 'startsMs' | 'seq'>;

function budgetExceeded(run: RunState, event: EventOf<'run.budget_exceeded'>, at: At): Finding {
  const limit = formatSpending(event.limit, event.unit);
  const estimated = event.estimated ? ' Part of it is an estimate.' : '';
  return {
    ...at,
    rule: 'StepspanBudgetExceeded',
    step: undefined,
    summary: `${run.workflow}: the budget of ${limit} is used up`,
    description: `The run has used ${formatSpending(event.used, event.unit)} of ${limit} and was ended.${estimated}`,
  };
}

/** One per run: a secret in a command is in the workflow, in the command line and often in the output as well. */
function secretRedacted(run: RunState, event: EventOf<'secret.redacted'>, at: At): Finding {
  const steps = run.steps.filter(({ hidden }) => hidden > 0).map(({ id }) => id);
  const count = hiddenCount(run);
  const where = steps.length === 0 ? 'the run' : `${steps.length === 1 ? 'step' : 'steps'} ${steps.join(', ')}`;
  return {
    ...at,
    rule: 'StepspanSecretHidden',
    summary: `${run.workflow}: ${where} printed or used what looks like a secret`,
    description: `${count === 1 ? '1 value was' : `${formatCount(count)} values were`} replaced in ${where} before anything was written; the last rules that matched: ${Object.keys(event.kinds).join(', ')}. Anyone who can read the program's output elsewhere may have seen them.`,
  };
}

const lossReasons: Readonly<Record<EventOf<'journal.lost'>['reason'], string>> = {
  disk: 'the disk took no more',
  retention: 'they were too old',
  size: 'they were too large',
};

function outputLost(run: RunState, { reason }: EventOf<'journal.lost'>, at: At): Finding {
  const { lines, events, bytes } = run.lost[reason];
  return {
    ...at,
    rule: 'StepspanOutputLost',
    step: undefined,
    summary: `${run.workflow}: part of the record of a run is lost`,
    description: `${plural(lines, 'line')} and ${plural(events, 'event')} (${formatBytes(bytes)}) were lost: ${lossReasons[reason]}.`,
  };
}

function processesLeft(run: RunState, { processes }: EventOf<'process.orphaned'>, at: At): Finding {
  const what = at.step === undefined ? 'The run' : `Step ${at.step}`;
  const commands = processes.slice(0, 3).map(({ command }) => `\n> ${command}`);
  return {
    ...at,
    rule: 'StepspanProcessesLeft',
    summary: `${run.workflow}: ${what.toLowerCase()} left ${plural(processes.length, 'process', 'processes')} running`,
    description: `${what} had ended and ${plural(processes.length, 'process', 'processes')} of it still ran. stepspan ended them.${commands.join('')}`,
  };
}

function budgetShareOf(run: RunState): number {
  const share = (part: number, whole: number | undefined) => (whole === undefined || whole === 0 ? 0 : part / whole);
  return Math.max(share(run.costUsd, run.budgetUsd), share(totalTokens(run.models), run.budgetTokens));
}

function evaluateBudget(state: AlertEvaluation, share: number, at: At, settings: AlertSettings): AlertEvaluation {
  const budgetShare = Math.max(state.budgetShare, share);
  const { share: limit } = settingsOfRule(settings, runRules.StepspanBudgetWarning).thresholds;
  const { run } = state;
  if (budgetShare < limit || state.alerts.StepspanBudgetWarning !== undefined)
    return budgetShare === state.budgetShare ? state : { ...state, budgetShare };
  const budgets = [
    ...(run.budgetUsd === undefined ? [] : [formatUsd(run.budgetUsd)]),
    ...(run.budgetTokens === undefined ? [] : [plural(run.budgetTokens, 'token')]),
  ];
  const used = `${Math.floor(budgetShare * 100)} %`;
  const finding = {
    ...at,
    rule: 'StepspanBudgetWarning',
    step: undefined,
    summary: `${run.workflow}: ${used} of the budget is used`,
    description: `The run has used ${used} of its budget of ${budgets.join(' and ')}. It is ended at 100 %.`,
  } as const;
  return { ...state, budgetShare, alerts: startAlert(state.alerts, finding, settings, outliveGroupMs) };
}

/** The memory of any program goes up and down by a few percent; by this much it has fallen. */
const fallShare = 0.9;

function evaluateMemory(state: AlertEvaluation, rssBytes: number, at: At, settings: AlertSettings): AlertEvaluation {
  const { step } = at;
  const points = stepEntry(state.watches, step)?.memory ?? [];
  const [first] = points;
  const last = points.at(-1);
  const key = alertKey({ rule: 'StepspanMemoryGrowing', step });
  if (first === undefined || last === undefined) return state;
  if (isOpen(state.alerts[key])) {
    const most = Math.max(...points.map(({ bytes }) => bytes));
    return rssBytes < most * fallShare ? { ...state, alerts: endAlert(state.alerts, key, at.startsMs) } : state;
  }
  const { window, factor, atLeast } = settingsOfRule(settings, runRules.StepspanMemoryGrowing).thresholds;
  const isGrowing = points.every(({ bytes }, index) => bytes >= (points[index - 1]?.bytes ?? 0));
  const isLarger = last.bytes >= first.bytes * factor && last.bytes - first.bytes >= atLeast;
  if (points.length <= memoryParts || !isGrowing || !isLarger) return state;
  const finding = {
    ...at,
    rule: 'StepspanMemoryGrowing',
    summary: `${state.run.workflow}: the memory of step ${step} grows`,
    description: `The processes of step ${step} have grown from ${formatBytes(first.bytes)} to ${formatBytes(last.bytes)} in ${formatSetDuration(window)} without falling.`,
  } as const;
  return { ...state, alerts: startAlert(state.alerts, finding, settings) };
}
