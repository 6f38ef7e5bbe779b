// What goes on now, and how runs went lately. Rows of the Overview.

import { toWorkflowLogs } from '../links.ts';
import { outcomeColours } from '../names.ts';
import { graph, number, type Panel, valueWords } from '../panels.ts';
import { durations, lately, nowGoingOn } from '../queries/overview.ts';
import { metricTable } from '../tables.ts';
import { goodThen, noClaude, noneEnded, noRuns, whole } from './words.ts';

export const nowPanels: readonly Panel[] = [
  number({
    title: 'Runs going on',
    description: 'Runs that have started and not ended, over all machines whose hub is scraped.',
    unit: 'short',
    queries: [nowGoingOn.runs],
    w: 4,
    h: 4,
    empty: noRuns,
  }),
  number({
    title: 'Steps going on',
    description: 'Steps that have come up and not ended, waits for a retry included.',
    unit: 'short',
    queries: [nowGoingOn.steps],
    w: 4,
    h: 4,
    empty: noRuns,
  }),
  number({
    title: 'Steps that are stalled',
    description:
      'Steps with no output, no exit after their result, or another sign of a hang that the workflow asks to look for.',
    unit: 'short',
    queries: [nowGoingOn.stalled],
    thresholds: goodThen(1, 'orange'),
    w: 4,
    h: 4,
    empty: noRuns,
  }),
  number({
    title: 'Cost of the runs going on',
    description: 'What the active runs have cost so far; partly an estimate until their steps have ended.',
    unit: 'currencyUSD',
    decimals: 2,
    queries: [nowGoingOn.cost],
    w: 4,
    h: 4,
    empty: noRuns,
  }),
  number({
    title: 'Largest budget use',
    description: 'Of the active runs with a budget, the share that the one furthest along has used.',
    unit: 'percentunit',
    decimals: 0,
    queries: [nowGoingOn.budget],
    thresholds: [...goodThen(0.8, 'orange'), { from: 1, colour: 'red' }],
    w: 4,
    h: 4,
    empty: 'No run with a budget goes on',
  }),
  number({
    title: 'Is every hub there?',
    description: 'Whether Prometheus reaches `stepspan serve` of every machine. Without it nothing here moves.',
    unit: 'none',
    queries: [nowGoingOn.hub],
    mappings: [valueWords({ 0: { text: 'No', colour: 'red' }, 1: { text: 'Yes', colour: 'green' } })],
    w: 4,
    h: 4,
    empty: 'No hub is scraped',
  }),
];

export const latelyPanels: readonly Panel[] = [
  number({
    title: 'Success rate',
    description: 'Of the runs that ended in this time and were not cancelled, the share that succeeded.',
    unit: 'percentunit',
    decimals: 0,
    queries: [lately.successRate],
    thresholds: [
      { from: null, colour: 'red' },
      { from: 0.8, colour: 'orange' },
      { from: 0.95, colour: 'green' },
    ],
    w: 4,
    h: 4,
    empty: noneEnded,
  }),
  number({
    title: 'Runs that ended',
    description: 'In this time, however they ended.',
    unit: 'short',
    decimals: whole,
    queries: [lately.ended],
    w: 4,
    h: 4,
    empty: noneEnded,
  }),
  number({
    title: 'Cost in this time',
    description: 'Of attempts that ended in this time, as Claude Code told it.',
    unit: 'currencyUSD',
    decimals: 2,
    queries: [lately.cost],
    w: 4,
    h: 4,
    empty: noClaude,
  }),
  graph({
    title: 'Which workflows are running?',
    description: 'Runs going on, by workflow.',
    unit: 'short',
    queries: [lately.active],
    draw: 'steps',
    w: 12,
    h: 8,
    empty: noRuns,
  }),
  graph({
    title: 'How did runs end?',
    description:
      'Runs that ended, by outcome, from point to point of the graph. Neighbours overlap by one scrape, so that none is missed between them.',
    unit: 'short',
    decimals: whole,
    queries: [lately.outcomes],
    draw: 'bars',
    interval: '1m',
    colours: outcomeColours,
    w: 12,
    h: 8,
    empty: noneEnded,
  }),
  graph({
    title: 'Does the success rate hold?',
    description: 'Share of runs that succeeded, by workflow, over the window chosen at the top, at each time.',
    unit: 'percentunit',
    max: 1,
    queries: [lately.successOverTime],
    w: 12,
    h: 8,
    empty: noneEnded,
  }),
  graph({
    title: 'Do runs take longer than a week before?',
    description:
      'Half and 95 % of the runs that succeeded within the window took no longer than this, now and a week before. Between the bounds of the histogram it is an estimate. Points are runs; they lead to the trace.',
    unit: 's',
    queries: [durations.p50, durations.p95, durations.p50WeekBefore, durations.p95WeekBefore],
    colours: {
      p50: 'blue',
      p95: 'orange',
      'p50 a week before': 'semi-dark-blue',
      'p95 a week before': 'semi-dark-orange',
    },
    w: 24,
    h: 8,
    empty: 'No run has succeeded in this time',
  }),
  metricTable({
    title: 'How are the workflows doing?',
    description:
      'One row for each workflow with runs that ended in this time. Durations are of all of them, however they ended.',
    unit: 'short',
    queries: Object.values(lately.byWorkflow),
    columns: [
      {
        field: 'workflow',
        title: 'Workflow',
        links: [{ ...toWorkflowLogs, url: toWorkflowLogs.url.replace('__field.labels.workflow', '__value.raw') }],
      },
      { field: 'Value #A', title: 'Ended', decimals: whole },
      { field: 'Value #B', title: 'Succeeded', unit: 'percentunit', decimals: 0 },
      { field: 'Value #C', title: 'p50', unit: 's' },
      { field: 'Value #D', title: 'p95', unit: 's' },
      { field: 'Value #E', title: 'Cost', unit: 'currencyUSD', decimals: 2 },
      { field: 'Value #F', title: 'Last success', unit: 'dateTimeFromNow' },
    ],
    sortBy: 'Ended',
    w: 24,
    h: 8,
    empty: noneEnded,
  }),
];
