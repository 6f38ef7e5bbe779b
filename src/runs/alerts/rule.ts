// What an alert rule is: its name, severity, meaning and thresholds, and the settings under which it is evaluated. Types and
// small accessors. The rules are in catalogue.ts (evaluated by stepspan) and backend-rules.ts (by Prometheus and Loki's ruler).

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

/** A rule that stepspan evaluates itself, on the journal of a run. */
export type RunRuleDefinition = RuleDefinition & {
  readonly source: 'run';
  /** Whether a run has one alert of this rule, or one for each step. */
  readonly scope: 'run' | 'step';
  /** A later run of the workflow that succeeds ends its alerts. */
  readonly isResolvedBySuccess?: true;
};

/** A rule as it is evaluated: its definition with the changes of alerts.yaml. */
export type RuleSettings = {
  readonly enabled: boolean;
  readonly severity: RuleSeverity;
  /** By the names of the definition's thresholds; complete. */
  readonly thresholds: Readonly<Record<string, number>>;
};

/** Everything that alerts.yaml decides. */
export type AlertSettings = {
  /** For every rule there is, by name. */
  readonly rules: Readonly<Record<string, RuleSettings>>;
  /** Workflows that run on a schedule, and how long each may be without a success, in milliseconds. */
  readonly schedules: Readonly<Record<string, number>>;
  /** Put on every alert beside its own labels, such as `team`. */
  readonly labels: Readonly<Record<string, string>>;
  readonly links: {
    /** The address of runbook.md, wherever it is published. */
    readonly runbook: string | undefined;
    /** Grafana's address, for dashboards. */
    readonly grafana: string | undefined;
    /** The hub's address as people reach it, for the live page. */
    readonly hub: string | undefined;
  };
};

/** Durations in milliseconds, sizes in bytes. */
export type Thresholds<R extends RuleDefinition> = Readonly<Record<keyof R['thresholds'], number>>;

/** The settings of a rule that alerts.yaml does not mention. */
export function defaultSettings(rule: RuleDefinition): RuleSettings {
  const thresholds = Object.entries(rule.thresholds).map(([name, threshold]) => [name, threshold.default]);
  return { enabled: true, severity: rule.severity, thresholds: Object.fromEntries(thresholds) };
}

/** The settings of a rule, with the thresholds under the names of its definition: a wrong name does not compile. */
export function settingsOfRule<R extends RuleDefinition>(
  { rules }: AlertSettings,
  rule: R,
): RuleSettings & { readonly thresholds: Thresholds<R> } {
  const { enabled = false, severity = rule.severity, thresholds = {} } = rules[rule.name] ?? {};
  if (!isComplete(thresholds, rule)) throw new Error(`the settings of alerts lack the rule ${rule.name}`);
  return { enabled, severity, thresholds };
}

function isComplete<R extends RuleDefinition>(
  thresholds: Readonly<Record<string, number>>,
  rule: R,
): thresholds is Thresholds<R> {
  return Object.keys(rule.thresholds).every((name) => Object.hasOwn(thresholds, name));
}

/** Where the runbook explains a rule. @param runbook the address of runbook.md */
export function runbookLink(runbook: string, name: string): string {
  return `${runbook}#${name.toLowerCase()}`;
}
