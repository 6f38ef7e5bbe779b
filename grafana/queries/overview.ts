// What the Overview asks. A graph has a value a point, a table and a number have one for the whole time range. What is counted
// over long times comes from Prometheus; what has to be exact for a few runs, or names a run, from the events in Loki.
import {
  count,
  countShare,
  elapsed,
  eventsOf,
  exactQuantile,
  runLabel,
  stepLabel,
  total,
  withElapsed,
  withTimeOfRun,
  workflowLabel,
} from '../logql.ts';
import { labelOf, runFrom, traceLabel } from '../names.ts';
import { counted, growing, grown, metrics, series, share } from '../promql.ts';
import { logLines, logsNow, now, overTime, rows } from '../query.ts';

const bad = 'outcome=~"failure|error|timeout"';
const succeeded = 'outcome="success"';
/** Who cancels a run has not seen it fail. */
const judged = 'outcome!="cancellation"';

const result = labelOf('pipelineResult');
const endedRuns = eventsOf('run.finished');
const endedSteps = eventsOf('step.finished');
const costs = eventsOf('claude.cost');
const successes = `${endedRuns} | ${result}="success"`;
const judgedRuns = `${endedRuns} | ${result}!="cancellation"`;

export const active = {
  runs: now(`sum(${series(metrics.activeRuns)})`),
  steps: now(`sum(${series(metrics.activeSteps)})`),
  stalled: now(`sum(${series(metrics.stalledSteps)})`),
  cost: now(`sum(${series(metrics.activeCost)})`),
  budget: now(`max(${series(metrics.budgetUsed)})`),
  hub: now('min(up{job="stepspan"})'),
};

/** A step of a run that has started and not ended. */
const identity = `${workflowLabel}, ${runLabel}, ${stepLabel}, ${traceLabel}, ${runFrom}`;
const startedSteps = `${eventsOf('step.started')} | ${withElapsed}`;
const notEnded = `unless on (${runLabel}, ${stepLabel}) ${count(endedSteps, `${runLabel}, ${stepLabel}`)}`;
const longest = (label: string): string =>
  `(max by (${identity}) (max_over_time(${startedSteps} | unwrap ${label} [$__range])) ${notEnded})`;
const state = labelOf('stepState');
const statefulEvents = eventsOf('step.started', 'attempt.started', 'step.retrying', 'step.waiting', 'step.finished');

export const activeSteps = {
  state: logsNow(
    `${longest(elapsed.step)} * 0 + on (${runLabel}, ${stepLabel}) group_left () max by (${runLabel}, ${stepLabel}) (last_over_time(${statefulEvents} | unwrap ${state} [$__range]) by (${runLabel}, ${stepLabel}))`,
  ),
  stepFor: logsNow(longest(elapsed.step)),
  runFor: logsNow(longest(elapsed.run)),
  cost: logsNow(`${longest(elapsed.step)} * 0 + on (${runLabel}) group_left () ${total(costs, 'cost', runLabel)}`),
};

/**
 * The gauge is sampled, so a short run may be over before it is seen; a run that started since the last point was active as
 * well. It counts as one, as the growth of a counter that has just begun is extrapolated to more.
 */
const mostActive = `max_over_time(sum by (workflow) (${series(metrics.activeRuns)})[$__rate_interval:])`;
const started = `clamp_max(round(${growing(metrics.runsStarted, 'workflow')}), 1)`;

export const recent = {
  ended: now(counted(metrics.runs, '')),
  successRate: now(share(grown(metrics.runs, '', succeeded), grown(metrics.runs, '', judged))),
  failed: now(counted(metrics.runFailures, '')),
  retries: now(counted(metrics.stepRetries, '')),
  tokens: now(counted(metrics.tokens, '')),
  cost: logsNow(total(costs, 'cost', '')),
  active: overTime(`(${mostActive} >= ${started}) or ${started} or ${mostActive}`, '{{workflow}}'),
  outcomes: overTime(`round(${growing(metrics.runs, 'outcome')})`, '{{outcome}}'),
  successOverTime: overTime(
    share(growing(metrics.runs, 'workflow', succeeded), growing(metrics.runs, 'workflow', judged)),
    '{{workflow}}',
  ),
  byWorkflow: {
    ended: logsNow(count(endedRuns, workflowLabel)),
    success: logsNow(countShare(successes, judgedRuns, workflowLabel)),
    median: logsNow(exactQuantile(0.5, endedRuns, workflowLabel)),
    slowest: logsNow(exactQuantile(1, endedRuns, workflowLabel)),
    cost: logsNow(total(costs, 'cost', workflowLabel)),
  },
};

export const durations = {
  runs: logLines(`${endedRuns} | ${withTimeOfRun}`, 1000),
};

const before = { ago: '$__range' };

