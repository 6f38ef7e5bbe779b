// The rules about what one record reports: budget, memory, secrets, losses, processes that remain. Each takes the state after
// the record.
import { formatSpending, formatUsd } from '../../core/cost.ts';
import { formatSetDuration } from '../../core/duration.ts';
import type { EventOf } from '../../core/event.ts';
import { isAskedByStep } from '../../core/question.ts';
import { endOfWait } from '../../core/question-event.ts';
import type { EventRecord } from '../../core/record.ts';
import { isoOfNs, msOfNs } from '../../core/time.ts';
import { formatBytes, formatCount, plural } from '../../core/units.ts';
import { totalTokens } from '../model-use.ts';
import type { LossCause, RunState } from '../run-state.ts';
import { waitingForAnswer } from '../summarize-question.ts';
import { hiddenCount } from '../totals.ts';
import { alertKey, endAlert, type Finding, isOpen, outliveGroupMs, recordAlert, startAlert } from './alert.ts';
import { runRules } from './catalogue.ts';
import { type AlertEvaluation, stepEntry } from './evaluation.ts';
import { type AlertSettings, settingsOfRule } from './rule.ts';
import { memoryParts, quoteLines } from './step-watch.ts';

export function evaluateEvent(state: AlertEvaluation, record: EventRecord, settings: AlertSettings): AlertEvaluation {
  const { event, seq, subject } = record;
  const at = { step: subject?.step, startsMs: msOfNs(record.timeNs), seq };
  const recorded = (finding: Omit<Finding, keyof At>, step = at.step): AlertEvaluation => ({
    ...state,
    alerts: recordAlert(state.alerts, { ...at, ...finding, step }, settings),
  });
  switch (event.type) {
    case 'run.budget_warned':
      return evaluateBudget(state, event.share, at, settings);
    case 'claude.usage':
    case 'claude.cost':
      return evaluateBudget(state, budgetShareOf(state.run), at, settings);
    case 'run.budget_exceeded':
      return recorded(budgetExceeded(state.run, event), undefined);
    case 'resource.sampled':
      return evaluateMemory(state, event.rssBytes, at, settings);
    case 'secret.redacted':
      return recorded(secretRedacted(state.run));
    case 'journal.lost':
      return recorded(outputLost(state.run), undefined);
    case 'process.orphaned':
      return recorded(processesLeft(state.run, at.step, event.processes));
    case 'claude.asked':
    case 'claude.answered':
    case 'step.asked':
    case 'step.answered':
      return evaluateQuestions(state, at, settings);
    default:
      return state;
  }
}

/** The same findings from the state of a run alone, with its records long read. */
export function recordedFindings(run: RunState, seq: number): readonly Finding[] {
  const { budget, hiddenNs, lostNs } = run;
  const atRun = (ns: bigint) => ({ step: undefined, startsMs: msOfNs(ns), seq });
  return [
    ...(budget.kind === 'exceeded'
      ? [{ ...atRun(budget.sinceNs), ...budgetExceeded(run, { ...budget, estimated: false }) }]
      : []),
    ...(hiddenNs === undefined ? [] : [{ ...atRun(hiddenNs), ...secretRedacted(run) }]),
    ...(lostNs === undefined ? [] : [{ ...atRun(lostNs), ...outputLost(run) }]),
    ...run.steps.flatMap(({ id, orphanedNs, attempts }) => {
      if (orphanedNs === undefined) return [];
      const at = { step: id, startsMs: msOfNs(orphanedNs), seq: attempts.at(-1)?.lastSeq ?? seq };
      return [{ ...at, ...processesLeft(run, id) }];
    }),
  ];
}

type At = Pick<Finding, 'step' | 'startsMs' | 'seq'>;
type Text = Omit<Finding, keyof At>;
type Excess = Pick<EventOf<'run.budget_exceeded'>, 'unit' | 'used' | 'limit' | 'estimated'>;

