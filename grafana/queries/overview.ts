// What the Overview asks. A graph has a value a point, a table and a number have one for the whole time range. What is counted
// over long times comes from Prometheus; what has to be exact for a few runs, or names a run, from the events in Loki.
import {
  claudeRecordsNamed,
  count,
  countShare,
  elapsed,
  eventsOf,
  exactQuantile,
  runLabel,
  stepLabel,
  stepStateEvents,
  total,
  withElapsed,
  withFindingsAsText,
  withTimeOfRun,
  withUnknownCost,
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
  states: rows(`sum by (state) (${series(metrics.activeStates)}) > 0`),
  alerts: rows(`sum by (rule, severity) (${series(metrics.alertsFiring)}) > 0`),
  progress: rows(`min by (workflow) (${series(metrics.progress)})`),
};

/** A step of a run that has started and not ended. */
const identity = `${workflowLabel}, ${runLabel}, ${stepLabel}, ${traceLabel}, ${runFrom}`;
const startedSteps = `${eventsOf('step.started')} | ${withElapsed}`;
const notEnded = `unless on (${runLabel}, ${stepLabel}) ${count(endedSteps, `${runLabel}, ${stepLabel}`)}`;
const longest = (label: string): string =>
  `(max by (${identity}) (max_over_time(${startedSteps} | unwrap ${label} [$__range])) ${notEnded})`;
const state = labelOf('stepState');
const statefulEvents = eventsOf(...stepStateEvents);

export const activeSteps = {
  state: logsNow(
    `${longest(elapsed.step)} * 0 + on (${runLabel}, ${stepLabel}) group_left () max by (${runLabel}, ${stepLabel}) (last_over_time(${statefulEvents} | unwrap ${state} [$__range]) by (${runLabel}, ${stepLabel}))`,
  ),
  stepFor: logsNow(longest(elapsed.step)),
  runFor: logsNow(longest(elapsed.run)),
  cost: logsNow(`${longest(elapsed.step)} * 0 + on (${runLabel}) group_left () ${total(costs, 'cost', runLabel)}`),
};

const question = labelOf('questionId');
const answered = count(eventsOf('claude.answered', 'step.answered'), `${runLabel}, ${question}`);
const asked = `${eventsOf('claude.asked', 'step.asked')} | ${withElapsed}`;

/** A row for each question that has no answer; a run that was killed is closed with one. */
export const openQuestions = logsNow(
  `max by (${identity}, ${question}, ${labelOf('message')}) (max_over_time(${asked} | unwrap ${elapsed.step} [$__range])) unless on (${runLabel}, ${question}) ${answered}`,
);

/**
 * The gauge is sampled, so a short run may be over before it is seen; a run that started since the last point was active as
 * well. It counts as one, as the growth of a counter that has just begun is extrapolated to more.
 */
const mostActive = `max_over_time(sum by (state) (${series(metrics.activeStates)})[$__rate_interval:])`;
const started = `label_replace(clamp_max(round(${growing(metrics.runsStarted, '')}), 1), "state", "running", "", "")`;

