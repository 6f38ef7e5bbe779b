// The Run dashboard: one run, from its states down to what its steps printed.
import { stepStates } from '../src/readers/ship/map/event-records.ts';
import { recordsAsAnnotations, rulesAsAnnotations } from './annotations.ts';
import { dashboardOf, hubVariable, linkTo } from './dashboard.ts';
import { labelOf, outcomeColours, uids } from './names.ts';
import { bars, graph, logLinesPanel, number, type Panel, stateTimeline, tracePanel, valueWords } from './panels.ts';
import { annotations, claude, head, output, resources, spans, timeline } from './queries/run.ts';
import { recordTable, traceTable } from './tables.ts';
import { lineVariables, textVariable } from './variables.ts';

const noRun = 'Choose a run above, and a time in which it went on';

const states = valueWords({
  [stepStates.running]: { text: 'running', colour: 'blue' },
  [stepStates.retrying]: { text: 'waits for the next attempt', colour: 'yellow' },
  [stepStates.success]: { text: 'success', colour: outcomeColours.success },
  [stepStates.failure]: { text: 'failure', colour: outcomeColours.failure },
  [stepStates.error]: { text: 'error', colour: outcomeColours.error },
  [stepStates.timeout]: { text: 'timeout', colour: outcomeColours.timeout },
  [stepStates.cancellation]: { text: 'cancellation', colour: outcomeColours.cancellation },
  [stepStates.skip]: { text: 'skip', colour: outcomeColours.skip },
});

const results = valueWords(
  Object.fromEntries(Object.entries(outcomeColours).map(([word, colour]) => [word, { text: word, colour }])),
);

const headPanels: readonly Panel[] = [
  number({
    title: 'Result',
    description: 'How the run ended.',
    unit: 'string',
    queries: [head.result],
    field: labelOf('pipelineResult'),
    mappings: [results],
    w: 4,
    h: 4,
    empty: 'Goes on, or not in this time',
  }),
  number({
    title: 'Duration',
    description: 'From its start to its end, pauses included.',
    unit: 'ms',
    queries: [head.duration],
    w: 4,
    h: 4,
    empty: 'Goes on, or not in this time',
  }),
  number({
    title: 'Cost',
    description: 'Over all steps and attempts.',
    unit: 'currencyUSD',
    decimals: 4,
    queries: [head.cost],
    w: 4,
    h: 4,
    empty: 'Goes on, or not in this time',
  }),
  number({
    title: 'Steps that ended',
    description: 'However they ended; skipped ones too.',
    unit: 'short',
    queries: [head.stepsEnded],
    w: 3,
    h: 4,
    empty: noRun,
  }),
  number({
    title: 'Calls of tools',
    description: 'By Claude Code, over all steps.',
    unit: 'short',
    queries: [head.toolCalls],
    w: 3,
    h: 4,
    empty: 'No tool was called',
  }),
  bars({
    title: 'Lines by severity',
    description: 'Every line that the run printed, raw protocol of Claude Code (DEBUG) included.',
    unit: 'short',
    queries: [head.linesBySeverity],
    rows: true,
    w: 6,
    h: 4,
    empty: noRun,
  }),
];

const timelinePanels: readonly Panel[] = [
  stateTimeline({
    title: 'What was each step doing?',
    description: 'The state of each step over time. The last one is kept up to the end of the time range.',
    unit: 'none',
    queries: [timeline.states],
    mappings: [states],
    interval: '1s',
    w: 24,
    h: 9,
    empty: noRun,
  }),
  recordTable({
    title: 'How did each step end?',
    description: 'One row for each step that ended. Cost and duration are over all attempts.',
    unit: 'none',
    queries: [timeline.steps],
    columns: [
      { field: 'Time', title: 'Ended', width: 170 },
      { field: labelOf('stepId'), title: 'Step' },
      { field: labelOf('taskRunResult'), title: 'Result', width: 110, colours: outcomeColours },
      { field: labelOf('reason'), title: 'Reason', width: 130 },
      { field: labelOf('attempts'), title: 'Attempts', width: 90, number: true },
      { field: labelOf('durationMs'), title: 'Duration', unit: 'ms', width: 110, number: true },
      { field: labelOf('costUsd'), title: 'Cost', unit: 'currencyUSD', decimals: 4, width: 100, number: true },
      { field: 'Line', title: 'What it said' },
    ],
    w: 12,
    h: 9,
    empty: noRun,
  }),
  logLinesPanel({
    title: 'What happened?',
    description: 'Events of the run in their order: starts and ends, retries, stalls, budget, calls of tools.',
    queries: [timeline.happened],
    oldestFirst: true,
    w: 12,
    h: 9,
    empty: noRun,
  }),
];

