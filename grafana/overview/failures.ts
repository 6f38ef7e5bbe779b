// Why runs and steps did not succeed, and which runs, with ways to each of them. A row of the Overview.

import { toLivePage, toRun, toTrace } from '../links.ts';
import { labelOf, outcomeColours, runFrom, runTo, traceLabel } from '../names.ts';
import { bars, type Panel } from '../panels.ts';
import { failures } from '../queries/overview.ts';
import { type Column, recordTable } from '../tables.ts';
import { noneEnded, whole } from './words.ts';

const runColumns: readonly Column[] = [
  { field: 'Time', title: 'Ended', width: 170 },
  { field: labelOf('pipelineName'), title: 'Workflow' },
  { field: labelOf('pipelineRunId'), title: 'Run', width: 200, links: [toRun, toLivePage] },
  { field: labelOf('pipelineResult'), title: 'Result', width: 110, colours: outcomeColours },
  { field: labelOf('reason'), title: 'Reason', width: 130 },
  { field: labelOf('durationMs'), title: 'Duration', unit: 'ms', width: 100, number: true },
  { field: labelOf('costUsd'), title: 'Cost', unit: 'currencyUSD', decimals: 2, width: 90, number: true },
  { field: traceLabel, title: 'Trace', width: 120, links: [toTrace] },
  { field: 'Line', title: 'What it said' },
  { field: runFrom, title: 'From', hidden: true },
  { field: runTo, title: 'To', hidden: true },
];

export const failurePanels: readonly Panel[] = [
  bars({
    title: 'Why did runs not succeed?',
    description: 'Runs by reason. `step_failed` says that a step did not succeed; its reason stands beside this.',
    unit: 'short',
    decimals: whole,
    queries: [failures.runs],
    thresholds: [{ from: null, colour: 'red' }],
    w: 12,
    h: 6,
    empty: 'Every run succeeded, or none ended',
  }),
  bars({
    title: 'Why did steps not succeed?',
    description: 'Steps by reason, the tolerated ones too. What was skipped is not among them.',
    unit: 'short',
    decimals: whole,
    queries: [failures.steps],
    thresholds: [{ from: null, colour: 'red' }],
    w: 12,
    h: 6,
    empty: 'Every step succeeded, or none ended',
  }),
  recordTable({
    title: 'Which runs did not succeed?',
    description: 'The newest 100 of this time. The run leads to its dashboard and its live page, the trace to Tempo.',
    unit: 'none',
    queries: [failures.notSucceeded],
    columns: runColumns.filter(({ title }) => title !== 'Cost'),
    w: 24,
    h: 9,
    empty: 'Every run succeeded, or none ended',
  }),
  recordTable({
    title: 'Runs that ended lately',
    description: 'The newest 100 of this time, however they ended.',
    unit: 'none',
    queries: [failures.latelyEnded],
    columns: runColumns,
    w: 24,
    h: 9,
    empty: noneEnded,
  }),
];
