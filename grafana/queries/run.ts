// What the Run dashboard asks. No metric knows a run, so all of it comes from Loki and Tempo: the events of the run, its
// lines, its spans. `$__range` looks over the whole time range; where the value of a point is wanted, `$__interval` is its
// width.
import type { EventType } from '../../src/core/event.ts';
import {
  eventsNamed,
  runLabel,
  stepLabel as step,
  stepStateEvents,
  withStepBeforeLine,
  withUnknownCost,
} from '../logql.ts';
import { events, labelOf, lines, samples, severityLabel } from '../names.ts';
import { logLines, logsNow, logsOverTime, traces } from '../query.ts';

const ofRun = `| ${runLabel}=\`\${run:raw}\``;
const event = (...types: readonly EventType[]): string => `${eventsNamed(...types)} ${ofRun}`;
const ended = event('step.finished');

const result = labelOf('pipelineResult');
const finished = event('run.finished');
const started = event('run.started');
const nowMs = '(int (unixEpochMillis now))';
const sinceStart = `label_format run_for=\`{{ sub ${nowMs} (int (unixEpochMillis __timestamp__)) }}\``;
const costs = event('claude.cost');
const range = '[$__range]';

export const head = {
  // A run that has started and not ended is running.
  result: logsNow(
    `sum by (${result}) (count_over_time(${finished} ${range})) or on () label_replace(sum(count_over_time(${started} ${range})), "${result}", "running", "", "")`,
  ),
  duration: logsNow(
    `max(max_over_time(${finished} | unwrap ${labelOf('durationMs')} ${range})) or max(max_over_time(${started} | ${sinceStart} | unwrap run_for ${range}))`,
  ),
  // Nothing, and not the known part, if an attempt reported no cost. A run that has ended without a Claude step has cost nothing.
  cost: logsNow(
    `(sum(sum_over_time(${costs} | ${labelOf('costUsd')}!="" | unwrap ${labelOf('costUsd')} ${range})) or sum(count_over_time(${finished} ${range})) * 0) unless on () sum(count_over_time(${costs} | ${labelOf('costUnknown')}="true" ${range}))`,
  ),
  warnings: logsNow(
    `sum(sum_over_time(${event('attempt.finished')} | unwrap ${labelOf('findingCount')} ${range})) or sum(count_over_time(${started} ${range})) * 0`,
  ),
  stepsEnded: logsNow(`sum(count_over_time(${ended} ${range})) or sum(count_over_time(${started} ${range})) * 0`),
  linesBySeverity: logsNow(`sum by (${severityLabel}) (count_over_time(${lines} ${ofRun} ${range}))`),
};

const stateful = event(...stepStateEvents);

export const timeline = {
  // Each record is exact in time; points of a graph would come late, and would miss a step that is shorter than their distance.
  states: logLines(stateful, 2000),
  steps: logLines(`${ended} | ${withUnknownCost}`, 500),
  happened: logLines(`${events} ${ofRun} ${withStepBeforeLine}`, 500),
};

export const spans = {
  all: traces(
    `{ span.cicd.pipeline.run.id = "$run" } | select(name, span.cicd.pipeline.task.run.result, span.stepspan.cost.usd, span.stepspan.cpu.seconds)`,
  ),
  // Opened by id. Links to this dashboard bring it along.
  waterfall: traces('$trace', 'traces', 20),
};

const sampled = `${samples} ${ofRun}`;

export const resources = {
  cpu: logsOverTime(
    `sum by (${step}) (avg_over_time(${sampled} | unwrap ${labelOf('cpuCores')} [$__interval]) by (${step}))`,
    `{{${step}}}`,
  ),
  memory: logsOverTime(
    `sum by (${step}) (max_over_time(${sampled} | unwrap ${labelOf('rssBytes')} [$__interval]) by (${step}))`,
    `{{${step}}}`,
  ),
};

export const claude = {
  cost: logsNow(
    `sum by (${step}) (sum_over_time(${costs} | ${labelOf('costUsd')}!="" | unwrap ${labelOf('costUsd')} ${range})) > 0`,
  ),
  tools: logsNow(`sum by (${labelOf('tool')}) (count_over_time(${event('claude.tool_called')} ${range}))`),
  toolErrors: logsNow(
    `sum by (${step}) (count_over_time(${event('claude.tool_returned')} | ${labelOf('toolFailed')}="true" ${range}))`,
  ),
  calls: logLines(
    `${event('claude.tool_called', 'claude.tool_returned', 'claude.permission_denied')} ${withStepBeforeLine}`,
    500,
  ),
};

const chosenLines = `${lines} ${ofRun} | ${step}=~\`\${step:raw}\` | ${labelOf('iostream')}=~\`\${stream:regex}\` | ${severityLabel}=~\`\${severity:regex}\` |~ \`\${search:raw}\``;

export const output = {
  lines: logLines(`${chosenLines} ${withStepBeforeLine}`, 2000),
  count: logsNow(`sum(count_over_time(${chosenLines} ${range}))`),
};

/** What stepspan itself holds worth a mark on the timeline; the rules on a single run are made of the same events. */
const marks = [
  'run.budget_warned',
  'run.budget_exceeded',
  'run.paused',
  'run.resumed',
  'run.cancelling',
  'stall.detected',
  'step.retrying',
  'step.waiting',
  'process.orphaned',
  'journal.lost',
] as const satisfies readonly EventType[];

export const annotations = {
  marks: event(...marks),
  ended: `${finished} | ${result}!="success"`,
};
