// The Run dashboard: one run, from its states down to what its steps printed.
import { stepStates } from '../src/readers/ship/map/event-records.ts';
import { recordsAsAnnotations, rulesAsAnnotations } from './annotations.ts';
import { dashboardOf, hubVariable, linkTo } from './dashboard.ts';
import { stepLabel } from './logql.ts';
import {
  activeStateWords,
  labelOf,
  outcomeColours,
  paleOutcomeColours,
  severityColours,
  severityLabel,
  uids,
} from './names.ts';
import {
  always,
  bars,
  goodThen,
  graph,
  logLinesPanel,
  number,
  type Panel,
  stateTimeline,
  tracePanel,
  valueWords,
  words,
} from './panels.ts';
import { annotations, claude, head, output, resources, spans, timeline } from './queries/run.ts';
import { oldestFirst, recordColumns, recordTable, traceTable } from './tables.ts';
import { hiddenVariable, lineVariables, textVariable } from './variables.ts';

const noRun = 'No such run in this time: choose a run and its time';

const states = valueWords({
  ...activeStateWords,
  [stepStates.success]: { text: 'success', colour: paleOutcomeColours.success },
  [stepStates.failure]: { text: 'failure', colour: paleOutcomeColours.failure },
  [stepStates.error]: { text: 'error', colour: paleOutcomeColours.error },
  [stepStates.timeout]: { text: 'timeout', colour: paleOutcomeColours.timeout },
  [stepStates.cancellation]: { text: 'cancellation', colour: paleOutcomeColours.cancellation },
  [stepStates.skip]: { text: 'skip', colour: paleOutcomeColours.skip },
});

const results = valueWords({
  running: { text: 'running', colour: 'blue' },
  ...Object.fromEntries(Object.entries(outcomeColours).map(([word, colour]) => [word, { text: word, colour }])),
});

const headPanels: readonly Panel[] = [
  number({
    title: 'Result',
    description: 'How the run ended, or that it is running.',
    unit: 'string',
    queries: [head.result],
    field: labelOf('pipelineResult'),
    mappings: [results],
    w: 4,
    h: 4,
    empty: noRun,
  }),
  number({
    title: 'Duration',
    description: 'From its start to its end, pauses included; of a run that is running, up to now.',
    unit: 'ms',
    queries: [head.duration],
    w: 4,
    h: 4,
    empty: noRun,
  }),
  number({
    title: 'Cost',
    description:
      'Of all attempts that have ended: while the first one runs, no cost is known yet. If one of them reported none, the cost of the run is unknown.',
    unit: 'currencyUSD',
    decimals: 4,
    queries: [head.cost],
    w: 4,
    h: 4,
    empty: 'Not known, or no such run in this time',
  }),
  number({
    title: 'Warnings',
    description:
      'What Claude Code was denied or did not finish: tool calls, hooks, subagents, MCP servers, cut answers. A run can succeed with warnings; "What happened?" names them.',
    unit: 'short',
    queries: [head.warnings],
    thresholds: goodThen(1, 'orange'),
    w: 4,
    h: 4,
    empty: noRun,
  }),
  number({
    title: 'Ended steps',
    description: 'Steps that have ended, skipped ones included.',
    unit: 'short',
    queries: [head.stepsEnded],
    w: 3,
    h: 4,
    empty: noRun,
  }),
  bars({
    title: 'Lines by severity',
    description: 'All lines that the run printed. DEBUG is the raw protocol of Claude Code.',
    unit: 'short',
    queries: [head.linesBySeverity],
    names: [severityLabel],
    colours: severityColours,
    w: 5,
    h: 4,
    empty: noRun,
  }),
];

const stateColumns = [
  { field: 'Time', title: 'Time' },
  { field: stepLabel, title: 'Step' },
  { field: labelOf('stepState'), title: 'State', number: true },
];

