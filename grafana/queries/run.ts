// What the Run dashboard asks. No metric knows a run, so all of it comes from Loki and Tempo: the events of the run, its
// lines, its spans. `$__range` looks over the whole time range; where the value of a point is wanted, `$__auto` is its width.
import { events, labelOf, lines, samples, severityLabel } from '../names.ts';
import { logLines, logsNow, logsOverTime, traces } from '../query.ts';

const ofRun = `| ${labelOf('pipelineRunId')}="$run"`;
const event = (...types: readonly string[]): string => {
  const chosen = types.length === 1 ? `="${types[0]}"` : `=~"${types.join('|')}"`;
  return `${events} ${ofRun} | ${labelOf('event')}${chosen}`;
};
const step = labelOf('stepId');
const ended = event('step.finished');
/** Puts the step before what an event says; one of the run itself has none. */
const withStep = `| line_format "{{ if .${step} }}{{ .${step} }}: {{ end }}{{ __line__ }}"`;

export const head = {
  result: logsNow(`sum by (${labelOf('pipelineResult')}) (count_over_time(${event('run.finished')} [$__range]))`),
  duration: logsNow(`sum(sum_over_time(${event('run.finished')} | unwrap ${labelOf('durationMs')} [$__range]))`),
  cost: logsNow(`sum(sum_over_time(${event('run.finished')} | unwrap ${labelOf('costUsd')} [$__range]))`),
  stepsEnded: logsNow(`sum(count_over_time(${ended} [$__range]))`),
  toolCalls: logsNow(`sum(count_over_time(${event('claude.tool_called')} [$__range]))`),
  linesBySeverity: logsNow(
    `sum by (${severityLabel}) (count_over_time(${lines} ${ofRun} [$__range]))`,
    `{{${severityLabel}}}`,
  ),
};

/** What changes the state of a step. */
const stateful = event('step.started', 'attempt.started', 'step.retrying', 'step.waiting', 'step.finished');

export const timeline = {
  // The last state that is known at a time, however long before it was said.
  states: logsOverTime(
    `max by (${step}) (last_over_time(${stateful} | unwrap ${labelOf('stepState')} [$__range]) by (${step}))`,
    `{{${step}}}`,
  ),
  steps: logLines(ended, 200),
  happened: logLines(`${events} ${ofRun} ${withStep}`, 500),
};

export const spans = {
  all: traces(
    `{ span.cicd.pipeline.run.id = "$run" } | select(span.cicd.pipeline.task.name, span.cicd.pipeline.task.run.result, span.stepspan.cost.usd, span.stepspan.cpu.seconds)`,
  ),
  // Opened by id. Links to this dashboard bring it along.
  waterfall: traces('$trace', 'traces', 20),
};

const sampled = `${samples} ${ofRun}`;

export const resources = {
  cpu: logsOverTime(
    `sum by (${step}) (avg_over_time(${sampled} | unwrap ${labelOf('cpuCores')} [$__auto]) by (${step}))`,
    `{{${step}}}`,
  ),
  memory: logsOverTime(
    `sum by (${step}) (max_over_time(${sampled} | unwrap ${labelOf('rssBytes')} [$__auto]) by (${step}))`,
    `{{${step}}}`,
  ),
};

export const claude = {
  cost: logsNow(`sum by (${step}) (sum_over_time(${event('claude.cost')} | unwrap ${labelOf('costUsd')} [$__range]))`),
  tools: logsNow(`sum by (${labelOf('tool')}) (count_over_time(${event('claude.tool_called')} [$__range]))`),
  toolErrors: logsNow(
    `sum by (${step}) (count_over_time(${event('claude.tool_returned')} | ${labelOf('toolFailed')}="true" [$__range]))`,
  ),
  calls: logLines(
    `${event('claude.tool_called', 'claude.tool_returned', 'claude.permission_denied')} ${withStep}`,
    500,
  ),
};

export const output = {
  lines: logLines(
    `${lines} ${ofRun} | ${step}=~"$step" | ${labelOf('iostream')}=~"$stream" | ${severityLabel}=~"$severity" |~ \`\${search:raw}\``,
    2000,
  ),
};

/** What stepspan itself holds worth a mark on the timeline; the rules on a single run are made of the same events. */
const marks =
  'run.budget_warned|run.budget_exceeded|run.paused|run.resumed|run.cancelling|stall.detected|step.retrying|step.waiting|process.orphaned|journal.lost';

export const annotations = {
  marks: `${events} ${ofRun} | ${labelOf('event')}=~"${marks}"`,
  ended: `${event('run.finished')} | ${labelOf('pipelineResult')}!="success"`,
};
