// All rules of the two backends as groups, after what alerts.yaml says: a table of contents, no policy but the order.
import { type AlertSettings, settingsOfRule } from '../src/runs/alerts/rule.ts';
import type { Alert, Group, ThresholdsOf } from './rule.ts';
import { backendAlerts } from './rules/backends.ts';
import { hubAlerts } from './rules/hub.ts';
import { logAlerts } from './rules/logs.ts';
import { workflowAlerts, workflowRecordings } from './rules/workflows.ts';

export function prometheusGroups(settings: AlertSettings): readonly Group[] {
  const of = thresholdsOf(settings);
  return present([
    {
      name: 'stepspan-workflows',
      rules: [...workflowRecordings(of), ...enabled(workflowAlerts(of, settings.schedules), settings)],
    },
    { name: 'stepspan-hub', rules: enabled(hubAlerts(of), settings) },
    { name: 'stepspan-backends', rules: enabled(backendAlerts(of), settings) },
  ]);
}

export function lokiGroups(settings: AlertSettings): readonly Group[] {
  return present([{ name: 'stepspan-logs', rules: enabled(logAlerts(thresholdsOf(settings)), settings) }]);
}

function enabled(alerts: readonly Alert[], settings: AlertSettings): readonly Alert[] {
  return alerts.filter(({ rule }) => settings.rules[rule.name]?.enabled === true);
}

function thresholdsOf(settings: AlertSettings): ThresholdsOf {
  return (rule) => settingsOfRule(settings, rule).thresholds;
}

/** Prometheus takes a group without rules, Loki's ruler does not. */
function present(groups: readonly Group[]): readonly Group[] {
  return groups.filter(({ rules }) => rules.length > 0);
}
