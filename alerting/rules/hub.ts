// Alerts about stepspan itself: the hub, what it ships, its disk and its own messages. Words only; queries are in ../queries.

import { formatSetDuration } from '../../src/core/duration.ts';
import { formatBytes } from '../../src/core/units.ts';
import { prometheusRules as rules } from '../../src/runs/alerts/backend-rules.ts';
import * as query from '../queries/prometheus.ts';
import type { Alert, ThresholdsOf } from '../rule.ts';

const dashboard = 'stepspan-health';

export function hubAlerts(of: ThresholdsOf): readonly Alert[] {
  return [
    {
      rule: rules.StepspanHubDown,
      ...query.hubDown(),
      forMs: of(rules.StepspanHubDown).for,
      summary: 'The hub {{ with $labels.instance }}{{ . }} {{ end }}does not answer',
      description:
        '{{ if $labels.instance }}Prometheus cannot scrape {{ $labels.instance }}.' +
        `{{ else }}Prometheus has no target with the job \`${query.hubJob}\`.{{ end }} ` +
        'Runs continue and keep their records. Until it is back, nothing is shown, abandoned runs are not closed, runs that ' +
        'do not ship themselves are not sent, and other alerts about this hub may be missing.',
      dashboard,
    },
    ...shipping(of),
    ...disk(of),
    ...losses(of),
    {
      rule: rules.StepspanHubErrors,
      ...query.hubErrors(of(rules.StepspanHubErrors)),
      summary: 'The hub {{ $labels.instance }} keeps failing at `{{ $labels.task }}`',
      description:
        'The task `{{ $labels.task }}` of {{ $labels.instance }} failed {{ $value | printf "%.0f" }} times in ' +
        `${formatSetDuration(of(rules.StepspanHubErrors).window)}. It is tried again each time; the hub's log says why it fails.`,
      dashboard,
    },
    {
      rule: rules.StepspanAlertsUndelivered,
      ...query.alertsUndelivered(),
      forMs: of(rules.StepspanAlertsUndelivered).for,
      summary: '{{ $value | printf "%.0f" }} alerts of runs wait on {{ $labels.instance }}',
      description:
        '{{ $value | printf "%.0f" }} alerts of runs on {{ $labels.instance }} have been taken by no receiver for ' +
        `${formatSetDuration(of(rules.StepspanAlertsUndelivered).for)}. They are kept and sent again until one takes them.`,
      dashboard,
    },
    {
      rule: rules.StepspanLabelOverflow,
      ...query.labelOverflow(of(rules.StepspanLabelOverflow)),
      summary: 'More values of the label `{{ $labels.label }}` than metrics show',
      description:
        'On {{ $labels.instance }} {{ $value | printf "%.0f" }} values of `{{ $labels.label }}` were shown as `other` in ' +
        `${formatSetDuration(of(rules.StepspanLabelOverflow).window)}. Journals, logs and traces are not touched by that.`,
      dashboard,
    },
  ];
}

function shipping(of: ThresholdsOf): readonly Alert[] {
  const { StepspanShippingBehind: behind, StepspanShippingRejecting: rejecting } = rules;
  return [
    {
      rule: behind,
      ...query.shippingBehind(of(behind)),
      forMs: of(behind).for,
      summary: '{{ $labels.signal }} of {{ $labels.instance }} are {{ $value | humanizeDuration }} behind',
      description:
        'The oldest of the {{ $labels.signal }} that {{ $labels.instance }} has still to send is ' +
        `{{ $value | humanizeDuration }} old; the limit is ${formatSetDuration(of(behind).lag)}. Nothing is lost: the journal ` +
        'keeps it until retention removes the run.',
      dashboard,
    },
    {
      rule: rejecting,
      ...query.shippingRejecting(of(rejecting)),
      summary: '{{ $labels.signal }} of {{ $labels.instance }} are refused',
      description:
        `In the last ${formatSetDuration(of(rejecting).window)} {{ $value | printf "%.0f" }} records of the ` +
        '{{ $labels.signal }} of {{ $labels.instance }} were refused for good. Those refused alone are in the folder ' +
        '`refused` of their run, with the answer; those of a partial success are in the journal only.',
      dashboard,
    },
  ];
}

function disk(of: ThresholdsOf): readonly Alert[] {
  const rule = rules.StepspanJournalDiskFilling;
  const { free, criticalFree, within, for: forMs } = of(rule);
  return [
    {
      rule,
      ...query.diskFilling({ free, within }),
      forMs,
      summary: 'Only {{ $value | humanize1024 }}B are free for journals on {{ $labels.instance }}',
      description:
        'The disk of the data folder on {{ $labels.instance }} has {{ $value | humanize1024 }}B left: less than ' +
        `${formatBytes(free)}, or, as the last hour went, nothing in ${formatSetDuration(within)}. ` +
        'Once it is full, output of runs is lost.',
      dashboard,
    },
    {
      rule,
      severity: 'critical',
      ...query.diskAlmostFull(criticalFree),
      // Not as long as the warning waits: a run may print this much in a minute.
      forMs: Math.min(forMs, criticalForMs),
      summary: 'Only {{ $value | humanize1024 }}B are free for journals on {{ $labels.instance }}',
      description:
        'The disk of the data folder on {{ $labels.instance }} has {{ $value | humanize1024 }}B left, less than ' +
        `${formatBytes(criticalFree)}. Once it is full, output of runs is lost.`,
      dashboard,
    },
  ];
}

/** Four scrapes at the usual 15 s: a file that is written and removed at once wakes nobody. */
const criticalForMs = 60_000;

function losses(of: ThresholdsOf): readonly Alert[] {
  const { StepspanLinesLost: lost, StepspanRetentionUnsent: unsent, StepspanJournalDamaged: damaged } = rules;
  return [
    {
      rule: lost,
      ...query.linesLost(of(lost)),
      // About, because Prometheus extrapolates an increase to the ends of its window.
      summary: 'About {{ $value | printf "%.0f" }} lines or events lost on {{ $labels.instance }} ({{ $labels.why }})',
      description:
        `In the last ${formatSetDuration(of(lost).window)} about {{ $value | printf "%.0f" }} lines or events of runs on ` +
        '{{ $labels.instance }} were lost. Cause: {{ $labels.why }} (disk: could not be written; size: the journal of a ' +
        'run grew too large; retention: removed before a reader had them).',
      dashboard,
    },
    {
      rule: unsent,
      ...query.retentionUnsent(of(unsent)),
      summary: 'Retention on {{ $labels.instance }} removed what `{{ $labels.reader }}` had not had',
      description:
        'Runs were removed from {{ $labels.instance }} with {{ $value | printf "%.0f" }} records that ' +
        '`{{ $labels.reader }}` had still to send. They are gone for good.',
      dashboard,
    },
    {
      rule: damaged,
      ...query.journalDamaged(of(damaged)),
      summary: 'A journal on {{ $labels.instance }} is damaged ({{ $labels.kind }})',
      description:
        `In the last ${formatSetDuration(of(damaged).window)} {{ $value | printf "%.0f" }} places in journals on ` +
        '{{ $labels.instance }} could not be read ({{ $labels.kind }}). What is around them is read as usual.',
      dashboard,
    },
  ];
}
