// Which runs are active, and how runs ended in the chosen time. Rows of the Overview.
import type { activeStatuses } from '../../src/runs/run-view.ts';
import { toActiveRun, toLivePage, toRun, toTrace, toWorkflowLogs } from '../links.ts';
import { runLabel, stepLabel, workflowLabel } from '../logql.ts';
import { activeStateWords, labelOf, outcomeColours, runFrom, runTo, traceLabel } from '../names.ts';
import { always, bars, goodThen, graph, history, number, type Panel, valueWords } from '../panels.ts';
import { active, activeSteps, durations, openQuestions, recent } from '../queries/overview.ts';
import { type Column, metricTable, recordColumns } from '../tables.ts';
import { noClaude, noHub, noneEnded, whole } from './words.ts';

const activeColours: Readonly<Record<(typeof activeStatuses)[number], string>> = {
  running: 'blue',
  waiting_for_you: 'super-light-yellow',
  waiting: 'yellow',
  stuck: 'orange',
  paused: 'text',
  cancelling: 'purple',
  over_budget: 'red',
  abandoned: 'dark-red',
};

const activeColumns: readonly Column[] = [
  { field: workflowLabel, title: 'Workflow', width: 180 },
  { field: runLabel, title: 'Run', width: 205, links: [toActiveRun, toLivePage] },
  { field: stepLabel, title: 'Step' },
  {
    field: 'Value #A',
    title: 'State',
    width: 160,
    words: valueWords(activeStateWords),
  },
  { field: 'Value #B', title: 'Step for', unit: 'ms', width: 95 },
  { field: 'Value #C', title: 'Run for', unit: 'ms', width: 95 },
  { field: 'Value #D', title: 'Cost', unit: 'currencyUSD', decimals: 2, width: 80, money: 'sum' },
  { field: traceLabel, title: 'Trace', width: 80, links: [toTrace] },
  { field: runFrom, title: 'From', hidden: true },
];

const questionColumns: readonly Column[] = [
  { field: workflowLabel, title: 'Workflow', width: 180 },
  { field: runLabel, title: 'Run', width: 205, links: [toActiveRun, toLivePage] },
  { field: stepLabel, title: 'Step', width: 160 },
  { field: labelOf('message'), title: 'Question' },
  { field: 'Value #A', title: 'Waits for', unit: 'ms', width: 110 },
  { field: traceLabel, title: 'Trace', width: 80, links: [toTrace] },
  { field: runFrom, title: 'From', hidden: true },
];

