// Alerts that Loki's ruler evaluates on the lines of runs. Words only; the queries are in ../queries/loki.ts.

import { formatSetDuration } from '../../src/core/duration.ts';
import { lokiRules as rules } from '../../src/runs/alerts/backend-rules.ts';
import { errorBurst, resourceExhausted } from '../queries/loki.ts';
import type { Alert, ThresholdsOf } from '../rule.ts';

export function logAlerts(of: ThresholdsOf): readonly Alert[] {
  const { StepspanErrorBurst: burst, StepspanResourceExhausted: exhausted } = rules;
  return [
    {
      rule: burst,
      ...errorBurst(of(burst)),
      summary: '{{ $labels.workflow }} prints errors: {{ $value | printf "%.0f" }} lines',
      description:
        `In the last ${formatSetDuration(of(burst).window)} the runs of {{ $labels.workflow }} printed ` +
        `{{ $value | printf "%.0f" }} lines of severity ERROR; up to ${of(burst).lines} are taken for normal.`,
      dashboard: 'stepspan-logs',
    },
    {
      rule: exhausted,
      ...resourceExhausted(of(exhausted)),
      summary: '{{ $labels.workflow }} runs out of memory, disk or files',
      description:
        `In the last ${formatSetDuration(of(exhausted).window)} the runs of {{ $labels.workflow }} said ` +
        '{{ $value | printf "%.0f" }} times on stderr that memory, disk, processes or open files have run out.',
      dashboard: 'stepspan-logs',
    },
  ];
}