export const recent = {
  ended: now(counted(metrics.runs, '')),
  successRate: now(share(grown(metrics.runs, '', succeeded), grown(metrics.runs, '', judged))),
  failed: now(counted(metrics.runFailures, '')),
  retries: now(counted(metrics.stepRetries, '')),
  tokens: now(counted(metrics.tokens, '')),
  cost: logsNow(total(costs, 'cost', '')),
  active: overTime(`(${mostActive} >= ${started}) or ${started} or (${mostActive} > 0)`, '{{state}}'),
  outcomes: overTime(`round(${growing(metrics.runs, 'outcome')})`, '{{outcome}}'),
  // Only what failed: a row for each of many workflows would be too thin to read.
  failedOverTime: overTime(
    `${share(growing(metrics.runs, 'workflow', succeeded), growing(metrics.runs, 'workflow', judged))} < 1`,
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

/** Of the runs or steps that ended between two points. Its exemplars are the exact durations, each with its trace. */
const median = (metric: typeof metrics.runDuration | typeof metrics.stepDuration): string =>
  `histogram_quantile(0.5, sum by (le) (rate(${series(metric).replace(metric.name, `${metric.name}_bucket`)}[$__rate_interval])))`;

export const overall = {
  runs: overTime(median(metrics.runDuration), 'runs, median', { exemplars: true }),
  steps: overTime(median(metrics.stepDuration), 'steps, median', { exemplars: true }),
  sinceSuccess: rows(`time() - max by (workflow) (${series(metrics.lastSuccess)} > 0)`),
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

/** A run and a model that it used, with the version of Claude Code; a run with two models counts for both. */
const use = `${workflowLabel}, model, service_version`;
const usesOfRuns = count(claudeRecordsNamed('api_request'), `${runLabel}, ${use}`);
/** A value of a run for each of its uses. */
const ofUses = (value: string): string => `(${usesOfRuns} * 0 + on (${runLabel}) group_left () ${value})`;
const judgedByRun = count(judgedRuns, runLabel);

export const byModel = {
  runs: logsNow(`count by (${use}) (${ofUses(judgedByRun)})`),
  success: logsNow(`avg by (${use}) (${ofUses(`(${count(successes, runLabel)} or ${judgedByRun} * 0)`)})`),
  duration: logsNow(`avg by (${use}) (${ofUses(total(successes, 'duration', runLabel))})`),
  cost: logsNow(
    `avg by (${use}) (${total(claudeRecordsNamed('api_request'), 'requestCost', `${runLabel}, ${use}`)} > 0 and on (${runLabel}) ${judgedByRun})`,
  ),
};

export const failures = {
  runs: rows(`${counted(metrics.runFailures, 'reason')} > 0`),
  steps: rows(`${counted(metrics.stepFailures, 'reason')} > 0`),
  allEnded: logLines(`${endedRuns} | ${withTimeOfRun} | ${withUnknownCost}`, 100),
  warnings: logLines(`${eventsOf('attempt.finished')} | ${withFindingsAsText}`, 100),
  notSucceeded: logLines(`${endedRuns} | ${result}!="success" | ${withTimeOfRun} | ${withUnknownCost}`, 100),
};

/** Without `claude-`, which all of them begin with; and the cache types with the word that differs first. */
const shortModel = (expr: string): string => `label_replace(${expr}, "model", "$1", "model", "claude-(.+)")`;
const shortType = (expr: string): string =>
  `label_replace(label_replace(${expr}, "type", "cache read", "type", "cache_read"), "type", "cache write", "type", "cache_creation")`;

export const money = {
  overTime: overTime(`${shortModel(growing(metrics.cost, 'model'))} > 0`, '{{model}}'),
  byWorkflow: logsNow(`${total(costs, 'cost', workflowLabel)} > 0`),
  byStep: logsNow(`topk(10, ${total(costs, 'cost', `${workflowLabel}, ${stepLabel}`)} > 0)`),
  byModel: rows(shortModel(`${grown(metrics.cost, 'model')} > 0`)),
  byAgent: logsNow(
    `sum by (agent) (sum_over_time(${claudeRecordsNamed('api_request')} | label_format agent=\`{{ if .agent_name }}{{ .agent_name }}{{ else }}(main){{ end }}\` | unwrap cost_usd [$__range])) > 0`,
  ),
  byTool: logsNow(`topk(10, ${total(claudeRecordsNamed('tool_result'), 'resultBytes', 'tool_name')} > 0)`),
  unknown: now(counted(metrics.unknownCosts, '')),
  tokensOverTime: overTime(`${shortType(growing(metrics.tokens, 'type'))} > 0`, '{{type}}'),
  tokens: rows(shortType(shortModel(`${counted(metrics.tokens, 'model, type')} > 0`))),
  budget: overTime(`max by (workflow, unit) (${series(metrics.budgetUsed)})`, '{{workflow}} ({{unit}})'),
};

const ends = (matchers: string): string => grown(metrics.steps, 'workflow, step', matchers);
const retries = grown(metrics.stepRetries, 'workflow, step');

export const steps = {
  slowest: logsNow(`topk(10, ${exactQuantile(1, endedSteps, `${workflowLabel}, ${stepLabel}`)} > 0)`),
  // An attempt failed when it was followed by another one, or when the step ended so. Each end is an attempt too.
  flakiest: rows(`topk(10, (${retries} + ${ends(bad)}) / (${retries} + ${ends('outcome!="skip"')} > 0) > 0)`),
  retries: overTime(`round(${growing(metrics.stepRetries, 'workflow')}) > 0`, '{{workflow}}'),
  stalls: overTime(`round(${growing(metrics.stalls, 'cause')}) > 0`, '{{cause}}'),
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
  denied: rows(`${counted(metrics.permissionDenials, 'tool')} > 0`),
  questions: rows(`${counted(metrics.questions, 'workflow, answer')} > 0`),
  questionWait: rows(`${grown(metrics.questionWait, 'workflow, kind')} > 0`),
  edits: rows(`${counted(metrics.editDecisions, 'tool_name, decision')} > 0`),
  activeTime: rows(`${grown(metrics.activeTime, 'workflow')} > 0`),
  lines: overTime(`sum by (stream) (rate(${series(metrics.outputLines)}[$__rate_interval]))`, '{{stream}}'),
  bytes: overTime(`sum by (stream) (rate(${series(metrics.outputBytes)}[$__rate_interval]))`, '{{stream}}'),
  memoryOverTime: overTime(`sum by (workflow) (${series(metrics.memory)})`, '{{workflow}}'),
  processes: overTime(`sum by (workflow) (${series(metrics.processes)})`, '{{workflow}}'),
};

export const healthShort = {
  lag: now(`max(${series(metrics.shipperLag)})`),
  waiting: now(`sum(${series(metrics.waitingRuns)})`),
  notTaken: now(`${counted(metrics.refused, '')} + ${counted(metrics.rejected, '')}`),
  lost: now(counted(metrics.lostLines, '')),
  hubErrors: now(counted(metrics.hubErrors, '')),
  backends: now('min(up{job=~"loki|tempo|otel-collector"})'),
  cost: { results: now(grown(metrics.cost, ''), 'results'), telemetry: now(grown(metrics.ownCost, ''), 'telemetry') },
  tokens: {
    results: now(counted(metrics.tokens, ''), 'results'),
    telemetry: now(counted(metrics.ownTokens, ''), 'telemetry'),
  },
};