const timelinePanels: readonly Panel[] = [
  stateTimeline({
    title: 'What was each step doing?',
    description:
      'The state of each step, in the order in which they started. The result is pale: it lasts from the end of the step to the end of the time range.',
    unit: 'none',
    queries: [timeline.states],
    mappings: [states],
    transformations: [
      ...recordColumns(stateColumns),
      { id: 'filterFieldsByName', options: { include: { names: stateColumns.map(({ field }) => field) } } },
      { id: 'sortBy', options: { sort: [{ field: 'Time', desc: false }] } },
      { id: 'partitionByValues', options: { fields: [stepLabel], naming: { asLabels: false } } },
      // Grafana before version 10 keeps the name among the values.
      { id: 'filterFieldsByName', options: { exclude: { names: [stepLabel] } } },
    ],
    w: 24,
    h: 9,
    empty: noRun,
  }),
  recordTable({
    title: 'How did each step end?',
    description: 'A row for each step that has ended, in their order. Cost and duration are over all attempts.',
    unit: 'none',
    queries: [timeline.steps],
    columns: [
      { field: 'Time', title: 'Ended', unit: 'time:YYYY-MM-DD HH:mm:ss', width: 165 },
      { field: stepLabel, title: 'Step', width: 160 },
      { field: labelOf('taskRunResult'), title: 'Result', width: 105, colours: outcomeColours },
      { field: labelOf('reason'), title: 'Reason', width: 125 },
      { field: labelOf('attempts'), title: 'Attempts', width: 95, number: true },
      { field: labelOf('durationMs'), title: 'Duration', unit: 'ms', width: 95, number: true },
      {
        field: labelOf('costUsd'),
        title: 'Cost',
        unit: 'currencyUSD',
        decimals: 4,
        width: 95,
        number: true,
        money: 'record',
      },
      { field: 'Line', title: 'Summary' },
    ],
    sortBy: oldestFirst,
    w: 24,
    h: 8,
    empty: 'No step has ended in this time',
  }),
  logLinesPanel({
    title: 'What happened?',
    description:
      'The newest 500 events of the run in their order: starts and ends, retries, stalls, budget, tool calls.',
    queries: [timeline.happened],
    oldestFirst: true,
    w: 24,
    h: 9,
    empty: noRun,
  }),
];

const resourcePanels: readonly Panel[] = [
  graph({
    title: 'How much CPU did each step use?',
    description: 'Cores used by the process tree of a step, sampled each second; 1 is one core fully used.',
    unit: 'short',
    queries: [resources.cpu],
    draw: 'stack',
    interval: '2s',
    w: 12,
    h: 8,
    empty: 'No sample in this time: a step of less than a second has none',
  }),
  graph({
    title: 'How much memory did each step hold?',
    description: 'Resident memory of the process tree of a step, sampled each second; the largest sample of a point.',
    unit: 'bytes',
    queries: [resources.memory],
    draw: 'stack',
    interval: '2s',
    w: 12,
    h: 8,
    empty: 'No sample in this time: a step of less than a second has none',
  }),
];

const claudePanels: readonly Panel[] = [
  bars({
    title: 'Which steps cost most?',
    description: 'Of attempts that have ended, as Claude Code reported it.',
    unit: 'currencyUSD',
    decimals: 4,
    queries: [claude.cost],
    names: [stepLabel],
    w: 8,
    h: 7,
    empty: 'No Claude step has ended',
  }),
  bars({
    title: 'Which tools were called?',
    description: 'Calls by tool.',
    unit: 'short',
    queries: [claude.tools],
    names: [labelOf('tool')],
    w: 8,
    h: 7,
    empty: 'No tool was called',
  }),
  bars({
    title: 'In which steps did calls fail?',
    description: 'Calls whose result was an error, by step. Many of them are how Claude Code finds its way.',
    unit: 'short',
    queries: [claude.toolErrors],
    names: [stepLabel],
    thresholds: always('orange'),
    w: 8,
    h: 7,
    empty: 'No call failed',
  }),
  logLinesPanel({
    title: 'What did Claude Code call, and what came back?',
    description: 'The newest 500 calls, results and denials in their order, cut to a line each.',
    queries: [claude.calls],
    oldestFirst: true,
    w: 24,
    h: 8,
    empty: 'No tool was called',
  }),
];

const shownLines = 2000;