/** This time range, and the one of the same length before it. */
export const trend = {
  change: logsNow(
    `${countShare(successes, judgedRuns, workflowLabel)} - ${countShare(successes, judgedRuns, workflowLabel, before)}`,
  ),
  success: logsNow(countShare(successes, judgedRuns, workflowLabel)),
  successBefore: logsNow(countShare(successes, judgedRuns, workflowLabel, before)),
  median: logsNow(exactQuantile(0.5, successes, workflowLabel)),
  medianBefore: logsNow(exactQuantile(0.5, successes, workflowLabel, before)),
  cost: logsNow(`${total(endedRuns, 'cost', workflowLabel)} / ${count(endedRuns, workflowLabel)}`),
  costBefore: logsNow(
    `${total(endedRuns, 'cost', workflowLabel, before)} / ${count(endedRuns, workflowLabel, before)}`,
  ),
  reasons: logsNow(
    `topk(10, ${count(`${endedRuns} | ${result}!="success"`, `${workflowLabel}, ${labelOf('reason')}`)})`,
  ),
};

export const failures = {
  runs: rows(`${counted(metrics.runFailures, 'reason')} > 0`),
  steps: rows(`${counted(metrics.stepFailures, 'reason')} > 0`),
  allEnded: logLines(`${endedRuns} | ${withTimeOfRun}`, 100),
  warnings: logLines(eventsOf('attempt.finished'), 100),
  notSucceeded: logLines(`${endedRuns} | ${result}!="success" | ${withTimeOfRun}`, 100),
};

/** Without `claude-`, which all of them begin with; and the cache types with the word that differs first. */
const shortModel = (expr: string): string => `label_replace(${expr}, "model", "$1", "model", "claude-(.+)")`;
const shortType = (expr: string): string =>
  `label_replace(label_replace(${expr}, "type", "cache read", "type", "cache_read"), "type", "cache write", "type", "cache_creation")`;

export const money = {
  overTime: overTime(growing(metrics.cost, 'workflow'), '{{workflow}}'),
  byWorkflow: logsNow(`${total(costs, 'cost', workflowLabel)} > 0`),
  byStep: logsNow(`topk(10, ${total(costs, 'cost', `${workflowLabel}, ${stepLabel}`)} > 0)`),
  byModel: rows(shortModel(`${grown(metrics.cost, 'model')} > 0`)),
  unknown: now(counted(metrics.unknownCosts, '')),
  tokensByModel: overTime(
    shortType(shortModel(`sum by (model, type) (increase(${series(metrics.tokens)}[$__rate_interval]))`)),
    '{{type}} {{model}}',
  ),
  tokens: rows(shortType(shortModel(`${counted(metrics.tokens, 'model, type')} > 0`))),
  budget: overTime(`max by (workflow, unit) (${series(metrics.budgetUsed)})`, '{{workflow}} ({{unit}})'),
};

const ends = (matchers: string): string => grown(metrics.steps, 'workflow, step', matchers);
const retries = grown(metrics.stepRetries, 'workflow, step');

export const steps = {
  slowest: logsNow(`topk(10, ${exactQuantile(1, endedSteps, `${workflowLabel}, ${stepLabel}`)} > 0)`),
  // An attempt failed when it was followed by another one, or when the step ended so. Each end is an attempt too.
  flakiest: rows(`topk(10, (${retries} + ${ends(bad)}) / (${retries} + ${ends('outcome!="skip"')} > 0) > 0)`),
  retries: overTime(`round(${growing(metrics.stepRetries, 'workflow')})`, '{{workflow}}'),
  stalls: overTime(`round(${growing(metrics.stalls, 'cause')})`, '{{cause}}'),
};

export const claude = {
  tools: rows(`${counted(metrics.toolCalls, 'tool, result')} > 0`),
  findings: rows(`${counted(metrics.findings, 'workflow, kind')} > 0`),
};

const reported = (what: string, metric: Parameters<typeof counted>[0]): string =>
  `label_replace(${counted(metric, 'workflow')} > 0, "what", "${what}", "", "")`;

export const work = {
  cpu: rows(`topk(10, ${grown(metrics.cpu, 'workflow, step')} > 0)`),
  memory: rows(`topk(10, max by (workflow, step) (max_over_time(${series(metrics.memoryMax)}[$__range])) > 0)`),
  remaining: rows(`${counted(metrics.remainingProcesses, 'workflow')} > 0`),
  linesOfCode: rows(`${counted(metrics.linesOfCode, 'workflow, type')} > 0`),
  delivered: rows(
    [
      reported('commits', metrics.commits),
      reported('pull requests', metrics.pullRequests),
      reported('sessions', metrics.sessions),
    ].join(' or '),
  ),
  apiRetries: rows(`${counted(metrics.apiRetries, 'workflow')} > 0`),
};

export const healthShort = {
  lag: now(`max(${series(metrics.shipperLag)})`),
  waiting: now(`sum(${series(metrics.waitingRuns)})`),
  notTaken: now(`${counted(metrics.refused, '')} + ${counted(metrics.rejected, '')}`),
  lost: now(counted(metrics.lostLines, '')),
  hubErrors: now(counted(metrics.hubErrors, '')),
  backends: now('min(up{job=~"loki|tempo|otel-collector"})'),
};