export const activePanels: readonly Panel[] = [
  number({
    title: 'Active runs',
    description: 'Runs that have started and not ended, on all machines whose hub is scraped.',
    unit: 'short',
    queries: [active.runs],
    w: 4,
    h: 4,
    empty: noHub,
  }),
  number({
    title: 'Active steps',
    description: 'Steps that have started and not ended. Waits for a retry or a limit count.',
    unit: 'short',
    queries: [active.steps],
    w: 4,
    h: 4,
    empty: noHub,
  }),
  number({
    title: 'Stalled steps',
    description: 'Active steps with no output, no exit after their result, or another sign that they hang.',
    unit: 'short',
    queries: [active.stalled],
    thresholds: goodThen(1, 'orange'),
    w: 4,
    h: 4,
    empty: noHub,
  }),
  number({
    title: 'Cost of active runs',
    description: 'What the active runs have cost so far. It is partly an estimate until their steps end.',
    unit: 'currencyUSD',
    decimals: 2,
    queries: [active.cost],
    w: 4,
    h: 4,
    empty: noHub,
  }),
  number({
    title: 'Highest budget use',
    description: 'Of the active runs with a budget, the largest share that one of them has used.',
    unit: 'percentunit',
    decimals: whole,
    queries: [active.budget],
    thresholds: [...goodThen(0.8, 'orange'), { from: 1, colour: 'red' }],
    w: 4,
    h: 4,
    empty: 'No active run has a budget',
  }),
  number({
    title: 'Hubs up',
    description: 'Whether Prometheus reaches `stepspan serve` on every machine. If not, the numbers here stand still.',
    unit: 'none',
    queries: [active.hub],
    mappings: [valueWords({ 0: { text: 'No', colour: 'red' }, 1: { text: 'Yes', colour: 'green' } })],
    w: 4,
    h: 4,
    empty: noHub,
  }),
  metricTable({
    title: 'What is running now?',
    description:
      'A row for each active step of the runs that started in this time, with how long the step and the run have been active, and what the run has cost in attempts that have ended. The run leads to its dashboard and its live page.',
    unit: 'none',
    queries: [activeSteps.state, activeSteps.stepFor, activeSteps.runFor, activeSteps.cost],
    columns: activeColumns,
    sortBy: { field: 'Value #C', descending: true },
    w: 24,
    h: 7,
    empty: 'No step is active',
  }),
  metricTable({
    title: 'What waits for a person?',
    description:
      'Approvals, prompts of commands and questions of Claude Code that nobody has answered yet. Answer them on the live page of the run, or with `stepspan answer`.',
    unit: 'none',
    queries: [openQuestions],
    columns: questionColumns,
    sortBy: { field: 'Value #A', descending: true },
    w: 24,
    h: 5,
    empty: 'Nothing waits for a person',
  }),
  bars({
    title: 'What are active runs doing?',
    description:
      'Active runs by state. Waiting: for the end of a limit, or for an answer. Stuck: no step makes progress, and at least one of them hangs.',
    unit: 'short',
    decimals: whole,
    queries: [active.states],
    names: ['state'],
    colours: activeColours,
    w: 7,
    h: 6,
    empty: 'No run is active, or no hub is scraped',
  }),
  bars({
    title: 'How far are active runs?',
    description: 'Share of the steps that have ended; of several active runs of a workflow, the one that is least far.',
    unit: 'percentunit',
    max: 1,
    queries: [active.progress],
    names: ['workflow'],
    links: [toWorkflowLogs('workflow')],
    w: 7,
    h: 6,
    empty: 'No run is active, or no hub is scraped',
  }),
  bars({
    title: 'Which alerts of runs fire?',
    description:
      'Alerts of runs that fire now, by rule and severity, whether or not a receiver has them. Alerts over many runs are marked on the graphs.',
    unit: 'short',
    decimals: whole,
    queries: [active.alerts],
    names: ['rule', 'severity'],
    thresholds: always('orange'),
    w: 10,
    h: 6,
    empty: 'No alert of a run fires, or no hub is scraped',
  }),
];

const recentNumbers: readonly Panel[] = [
  number({
    title: 'Success rate',
    description: 'Of the runs that ended in this time and were not cancelled, the share that succeeded.',
    unit: 'percentunit',
    decimals: whole,
    queries: [recent.successRate],
    thresholds: [
      { from: 0, colour: 'red' },
      { from: 0.8, colour: 'orange' },
      { from: 0.95, colour: 'green' },
    ],
    w: 4,
    h: 4,
    empty: noneEnded,
  }),
  number({
    title: 'Ended runs',
    description: 'Runs that ended in this time, however they ended.',
    unit: 'short',
    decimals: whole,
    queries: [recent.ended],
    w: 4,
    h: 4,
    empty: noHub,
  }),
  number({
    title: 'Failed runs',
    description: 'Runs that ended in this time and did not succeed, cancelled ones included.',
    unit: 'short',
    decimals: whole,
    queries: [recent.failed],
    thresholds: goodThen(1, 'orange'),
    w: 4,
    h: 4,
    empty: noHub,
  }),
  number({
    title: 'Cost',
    description:
      'Of attempts that ended in this time, as Claude Code reported it. What nobody reported is not in it; see "Attempts of unknown cost".',
    unit: 'currencyUSD',
    decimals: 2,
    queries: [recent.cost],
    w: 4,
    h: 4,
    empty: noClaude,
  }),
  number({
    title: 'Retries',
    description: 'Attempts of steps after their first, in this time.',
    unit: 'short',
    decimals: whole,
    queries: [recent.retries],
    w: 4,
    h: 4,
    empty: noHub,
  }),
  number({
    title: 'Tokens',
    description: 'Of attempts that ended in this time, cached ones included.',
    unit: 'short',
    queries: [recent.tokens],
    w: 4,
    h: 4,
    empty: noClaude,
  }),
];

