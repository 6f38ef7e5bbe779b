// Which workflow is getting worse: this time range against the one before it. A row of the Overview.

import { toWorkflowLogs } from '../links.ts';
import { workflowLabel } from '../logql.ts';
import { labelOf } from '../names.ts';
import { always, bars, graph, type Panel } from '../panels.ts';
import { byModel, overall, trend } from '../queries/overview.ts';
import { metricTable } from '../tables.ts';
import { noHub, noneEnded, whole } from './words.ts';

export const trendPanels: readonly Panel[] = [
  metricTable({
    title: 'Which workflow is getting worse?',
    description:
      'This time range and the one of the same length before it; choose 7 days for week against week. The largest fall of the success rate comes first. Durations are of runs that succeeded; the cost is that of an average run.',
    unit: 'short',
    queries: [
      trend.change,
      trend.success,
      trend.successBefore,
      trend.median,
      trend.medianBefore,
      trend.cost,
      trend.costBefore,
    ],
    columns: [
      { field: workflowLabel, title: 'Workflow', links: [toWorkflowLogs('Workflow')] },
      {
        field: 'Value #A',
        title: 'Change',
        unit: 'percentunit',
        decimals: whole,
        width: 100,
        thresholds: [
          { from: -1, colour: 'red' },
          { from: 0, colour: 'text' },
          { from: 0.001, colour: 'green' },
        ],
      },
      { field: 'Value #B', title: 'Succeeded', unit: 'percentunit', decimals: whole, width: 110 },
      { field: 'Value #C', title: 'Before', unit: 'percentunit', decimals: whole, width: 100 },
      { field: 'Value #D', title: 'Median', unit: 'ms', width: 100 },
      { field: 'Value #E', title: 'Median before', unit: 'ms', width: 140 },
      { field: 'Value #F', title: 'Cost a run', unit: 'currencyUSD', decimals: 2, width: 110, money: 'sum' },
      { field: 'Value #G', title: 'Cost a run before', unit: 'currencyUSD', decimals: 2, width: 150, money: 'sum' },
    ],
    sortBy: { field: 'Value #A', descending: false },
    w: 16,
    h: 9,
    empty: noneEnded,
  }),
  bars({
    title: 'Which failure is the most frequent?',
    description: 'Runs that did not succeed, by workflow and reason: the ten most frequent.',
    unit: 'short',
    decimals: whole,
    queries: [trend.reasons],
    names: [workflowLabel, labelOf('reason')],
    thresholds: always('red'),
    w: 8,
    h: 9,
    empty: 'No run failed in this time',
  }),
  metricTable({
    title: 'Does it depend on the model or on the version of Claude Code?',
    description:
      'Runs that ended in this time by workflow, model and version of Claude Code, as its own telemetry reports them. A run with two models counts for both. Duration and cost are those of an average run; the duration is of runs that succeeded, the cost is what was spent on the model.',
    unit: 'short',
    queries: [byModel.success, byModel.runs, byModel.duration, byModel.cost],
    columns: [
      { field: workflowLabel, title: 'Workflow', links: [toWorkflowLogs('Workflow')] },
      { field: 'model', title: 'Model', width: 220 },
      { field: 'service_version', title: 'Claude Code', width: 140 },
      {
        field: 'Value #A',
        title: 'Succeeded',
        unit: 'percentunit',
        decimals: whole,
        width: 120,
        thresholds: [
          { from: 0, colour: 'red' },
          { from: 0.8, colour: 'orange' },
          { from: 0.95, colour: 'green' },
        ],
      },
      { field: 'Value #B', title: 'Runs', decimals: whole, width: 90 },
      { field: 'Value #C', title: 'Mean duration', unit: 'ms', width: 150 },
      { field: 'Value #D', title: 'Cost a run', unit: 'currencyUSD', decimals: 2, width: 120, money: 'sum' },
    ],
    sortBy: { field: 'Value #A', descending: false },
    w: 24,
    h: 7,
    empty: 'No run with Claude Code ended in this time',
  }),
  graph({
    title: 'How long do runs and steps take?',
    description:
      'Median of those that ended between two points, computed from buckets. The dots are single runs and steps with their exact times; each leads to its trace.',
    unit: 's',
    queries: [overall.runs, overall.steps],
    w: 16,
    h: 8,
    empty: noHub,
  }),
  bars({
    title: 'When did each workflow last succeed?',
    description: 'Time since the last run that succeeded; workflows that never did are not here.',
    unit: 's',
    queries: [overall.sinceSuccess],
    names: ['workflow'],
    links: [toWorkflowLogs('workflow')],
    w: 8,
    h: 8,
    empty: 'No run has succeeded, or no hub is scraped',
  }),
];
