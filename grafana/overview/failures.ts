// Why runs and steps did not succeed, and which runs, with ways to each of them. A row of the Overview.

import { toLivePage, toRun, toStepLines, toTrace } from '../links.ts';
import { runLabel, stepLabel, workflowLabel } from '../logql.ts';
import { labelOf, outcomeColours, runFrom, runTo, traceLabel } from '../names.ts';
import { always, bars, type Panel } from '../panels.ts';
import { failures } from '../queries/overview.ts';
import { type Column, newestFirst, recordTable } from '../tables.ts';
import { noneEnded, whole } from './words.ts';

const runColumns: readonly Column[] = [
  { field: 'Time', title: 'Ended', unit: 'time:YYYY-MM-DD HH:mm:ss', width: 165 },
  { field: workflowLabel, title: 'Workflow' },
  { field: runLabel, title: 'Run', width: 205, links: [toRun, toLivePage] },
  { field: labelOf('pipelineResult'), title: 'Result', width: 105, colours: outcomeColours },
  { field: labelOf('reason'), title: 'Reason', width: 125 },
  { field: labelOf('durationMs'), title: 'Duration', unit: 'ms', width: 95, number: true },
  {
    field: labelOf('costUsd'),
    title: 'Cost',
    unit: 'currencyUSD',
    decimals: 2,
    width: 80,
    number: true,
    money: 'record',
  },
  { field: traceLabel, title: 'Trace', width: 80, links: [toTrace] },
  { field: 'Line', title: 'Summary' },
  { field: runFrom, title: 'From', hidden: true },
  { field: runTo, title: 'To', hidden: true },
];

export const failurePanels: readonly Panel[] = [
  bars({
    title: 'Why did runs fail?',
    description: 'Runs by reason. For `step_failed` the reason of the step is beside this.',
    unit: 'short',
    decimals: whole,
    queries: [failures.runs],
    names: ['reason'],
    thresholds: always('red'),
    w: 12,
    h: 6,
    empty: 'No run failed in this time, or no hub is scraped',
  }),
  bars({
    title: 'Why did steps fail?',
    description: 'Steps by reason, those that may fail included. Skipped steps are not among them.',
    unit: 'short',
    decimals: whole,
    queries: [failures.steps],
    names: ['reason'],
    thresholds: always('red'),
    w: 12,
    h: 6,
    empty: 'No step failed in this time, or no hub is scraped',
  }),
  recordTable({
    title: 'Which runs failed?',
    description:
      'The newest 100 of this time that did not succeed. The run leads to its dashboard and its live page, the trace to Tempo.',
    unit: 'none',
    queries: [failures.notSucceeded],
    columns: runColumns,
    sortBy: newestFirst,
    w: 24,
    h: 9,
    empty: 'No run failed in this time',
  }),
  recordTable({
    title: 'Which runs succeeded with warnings?',
    description:
      'Attempts of Claude Code in which tool calls were denied, hooks or subagents failed, MCP servers were missing, or answers were cut: the newest 100. A step can be green all the same.',
    unit: 'none',
    queries: [failures.warnings],
    columns: [
      { field: 'Time', title: 'Ended', unit: 'time:YYYY-MM-DD HH:mm:ss', width: 165 },
      { field: workflowLabel, title: 'Workflow', width: 160 },
      { field: runLabel, title: 'Run', width: 205, links: [toStepLines, toLivePage] },
      { field: stepLabel, title: 'Step', width: 110 },
      { field: labelOf('findingCount'), title: 'Warnings', width: 110, number: true },
      { field: labelOf('findings'), title: 'What was missing' },
    ],
    sortBy: newestFirst,
    w: 24,
    h: 7,
    empty: 'Nothing was denied or cut in this time',
  }),
  recordTable({
    title: 'Runs that ended',
    description: 'The newest 100 of this time, however they ended. A cost of "unknown" is one that nobody reported.',
    unit: 'none',
    queries: [failures.allEnded],
    columns: runColumns,
    sortBy: newestFirst,
    w: 24,
    h: 9,
    empty: noneEnded,
  }),
];