/** Of a run in a graph: its time is its end. */
const runPoints: readonly Column[] = [
  { field: 'Time', title: 'Time' },
  { field: labelOf('durationMs'), title: 'Duration', number: true },
  { field: workflowLabel, title: 'Workflow' },
  { field: runLabel, title: 'Run' },
  { field: traceLabel, title: 'Trace' },
  { field: runFrom, title: 'From', hidden: true },
  { field: runTo, title: 'To', hidden: true },
];

const recentGraphs: readonly Panel[] = [
  graph({
    title: 'How many runs were active?',
    description: 'Active runs by state. Runs that start and end between two samples count as one that was running.',
    unit: 'short',
    queries: [recent.active],
    draw: 'steps',
    interval: '1m',
    colours: activeColours,
    w: 12,
    h: 8,
    empty: noHub,
  }),
  graph({
    title: 'How did runs end?',
    description:
      'Runs that ended, by outcome, from point to point. Neighbours overlap by one scrape, so that no run is missed between them.',
    unit: 'short',
    queries: [recent.outcomes],
    draw: 'bars',
    interval: '1m',
    colours: outcomeColours,
    w: 12,
    h: 8,
    empty: noneEnded,
  }),
  history({
    title: 'When did which workflow fail?',
    description:
      'Times at which runs of a workflow failed: red if fewer than half of them succeeded, else orange. Workflows without a failure are not listed.',
    unit: 'percentunit',
    queries: [recent.failedOverTime],
    thresholds: [
      { from: 0, colour: 'red' },
      { from: 0.5, colour: 'orange' },
    ],
    points: 48,
    w: 12,
    h: 9,
    empty: 'No run failed in this time, or no hub is scraped',
  }),
  graph({
    title: 'How long did each run take?',
    description: 'A point for each of the newest 1,000 runs, at the time at which it ended. A point leads to its run.',
    unit: 'ms',
    queries: [durations.runs],
    draw: 'points',
    transformations: [
      ...recordColumns(runPoints),
      { id: 'filterFieldsByName', options: { include: { names: runPoints.map(({ field }) => field) } } },
      {
        id: 'organize',
        options: {
          excludeByName: {},
          indexByName: Object.fromEntries(runPoints.map(({ field }, index) => [field, index])),
          renameByName: Object.fromEntries(runPoints.map(({ field, title }) => [field, title])),
        },
      },
      { id: 'sortBy', options: { sort: [{ field: 'Time', desc: false }] } },
    ],
    links: [{ ...toRun, url: toRun.url.replace('${__value.raw:percentencode}', '${__data.fields.Run:percentencode}') }],
    w: 12,
    h: 9,
    empty: noneEnded,
  }),
];

const workflowTable: Panel = metricTable({
  title: 'How are the workflows doing?',
  description: 'A row for each workflow with runs that ended in this time. Durations are of all of them, and exact.',
  unit: 'short',
  queries: Object.values(recent.byWorkflow),
  columns: [
    { field: workflowLabel, title: 'Workflow', links: [toWorkflowLogs('Workflow')] },
    { field: 'Value #A', title: 'Ended', decimals: whole, width: 110 },
    {
      field: 'Value #B',
      title: 'Succeeded',
      unit: 'percentunit',
      decimals: whole,
      width: 130,
      thresholds: [
        { from: 0, colour: 'red' },
        { from: 0.8, colour: 'orange' },
        { from: 0.95, colour: 'green' },
      ],
    },
    { field: 'Value #C', title: 'Median duration', unit: 'ms', width: 160 },
    { field: 'Value #D', title: 'Longest', unit: 'ms', width: 130 },
    { field: 'Value #E', title: 'Cost', unit: 'currencyUSD', decimals: 2, width: 110, money: 'sum' },
  ],
  sortBy: { field: 'Value #A', descending: true },
  w: 24,
  h: 8,
  empty: noneEnded,
});

export const recentPanels: readonly Panel[] = [...recentNumbers, ...recentGraphs, workflowTable];
