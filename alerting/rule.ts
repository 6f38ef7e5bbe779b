// What a rule file is made of: alerts and recording rules, before they are written as YAML. Types and pure helpers; the
// queries are in queries/, the words in rules/, names, severities and thresholds in src/runs/alerts.
import type { RuleDefinition, RuleSeverity, Thresholds } from '../src/runs/alerts/rule.ts';

/** The thresholds of a rule as alerts.yaml has them. */
export type ThresholdsOf = <R extends RuleDefinition>(rule: R) => Thresholds<R>;

/** The dashboard that shows what an alert is about, by its uid in Grafana. */
export type Dashboard = 'stepspan-overview' | 'stepspan-logs' | 'stepspan-health';

/** One alert as Prometheus or Loki's ruler evaluates it. A definition of a rule may have several, such as one a severity. */
export type Alert = {
  readonly rule: RuleDefinition;
  /** Only where it differs from the rule's, as that of the more urgent of two. */
  readonly severity?: RuleSeverity;
  readonly expr: string;
  /**
   * The queries that `expr` compares with its thresholds. On a system where runs were counted each returns something,
   * while `expr` itself is empty as long as nothing is wrong: so it is these that a test can find to be right.
   */
  readonly measures: readonly string[];
  /** How long it must be so, in milliseconds; at once where left out. */
  readonly forMs?: number;
  /** Beside severity, source and the labels of the query's answer. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Half a line, with the name of what it is about: it becomes the subject of a mail. */
  readonly summary: string;
  /** Two or three sentences with the values: what is, why it matters, what happens if nobody looks. */
  readonly description: string;
  readonly dashboard: Dashboard;
};

/** A query that Prometheus evaluates all the time and keeps under a name of its own. */
export type Recording = {
  /** `level:metric:operation`. */
  readonly record: string;
  readonly expr: string;
};

export type Group = {
  readonly name: string;
  readonly rules: readonly (Alert | Recording)[];
};

export function isAlert(rule: Alert | Recording): rule is Alert {
  return 'rule' in rule;
}
