// Alerts about the services around stepspan: the Collector, Loki, Tempo, Grafana and Alertmanager. Words only.

import { formatSetDuration } from '../../src/core/duration.ts';
import { prometheusRules as rules } from '../../src/runs/alerts/backend-rules.ts';
import * as query from '../queries/prometheus.ts';
import type { Alert, ThresholdsOf } from '../rule.ts';

const dashboard = 'stepspan-health';

export function backendAlerts(of: ThresholdsOf): readonly Alert[] {
  const { StepspanCollectorQueueFilling: filling, StepspanCollectorDropping: dropping } = rules;
  return [
    {
      rule: rules.StepspanBackendDown,
      ...query.backendDown(),
      forMs: of(rules.StepspanBackendDown).for,
      summary: '{{ $labels.job }} does not answer',
      description:
        'Prometheus cannot scrape {{ $labels.job }} at {{ $labels.instance }}. What stepspan has for it waits, in the ' +
        'queue of the Collector or in the journals.',
      dashboard,
    },
    {
      rule: filling,
      ...query.collectorQueueFilling(of(filling)),
      forMs: of(filling).for,
      summary: 'The queue of {{ $labels.exporter }} in the Collector is {{ $value | humanizePercentage }} full',
      description:
        'The queue on disk of {{ $labels.exporter }} ({{ $labels.data_type }}) is {{ $value | humanizePercentage }} full. ' +
        'When it is full, the Collector takes no more, and stepspan keeps what is left in its journals.',
      dashboard,
    },
    {
      rule: dropping,
      ...query.collectorDropping(of(dropping)),
      summary: 'The Collector threw away what {{ $labels.exporter }} refused',
      description:
        `In the last ${formatSetDuration(of(dropping).window)} the backend of {{ $labels.exporter }} refused ` +
        '{{ $value | printf "%.0f" }} records for good, and the Collector dropped them. They are still in the journals: ' +
        '`stepspan ship RUN --again` sends a run once more.',
      dashboard,
    },
    {
      rule: rules.StepspanNotificationsFailing,
      ...query.notificationsFailing(of(rules.StepspanNotificationsFailing)),
      summary: 'Alertmanager cannot deliver by {{ $labels.integration }}',
      description:
        `In the last ${formatSetDuration(of(rules.StepspanNotificationsFailing).window)} {{ $value | printf "%.0f" }} messages ` +
        'of Alertmanager by {{ $labels.integration }} failed. Its log says what the other side answered.',
      dashboard,
    },
  ];
}
