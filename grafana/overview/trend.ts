// Which workflow is getting worse: this time range against the one before it. A row of the Overview.

import { toWorkflowLogs } from '../links.ts';
import { workflowLabel } from '../logql.ts';
import { labelOf } from '../names.ts';
import { always, bars, type Panel } from '../panels.ts';
import { trend } from '../queries/overview.ts';
import { metricTable } from '../tables.ts';
import { noneEnded, whole } from './words.ts';

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
];