function budgetExceeded({ workflow }: RunState, { unit, used, limit, estimated }: Excess): Text {
  return {
    rule: 'StepspanBudgetExceeded',
    summary: `${workflow}: the budget of ${formatSpending(limit, unit)} is used up`,
    description: `The run has used ${formatSpending(used, unit)} of ${formatSpending(limit, unit)} and was ended.${estimated ? ' Part of it is an estimate.' : ''}`,
  };
}

/** One per run: a secret in a command is in the workflow, in the command line and often in the output as well. */
function secretRedacted(run: RunState): Text {
  const steps = run.steps.filter(({ hidden }) => hidden > 0).map(({ id }) => id);
  const count = hiddenCount(run);
  const where = steps.length === 0 ? 'the run' : `${steps.length === 1 ? 'step' : 'steps'} ${steps.join(', ')}`;
  return {
    rule: 'StepspanSecretHidden',
    summary: `${run.workflow}: ${where} printed or used what looks like a secret`,
    description: `${count === 1 ? '1 value was' : `${formatCount(count)} values were`} replaced in ${where} before anything was written; rules that matched: ${Object.keys(run.hidden).join(', ')}. Anyone who can read the program's output elsewhere may have seen them.`,
  };
}

/** One alert per step for as long as a question is open, about the one that has waited longest. */
function evaluateQuestions(
  state: AlertEvaluation,
  { step, startsMs: atMs }: At,
  settings: AlertSettings,
): AlertEvaluation {
  const { run } = state;
  const [question] = run.steps.find(({ id }) => id === step)?.questions ?? [];
  if (question === undefined)
    return { ...state, alerts: endAlert(state.alerts, alertKey({ rule: 'StepspanWaitingForYou', step }), atMs) };
  const what = waitingForAnswer(question);
  const until = isoOfNs(question.untilNs).slice(0, 19);
  const otherwise = endOfWait(question);
  const who = isAskedByStep(question.kind) ? 'The step waits for' : 'Claude Code asks for';
  const finding = {
    rule: 'StepspanWaitingForYou',
    step,
    startsMs: msOfNs(question.sinceNs),
    summary: `${run.workflow}: step ${step} waits for ${what}`,
    description: `${who} ${what}. Answer it on the page of the run, or with \`stepspan answer ${run.runId}\`. If nobody has answered by ${until}Z, ${otherwise}.`,
    seq: question.seq,
  } as const;
  return { ...state, alerts: startAlert(state.alerts, finding, settings) };
}

const lossReasons: Readonly<Record<LossCause, string>> = {
  disk: 'the disk took no more',
  retention: 'they were too old',
  size: 'they were too large',
};

function outputLost({ workflow, lost }: RunState): Text {
  const reasons = (['disk', 'retention', 'size'] as const).filter(
    (cause) => lost[cause].lines + lost[cause].events > 0,
  );
  const parts = reasons.map((cause) => {
    const { lines, events, bytes } = lost[cause];
    return `${plural(lines, 'line')} and ${plural(events, 'event')} (${formatBytes(bytes)}) were lost: ${lossReasons[cause]}.`;
  });
  const summary = `${workflow}: part of the record of a run is lost`;
  return { rule: 'StepspanOutputLost', summary, description: parts.join(' ') };
}

function processesLeft(
  run: RunState,
  step: string | undefined,
  processes: EventOf<'process.orphaned'>['processes'] = [],
): Text {
  const what = step === undefined ? 'the run' : `step ${step}`;
  const count = run.steps.find(({ id }) => id === step)?.orphaned ?? processes.length;
  const commands = quoteLines(processes.slice(0, shownProcesses).map(({ command }) => command));
  return {
    rule: 'StepspanProcessesLeft',
    summary: `${run.workflow}: ${what} left ${plural(count, 'process', 'processes')} running`,
    description: `${plural(count, 'process', 'processes')} that ${what} had started ${count === 1 ? 'was' : 'were'} still running. stepspan ended ${count === 1 ? 'it' : 'them'}.${commands}`,
  };
}

/** Commands that are named; a process tree may have hundreds. */
const shownProcesses = 3;

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