const logPanels: readonly Panel[] = [
  number({
    title: 'Matching lines',
    description: 'Lines that match. Orange if there are more than the 2,000 that are shown.',
    unit: 'locale',
    queries: [output.count],
    thresholds: [
      { from: 0, colour: 'blue' },
      { from: shownLines + 1, colour: 'orange' },
    ],
    w: 6,
    h: 3,
    empty: 'No line matches in this time',
  }),
  words({
    title: 'Where are older lines?',
    description: 'Where to find lines that are not shown here.',
    w: 18,
    h: 3,
    markdown:
      'The newest 2,000 matching lines are shown. All lines: [on the live page](${hub}/#/runs/${run:percentencode}/output), or with `stepspan output ${run}` in a terminal.',
  }),
  logLinesPanel({
    title: 'What did it print?',
    description:
      'The newest 2,000 lines that match, oldest first, each behind the name of its step. Choose step, stream, severity and a regular expression at the top. The raw protocol of Claude Code is in the stream debug.',
    queries: [output.lines],
    oldestFirst: true,
    w: 24,
    h: 14,
    empty: 'No line matches in this time',
  }),
];

const tracePanels: readonly Panel[] = [
  traceTable({
    title: 'Which spans are there?',
    description:
      "Steps, attempts and Claude Code's own spans that have ended, by their start, up to 100 of them. A span opens in Tempo.",
    unit: 'none',
    queries: [spans.all],
    rename: {
      'cicd.pipeline.task.run.result': 'Result',
      'stepspan.cost.usd': 'Cost (USD)',
      'stepspan.cpu.seconds': 'CPU seconds',
    },
    w: 24,
    h: 10,
    empty: 'Tempo has no span of this run in this time',
  }),
  words({
    title: 'What does the waterfall show?',
    description: 'Which spans are below, and what to do if there are none.',
    w: 24,
    h: 3,
    markdown:
      'The whole trace that the run is in: if a program with a trace of its own started the run, the spans of that program too. The table above has those of the run alone. If the waterfall shows no data, no link has brought the id of the trace along: click a span in the table.',
  }),
  tracePanel({
    title: 'Trace',
    description:
      'The trace that the run is in, whole: if a program with a trace of its own started the run, its spans are shown too. "Which spans are there?" has those of the run alone.',
    queries: [spans.waterfall],
    w: 24,
    h: 16,
    empty: 'No trace is chosen: click a span in the table above',
  }),
];

/** Finds nothing, and is not an error, as an empty id would be. */
const noTrace = '{ span.stepspan.trace = "none" }';

export const run = dashboardOf({
  uid: uids.run,
  title: 'stepspan: Run',
  description: 'One run: the states of its steps, CPU and memory, cost, tool calls, lines and trace.',
  from: 'now-6h',
  refresh: '10s',
  variables: [
    textVariable(
      'run',
      'Run',
      'The id of a run, such as 20261123-151507-k3f9x2. Tables of the Overview lead here with it.',
    ),
    hiddenVariable('trace', 'Trace', 'The id of its trace, for the waterfall below.', noTrace),
    ...lineVariables(),
    textVariable('workflow', 'Workflow', 'Of which workflow alerts are marked; a regular expression.', '.*'),
    hubVariable(),
  ],
  annotations: [
    rulesAsAnnotations('workflow=~`${workflow:raw}|`'),
    recordsAsAnnotations('Alarms of the run', annotations.marks, 'orange', `{{${labelOf('event')}}}`),
    recordsAsAnnotations('Run did not succeed', annotations.ended, 'red', `{{${labelOf('pipelineResult')}}}`),
  ],
  links: [linkTo('Live page', '${hub}/#/runs/${run}/output', 'This run on the live page of its hub')],
  rows: [
    { title: 'Run ${run}', panels: headPanels },
    { title: 'Steps', panels: timelinePanels },
    { title: 'CPU and memory', panels: resourcePanels },
    { title: 'Claude Code', panels: claudePanels },
    { title: 'Output', panels: logPanels },
    { title: 'Trace', panels: tracePanels },
  ],
});
