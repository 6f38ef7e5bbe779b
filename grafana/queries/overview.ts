// What the Overview asks. A graph has a value a point, a table and a number have one for the whole time range.
import { events, labelOf, runFrom, runTo } from '../names.ts';
import { counted, growing, grown, metrics, quantile, series, share } from '../promql.ts';
import { logLines, now, overTime, rows } from '../query.ts';

const bad = 'outcome=~"failure|error|timeout"';
const succeeded = 'outcome="success"';
/** Who cancels a run has not seen it fail. */
const judged = 'outcome!="cancellation"';

export const nowGoingOn = {
  runs: now(`sum(${series(metrics.activeRuns)})`),
  steps: now(`sum(${series(metrics.activeSteps)})`),
  stalled: now(`sum(${series(metrics.stalledSteps)})`),
  cost: now(`sum(${series(metrics.activeCost)})`),
  budget: now(`max(${series(metrics.budgetUsed)})`),
  hub: now('min(up{job="stepspan"})'),
};

export const lately = {
  ended: now(counted(metrics.runs, '')),
  successRate: now(share(grown(metrics.runs, '', succeeded), grown(metrics.runs, '', judged))),
  failed: now(counted(metrics.runFailures, '')),
  retries: now(counted(metrics.stepRetries, '')),
  tokens: now(counted(metrics.tokens, '')),
  cost: now(grown(metrics.cost, '')),
  active: overTime(`sum by (workflow) (${series(metrics.activeRuns)})`, '{{workflow}}'),
  outcomes: overTime(`round(${growing(metrics.runs, 'outcome')})`, '{{outcome}}'),
  successOverTime: overTime(
    share(grown(metrics.runs, 'workflow', succeeded, '$window'), grown(metrics.runs, 'workflow', judged, '$window')),
    '{{workflow}}',
  ),
  byWorkflow: {
    ended: rows(counted(metrics.runs, 'workflow')),
    success: rows(share(grown(metrics.runs, 'workflow', succeeded), grown(metrics.runs, 'workflow', judged))),
    p50: rows(quantile(0.5, metrics.runDuration, 'workflow')),
    p95: rows(quantile(0.95, metrics.runDuration, 'workflow')),
    cost: rows(grown(metrics.cost, 'workflow')),
    lastSuccess: rows(`max by (workflow) (${series(metrics.lastSuccess)}) * 1000 > 0`),
  },
};

const ofSuccess = { matchers: succeeded, range: '$window' };

export const durations = {
  p50: overTime(quantile(0.5, metrics.runDuration, '', ofSuccess), 'p50', { exemplars: true }),
  p95: overTime(quantile(0.95, metrics.runDuration, '', ofSuccess), 'p95'),
  p50WeekBefore: overTime(quantile(0.5, metrics.runDuration, '', { ...ofSuccess, ago: '1w' }), 'p50 a week before'),
  p95WeekBefore: overTime(quantile(0.95, metrics.runDuration, '', { ...ofSuccess, ago: '1w' }), 'p95 a week before'),
};

/**
 * When a run went on, for links to it: Unix ms with a little room on both sides, as `timeOfRun` has it. The record is of
 * its end.
 */
const timeOfRun = (() => {
  const duration = `(int .${labelOf('durationMs')})`;
  const margin = `(max 5000 (div ${duration} 20))`;
  const end = '(int (unixEpochMillis __timestamp__))';
  return `| label_format ${runFrom}=\`{{ sub (sub ${end} ${duration}) ${margin} }}\`, ${runTo}=\`{{ add ${end} ${margin} }}\``;
})();

const endedRuns = `${events} | ${labelOf('event')}="run.finished" | ${labelOf('pipelineName')}=~"$workflow"`;

export const failures = {
  runs: now(`${counted(metrics.runFailures, 'reason')} > 0`, '{{reason}}'),
  steps: now(`${counted(metrics.stepFailures, 'reason')} > 0`, '{{reason}}'),
  latelyEnded: logLines(`${endedRuns} ${timeOfRun}`, 100),
  notSucceeded: logLines(`${endedRuns} | ${labelOf('pipelineResult')}!="success" ${timeOfRun}`, 100),
};

export const money = {
  overTime: overTime(growing(metrics.cost, 'workflow'), '{{workflow}}'),
  byWorkflow: now(`${grown(metrics.cost, 'workflow')} > 0`, '{{workflow}}'),
  byModel: now(`${grown(metrics.cost, 'model')} > 0`, '{{model}}'),
  tokensByModel: overTime(
    `sum by (model, type) (increase(${series(metrics.tokens)}[$__rate_interval]))`,
    '{{model}} {{type}}',
  ),
  tokens: now(`${counted(metrics.tokens, 'model, type')} > 0`, '{{model}} {{type}}'),
  budget: overTime(`max by (workflow, unit) (${series(metrics.budgetUsed)})`, '{{workflow}} ({{unit}})'),
};

const ends = (matchers: string): string => grown(metrics.steps, 'workflow, step', matchers);
const retries = grown(metrics.stepRetries, 'workflow, step');

export const steps = {
  slowest: now(`topk(10, ${quantile(0.95, metrics.stepDuration, 'workflow, step')})`, '{{workflow}} / {{step}}'),
  // An attempt failed when it was followed by another one, or when the step ended so. Each end is an attempt too.
  flakiest: now(
    `topk(10, (${retries} + ${ends(bad)}) / (${retries} + ${ends('outcome!="skip"')} > 0) > 0)`,
    '{{workflow}} / {{step}}',
  ),
  retries: overTime(`round(${growing(metrics.stepRetries, 'workflow')})`, '{{workflow}}'),
  stalls: overTime(`round(${growing(metrics.stalls, 'cause')})`, '{{cause}}'),
};

export const claude = {
  tools: now(`${counted(metrics.toolCalls, 'tool, result')} > 0`, '{{tool}} {{result}}'),
  findings: now(`${counted(metrics.findings, 'kind')} > 0`, '{{kind}}'),
  apiRetries: now(counted(metrics.apiRetries, '')),
};

export const healthShort = {
  lag: now(`max(${series(metrics.shipperLag)})`),
  waiting: now(`sum(${series(metrics.waitingRuns)})`),
  notTaken: now(`${counted(metrics.refused, '')} + ${counted(metrics.rejected, '')}`),
  lost: now(counted(metrics.lostLines, '')),
  hubErrors: now(counted(metrics.hubErrors, '')),
};
