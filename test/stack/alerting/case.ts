// How the tests of Prometheus rules are written: series that are played to a rule, and what it says at some times. Turned
// into the format of `promtool test rules`.
export interface ExpectedAlert {
  /** Without alertname, source and severity where it is the rule's own. */
  labels?: Record<string, string>;
  severity?: 'critical' | 'warning' | 'info';
  summary: string;
}

export interface RuleCase {
  alert: string;
  /** What happens, as the title of a test. */
  title: string;
  /** One value a minute, in promtool's notation: `0x9 1x10` is ten times 0, then eleven times 1; `_x9` is none for nine. */
  series: Record<string, string>;
  /** What fires, by the minute. */
  at: Record<number, readonly ExpectedAlert[]>;
}

export const nothing: readonly ExpectedAlert[] = [];

/** As promtool takes it. @param usual the severity of the rule */
export function promtoolTest({ title, alert, series, at }: RuleCase, usual: string): object {
  return {
    name: title,
    interval: '1m',
    input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
    alert_rule_test: Object.entries(at).map(([minute, expected]) => ({
      eval_time: `${minute}m`,
      alertname: alert,
      exp_alerts: expected.map(({ labels = {}, severity = usual, summary }) => ({
        exp_labels: { ...labels, severity, source: 'prometheus' },
        exp_annotations: { summary },
      })),
    })),
  };
}