const resourcePanels: readonly Panel[] = [
  graph({
    title: 'How much CPU did each step use?',
    description: 'Cores in use by the process tree of a step, sampled each second; 1 is one core fully used.',
    unit: 'short',
    queries: [resources.cpu],
    draw: 'stack',
    interval: '2s',
    w: 12,
    h: 8,
    empty: noRun,
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
    empty: noRun,
  }),
];

const claudePanels: readonly Panel[] = [
  bars({
    title: 'Which steps cost most?',
    description: 'Of attempts that have ended, as Claude Code told it.',
    unit: 'currencyUSD',
    decimals: 4,
    queries: [claude.cost],
    rows: true,
    w: 6,
    h: 9,
    empty: 'No Claude step has ended',
  }),
  bars({
    title: 'Which tools were called?',
    description: 'Calls by tool.',
    unit: 'short',
    queries: [claude.tools],
    rows: true,
    w: 6,
    h: 9,
    empty: 'No tool was called',
  }),
  bars({
    title: 'In which steps did calls fail?',
    description: 'Calls whose result was an error, by step. Many of them are how Claude Code finds its way.',
    unit: 'short',
    queries: [claude.toolErrors],
    thresholds: [{ from: null, colour: 'orange' }],
    rows: true,
    w: 4,
    h: 9,
    empty: 'No call failed',
  }),
  logLinesPanel({
    title: 'What did Claude Code call, and what came back?',
    description: 'Calls, results and denials in their order, cut to a line each.',
    queries: [claude.calls],
    oldestFirst: true,
    w: 8,
    h: 9,
    empty: 'No tool was called',
  }),
];

const logPanels: readonly Panel[] = [
  logLinesPanel({
    title: 'What did it print?',
    description:
      'The lines of the run, narrowed by step, stream, severity and a regular expression at the top. Raw protocol of Claude Code is in the stream debug.',
    queries: [output.lines],
    oldestFirst: true,
    w: 24,
    h: 14,
    empty: noRun,
  }),
];

const tracePanels: readonly Panel[] = [
  traceTable({
    title: 'Spans of the run',
    description:
      "Steps, attempts and Claude Code's own spans as far as they have ended, up to 100 of them. A row opens its trace.",
    unit: 'none',
    queries: [spans.all],
    w: 24,
    h: 10,
    empty: 'Tempo has no span of this run in this time',
  }),
  tracePanel({
    title: 'Trace',
    description:
      'The whole trace, where its id stands in the variable at the top; links to this dashboard bring it along.',
    queries: [spans.waterfall],
    w: 24,
    h: 16,
    empty: 'Choose a trace above, or open one from the table over this',
  }),
];

export const run = dashboardOf({
  uid: uids.run,
  title: 'stepspan: Run',
  description: 'One run: the states of its steps, CPU and memory, cost, calls of tools, lines and trace.',
  from: 'now-6h',
  refresh: '10s',
  variables: [
    textVariable(
      'run',
      'Run',
      'The id of a run, such as 20261123-151507-k3f9x2. Tables of the Overview lead here with it.',
    ),
    textVariable('trace', 'Trace', 'The id of its trace, for the waterfall below.'),
    ...lineVariables(),
    textVariable('workflow', 'Workflow', 'Of which workflow alerts are marked; a regular expression.', '.*'),
    hubVariable(),
  ],
  annotations: [
    rulesAsAnnotations('workflow=~"$workflow|"'),
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
