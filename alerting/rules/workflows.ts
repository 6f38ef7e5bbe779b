// Alerts about workflows that Prometheus evaluates: what is only seen over several runs. What one run says about itself is
// a run rule, evaluated by stepspan. Words only; the queries are in ../queries.

import { formatSetDuration } from '../../src/core/duration.ts';
import { prometheusRules as rules } from '../../src/runs/alerts/backend-rules.ts';
import {
  neverSucceeded,
  noRecentSuccess,
  recorded,
  runsOf,
  spendHigh,
  workflowFailureRate,
} from '../queries/prometheus.ts';
import { promString } from '../queries/text.ts';
import type { Alert, Recording, ThresholdsOf } from '../rule.ts';

/** What the failure rate is decided by; to be evaluated before it. */
export function workflowRecordings(of: ThresholdsOf): readonly Recording[] {
  const { ended, failedShare } = runsOf(of(rules.StepspanWorkflowFailureRate).window);
  return [
    { record: recorded.ended, expr: ended },
    { record: recorded.failedShare, expr: failedShare },
  ];
}

/** @param schedules how long each workflow may go without a success, in milliseconds */
export function workflowAlerts(of: ThresholdsOf, schedules: Readonly<Record<string, number>>): readonly Alert[] {
  const rate = of(rules.StepspanWorkflowFailureRate);
  const spend = of(rules.StepspanSpendHigh);
  return [
    {
      rule: rules.StepspanWorkflowFailureRate,
      ...workflowFailureRate(rate),
      forMs: rate.for,
      summary: '{{ $labels.workflow }} fails in {{ $value | humanizePercentage }} of its runs',
      description:
        `In the last ${formatSetDuration(rate.window)} {{ $value | humanizePercentage }} of the runs of ` +
        `{{ $labels.workflow }} did not succeed; the limit is ${percent(rate.share)}. Cancelled runs are not counted.`,
      dashboard: 'stepspan-overview',
    },
    ...Object.entries(schedules).flatMap(([workflow, period]) => scheduled(of, workflow, period)),
    {
      rule: rules.StepspanSpendHigh,
      ...spendHigh(spend),
      forMs: spend.for,
      summary: 'Claude Code has cost {{ $value | printf "%.2f" }} USD',
      description:
        `The runs that ended in the last ${formatSetDuration(spend.window)}, or those that are active now, have cost ` +
        `\${{ $value | printf "%.2f" }} together; the limit is $${spend.usd}. The dashboard shows which workflow and model.`,
      dashboard: 'stepspan-overview',
    },
  ];
}

/** One pair of alerts a workflow: `for` and the time that is looked back on are part of a rule, and cannot come from data. */
function scheduled(of: ThresholdsOf, workflow: string, period: number): readonly Alert[] {
  const rule = rules.StepspanNoRecentSuccess;
  return [
    {
      rule,
      ...noRecentSuccess(workflow, period),
      forMs: of(rule).for,
      summary: '{{ $labels.workflow }} has not succeeded for {{ $value | humanizeDuration }}',
      description:
        'The last success of {{ $labels.workflow }} was {{ $value | humanizeDuration }} ago; it should succeed at least ' +
        `every ${formatSetDuration(period)}. Either its runs fail, or nothing starts them.`,
      dashboard: 'stepspan-overview',
    },
    {
      rule,
      ...neverSucceeded(workflow, period),
      // A workflow that was named today has its first run before it.
      forMs: period,
      // The answer has no label, and $labels has only those of the answer.
      labels: { workflow: literal(workflow) },
      summary: `${literal(workflow)} has never succeeded`,
      description:
        `For ${formatSetDuration(period)} no hub has known of any success of ${literal(workflow)}. Either its name in ` +
        'alerts.yaml is another than in its file, or it was never started, or it fails each time.',
      dashboard: 'stepspan-overview',
    },
  ];
}

/** A text in a template, which would take braces in it for its own. */
function literal(text: string): string {
  return text.includes('{{') ? `{{ ${promString(text)} }}` : text;
}

function percent(share: number): string {
  return `${Math.round(share * 1000) / 10} %`;
}
