// What an alert rule is, whoever evaluates it: its name, severity, meaning and thresholds. Types and texts only, no IO; the
// rules themselves are in catalogue.ts (evaluated by stepspan) and backend-rules.ts (by Prometheus and by Loki's ruler).

export const ruleSeverities = ['critical', 'warning', 'info'] as const;
/** `critical`: somebody has to act now. `warning`: today. `info`: good to know. */
export type RuleSeverity = (typeof ruleSeverities)[number];

/** Who evaluates a rule: stepspan on the journal of a run, Prometheus on its metrics, Loki's ruler on its logs. */
export type RuleSource = 'run' | 'prometheus' | 'loki';

/**
 * How a threshold is written in alerts.yaml and held in the program:
 * `duration` is text such as `15m` or `2d`, held in milliseconds; `size` is text such as `256MiB`, held in bytes;
 * `share` is a number from 0 to 1; `count` a whole number from 1; `number` any number above 0.
 */
export type ThresholdKind = 'duration' | 'size' | 'share' | 'count' | 'number';

export type Threshold = {
  readonly kind: ThresholdKind;
  /** In the unit in which the program holds it: milliseconds, bytes, or the number itself. */
  readonly default: number;
  /** One phrase: what the number limits. */
  readonly meaning: string;
};

export type RuleDefinition = {
  /** `Stepspan<Something>`; also the anchor of its part of the runbook, in lower case. */
  readonly name: string;
  readonly source: RuleSource;
  readonly severity: RuleSeverity;
  /** One sentence: what has happened when it fires. */
  readonly meaning: string;
  readonly thresholds: Readonly<Record<string, Threshold>>;
};

/** A rule as it is in force: its definition with what alerts.yaml says over it. */
export type RuleSettings = {
  readonly enabled: boolean;
  readonly severity: RuleSeverity;
  /** By the names of the definition's thresholds; complete. */
  readonly thresholds: Readonly<Record<string, number>>;
};

/** The settings of a rule that nobody has changed. */
export function defaultSettings(rule: RuleDefinition): RuleSettings {
  const thresholds = Object.entries(rule.thresholds).map(([name, threshold]) => [name, threshold.default]);
  return { enabled: true, severity: rule.severity, thresholds: Object.fromEntries(thresholds) };
}

/** Where the runbook explains a rule. @param runbook the address of runbook.md */
export function runbookLink(runbook: string, name: string): string {
  return `${runbook}#${name.toLowerCase()}`;
}
