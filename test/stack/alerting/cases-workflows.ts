// Series for the alerts about workflows, and when these fire. The window of the failure rate is six hours, its limit half
// of at least five runs; `nightly` is scheduled, with a success every 26 hours.
import { nothing, type RuleCase } from './case.ts';

const runs = (workflow: string, outcome: string): string =>
  `stepspan_runs_total{workflow="${workflow}",outcome="${outcome}",instance="a:9464",job="stepspan"}`;
const lastSuccess = (workflow: string): string =>
  `stepspan_run_last_success_timestamp_seconds{workflow="${workflow}",instance="a:9464",job="stepspan"}`;

/** Minutes. */
const hours = (count: number): number => count * 60;

export const workflowCases: readonly RuleCase[] = [
  {
    alert: 'StepspanWorkflowFailureRate',
    title: 'fires when most of five runs failed, however many were cancelled, and resolves when they are six hours old',
    series: {
      [runs('review', 'success')]: '0x9 1x9 2x1000',
      [runs('review', 'failure')]: '0x29 1x9 2x9 3x1000',
      [runs('review', 'timeout')]: '0x1000',
      [runs('review', 'cancellation')]: '0x9 30x1000',
    },
    at: {
      45: nothing,
      // The fifth run has ended, but it must be so for two minutes.
      51: nothing,
      53: [{ labels: { workflow: 'review' }, summary: 'review fails in 60% of its runs' }],
      [hours(8)]: nothing,
    },
  },
  {
    alert: 'StepspanWorkflowFailureRate',
    title: 'keeps quiet when one of two runs failed',
    series: { [runs('review', 'success')]: '0x9 1x400', [runs('review', 'failure')]: '0x19 1x400' },
    at: { 15: nothing, 30: nothing, 300: nothing },
  },
  {
    alert: 'StepspanWorkflowFailureRate',
    title: 'keeps quiet when the only four runs that were not cancelled failed',
    series: {
      [runs('review', 'failure')]: '0x9 1x9 2x9 3x9 4x400',
      [runs('review', 'cancellation')]: '0x9 20x400',
    },
    at: { 45: nothing, 60: nothing, 300: nothing },
  },
  {
    alert: 'StepspanWorkflowFailureRate',
    title: 'keeps quiet at exactly half, whatever was cancelled',
    series: {
      [runs('review', 'success')]: '0x9 3x400',
      [runs('review', 'error')]: '0x9 3x400',
      [runs('review', 'cancellation')]: '0x9 20x400',
    },
    at: { 20: nothing, 200: nothing },
  },
  {
    alert: 'StepspanWorkflowFailureRate',
    title: 'keeps quiet at exactly half also where one of the counters is older, and so extrapolated further',
    series: { [runs('review', 'failure')]: '5x9 8x400', [runs('review', 'success')]: '0x9 3x400' },
    at: { 20: nothing, 200: nothing },
  },
  {
    alert: 'StepspanWorkflowFailureRate',
    title: 'counts every way not to succeed',
    series: {
      [runs('review', 'success')]: '0x9 2x100',
      [runs('review', 'failure')]: '0x9 1x100',
      [runs('review', 'error')]: '0x9 2x100',
      [runs('review', 'timeout')]: '0x9 3x100',
    },
    at: { 9: nothing, 15: [{ labels: { workflow: 'review' }, summary: 'review fails in 75% of its runs' }] },
  },
  {
    alert: 'StepspanWorkflowFailureRate',
    title: 'looks back on six hours, for the number of runs and for those that failed',
    series: {
      // Three early and three late: together six, until the first are too old.
      [runs('twice', 'failure')]: `0x9 3x229 6x${hours(20)}`,
      [runs('better', 'failure')]: `0x9 5x${hours(20)}`,
      [runs('better', 'success')]: `0x239 5x${hours(20)}`,
      [runs('worse', 'success')]: `0x9 10x${hours(20)}`,
      [runs('worse', 'failure')]: `0x239 5x${hours(20)}`,
    },
    at: {
      3: nothing,
      [hours(5)]: [{ labels: { workflow: 'twice' }, summary: 'twice fails in 100% of its runs' }],
      [hours(7)]: [{ labels: { workflow: 'worse' }, summary: 'worse fails in 100% of its runs' }],
      [hours(9)]: [{ labels: { workflow: 'worse' }, summary: 'worse fails in 100% of its runs' }],
      [hours(11)]: nothing,
    },
  },
  {
    alert: 'StepspanWorkflowFailureRate',
    title: 'keeps quiet where nothing runs, and of a workflow that is new',
    series: { [runs('review', 'success')]: '0x400', [runs('review', 'failure')]: '_x99 0x300' },
    at: { 50: nothing, 200: nothing },
  },
  {
    alert: 'StepspanWorkflowFailureRate',
    title: 'continues to count over a hub that has lost its counters, and counts each workflow by itself',
    series: {
      [runs('review', 'failure')]: '100x9 103x9 0x9 3x400',
      [runs('deploy', 'success')]: '0x9 50x400',
      [runs('deploy', 'failure')]: '0x9 3x400',
    },
    at: { 25: nothing, 40: [{ labels: { workflow: 'review' }, summary: 'review fails in 100% of its runs' }] },
  },
  {
    alert: 'StepspanNoRecentSuccess',
    title: 'fires 26 hours after the last success, and resolves with the next',
    series: { [lastSuccess('nightly')]: `600x${hours(30)} ${hours(30) * 60}x600` },
    at: {
      [hours(26)]: nothing,
      // The success was ten minutes after the beginning, and five more must pass.
      [hours(26) + 14]: nothing,
      [hours(26) + 16]: [
        { labels: { workflow: 'nightly' }, severity: 'critical', summary: 'nightly has not succeeded for 1d 2h 6m 0s' },
      ],
      [hours(27)]: [
        {
          labels: { workflow: 'nightly' },
          severity: 'critical',
          summary: 'nightly has not succeeded for 1d 2h 50m 0s',
        },
      ],
      [hours(31)]: nothing,
    },
  },
  {
    alert: 'StepspanNoRecentSuccess',
    title: 'continues while the hub is down, and does not begin because of that',
    series: { [lastSuccess('nightly')]: `600x${hours(27)} _x${hours(30)}` },
    at: {
      [hours(25)]: nothing,
      [hours(32)]: [{ labels: { workflow: 'nightly' }, summary: 'nightly has not succeeded for 1d 7h 50m 0s' }],
      [hours(60)]: [{ labels: { workflow: 'nightly' }, summary: 'nightly has not succeeded for 2d 11h 50m 0s' }],
    },
  },
  {
    alert: 'StepspanNoRecentSuccess',
    title: 'takes the latest success that any hub has known, also where one has lost what it knew',
    series: {
      [lastSuccess('nightly')]: `600x${hours(60)}`,
      [lastSuccess('nightly').replace('a:9464', 'b:9464')]: `0x${hours(20) - 1} ${hours(20) * 60}x60 0x${hours(39)}`,
    },
    at: {
      [hours(30)]: nothing,
      [hours(47)]: [{ labels: { workflow: 'nightly' }, summary: 'nightly has not succeeded for 1d 3h 0m 0s' }],
    },
  },
  {
    alert: 'StepspanNoRecentSuccess',
    title: 'keeps quiet of a workflow that nobody has scheduled',
    series: { [lastSuccess('once')]: `600x${hours(60)}`, [lastSuccess('nightly')]: `0+60x${hours(60)}` },
    at: { [hours(30)]: nothing, [hours(59)]: nothing },
  },
  {
    alert: 'StepspanNoRecentSuccess',
    title: 'fires for a workflow that has only ever failed, but not before its time is over',
    series: { [lastSuccess('nightly')]: `0x${hours(40)} ${hours(41) * 60}x300` },
    at: {
      [hours(25)]: nothing,
      [hours(27)]: [{ labels: { workflow: 'nightly' }, summary: 'nightly has never succeeded' }],
      [hours(42)]: nothing,
    },
  },
  {
    alert: 'StepspanNoRecentSuccess',
    title: 'fires for a workflow that no hub has ever heard of',
    series: {
      'up{job="stepspan",instance="a:9464"}': `1x${hours(30)}`,
      [lastSuccess('other')]: `0+60x${hours(30)}`,
    },
    at: {
      [hours(25)]: nothing,
      [hours(27)]: [{ labels: { workflow: 'nightly' }, summary: 'nightly has never succeeded' }],
    },
  },
  {
    alert: 'StepspanSpendHigh',
    title: 'fires above 100 dollars in a day, over all workflows, and resolves a day later',
    series: {
      'stepspan_cost_usd_total{workflow="a",model="m",instance="a:9464"}': `0x${hours(1)} 60x${hours(50)}`,
      'stepspan_cost_usd_total{workflow="b",model="m",instance="a:9464"}': `0x${hours(2)} 60x${hours(50)}`,
    },
    at: {
      [hours(1.5)]: nothing,
      [hours(20)]: [{ summary: 'Claude Code has cost 120.00 USD' }],
      [hours(30)]: nothing,
    },
  },
  {
    alert: 'StepspanSpendHigh',
    title: 'fires for an active run, whose cost is not in the counters yet',
    series: {
      'stepspan_cost_usd_total{workflow="a",model="m",instance="a:9464"}': '0x100',
      'stepspan_active_cost_usd{workflow="a",instance="a:9464"}': '0+10x20 _x80',
    },
    at: { 12: nothing, 14: nothing, 18: [{ summary: 'Claude Code has cost 180.00 USD' }], 60: nothing },
  },
  {
    alert: 'StepspanSpendHigh',
    title: 'adds up what runs of several workflows cost',
    series: {
      'stepspan_active_cost_usd{workflow="a",instance="a:9464"}': '60x20 _x20',
      'stepspan_active_cost_usd{workflow="b",instance="a:9464"}': '70x20 _x20',
    },
    at: { 3: nothing, 8: [{ summary: 'Claude Code has cost 130.00 USD' }], 40: nothing },
  },
  {
    alert: 'StepspanSpendHigh',
    title: 'keeps quiet below the limit',
    series: {
      'stepspan_cost_usd_total{workflow="a",model="m",instance="a:9464"}': `0x100 95x${hours(5)}`,
      'stepspan_active_cost_usd{workflow="a",instance="a:9464"}': `95x${hours(5)}`,
    },
    at: { 90: nothing, [hours(4)]: nothing },
  },
  {
    alert: 'StepspanSpendHigh',
    title: 'does not add what active runs cost to what is counted of them already',
    series: {
      'stepspan_cost_usd_total{workflow="a",model="m",instance="a:9464"}': `0x100 70x${hours(10)}`,
      'stepspan_active_cost_usd{workflow="a",instance="a:9464"}': '0+0.7x700',
    },
    at: { 110: nothing, 140: nothing },
  },
];
