// An alert of a run: the one form in which page, tail, CLI, webhook, Alertmanager, mail and metrics show it. Here it starts,
// changes and ends. Pure; which rule finds what is in the *-rules.ts files.
import { type RunRuleName, runRules } from './catalogue.ts';
import { type AlertSettings, type RuleSeverity, type RunRuleDefinition, settingsOfRule } from './rule.ts';

export type Alert = {
  readonly rule: RunRuleName;
  /** As alerts.yaml had it when the alert started: the severity is a label, and another one would make another alert. */
  readonly severity: RuleSeverity;
  /** The step that it is about, or where it was first found; undefined for what is about the run as a whole. */
  readonly step: string | undefined;
  /** Unix ms, from the journal: the same journal always results in the same alert. */
  readonly startsMs: number;
  /** When its condition ended; undefined while it lasts. For an event that cannot end, the time of the event. */
  readonly endedMs: number | undefined;
  /** How long it keeps firing after its end, counted from its first delivery if that was later. */
  readonly keepMs: number;
  readonly summary: string;
  readonly description: string;
  /** The record in the journal to look at first. */
  readonly seq: number;
};

/** By `alertKey`. */
export type Alerts = Readonly<Record<string, Alert>>;

/** What a rule has found. The settings of the rule say how urgent that is and how long it fires. */
export type Finding = Pick<Alert, 'rule' | 'step' | 'startsMs' | 'summary' | 'description' | 'seq'>;

/**
 * Alertmanager waits `group_wait` (30 s by default) before the first message of a group and `group_interval` (5 min) before
 * the next, and sends nothing about an alert that has ended by then. An alert that must be sent although it is over at once
 * keeps firing for a minute longer than that.
 */
export const outliveGroupMs = 6 * 60_000;

/** One cause is one alert: a rule about the run has one alert per run, a rule about steps one per step. */
export function alertKey({ rule, step }: Pick<Alert, 'rule' | 'step'>): string {
  return runRules[rule].scope === 'run' || step === undefined ? rule : `${rule}/${step}`;
}

/** Whether its condition lasts. */
export function isOpen(alert: Alert | undefined): alert is Alert & { readonly endedMs: undefined } {
  return alert !== undefined && alert.endedMs === undefined;
}

/** Starts an alert that lasts until `endAlert`. One that is open keeps its start and takes the new texts. */
export function startAlert(alerts: Alerts, finding: Finding, settings: AlertSettings, keepMs = 0): Alerts {
  const { enabled, severity } = settingsOfRule(settings, runRules[finding.rule]);
  if (!enabled) return alerts;
  return putAlert(alerts, { ...finding, severity, endedMs: undefined, keepMs }, isOpen);
}

/** Records an event that cannot end: it fires for the `keepFor` of its rule. The next such event changes the texts only. */
export function recordAlert(alerts: Alerts, finding: Finding, settings: AlertSettings): Alerts {
  const rule: RunRuleDefinition = runRules[finding.rule];
  const { enabled, severity, thresholds } = settingsOfRule(settings, rule);
  if (!enabled) return alerts;
  const alert = { ...finding, severity, endedMs: finding.startsMs, keepMs: thresholds.keepFor ?? 0 };
  return putAlert(alerts, alert, (before) => before !== undefined);
}

/** Its labels and times are its identity, so an alert that continues keeps them. */
function putAlert(alerts: Alerts, alert: Alert, continues: (before: Alert | undefined) => boolean): Alerts {
  const key = alertKey(alert);
  const before = alerts[key];
  if (before === undefined || !continues(before)) return { ...alerts, [key]: alert };
  const { step, severity, startsMs, endedMs } = before;
  return { ...alerts, [key]: { ...alert, step, severity, startsMs, endedMs } };
}

/** Ends an alert. One that has ended, or does not exist, stays as it is. */
export function endAlert(alerts: Alerts, key: string, atMs: number): Alerts {
  const alert = alerts[key];
  return isOpen(alert) ? { ...alerts, [key]: { ...alert, endedMs: Math.max(atMs, alert.startsMs) } } : alerts;
}

/** Ends everything that is about an active run. */
export function endAllAlerts(alerts: Alerts, atMs: number): Alerts {
  return Object.keys(alerts).reduce((left, key) => endAlert(left, key, atMs), alerts);
}

/** When it stops firing, in Unix ms; undefined while its condition lasts. @param takenMs when a receiver first took it */
export function firesUntilMs(alert: Alert, takenMs: number): number | undefined {
  return alert.endedMs === undefined ? undefined : Math.max(alert.endedMs, takenMs + alert.keepMs);
}

/** Whether it fires at a time, for somebody who asks and is not a receiver. */
export function isFiring({ endedMs, keepMs }: Pick<Alert, 'endedMs' | 'keepMs'>, nowMs: number): boolean {
  return endedMs === undefined || nowMs < endedMs + keepMs;
}

/** Whether a later success of the workflow ends it. */
export function isResolvedBySuccess({ rule, keepMs }: Pick<Alert, 'rule' | 'keepMs'>): boolean {
  const definition: RunRuleDefinition = runRules[rule];
  return definition.isResolvedBySuccess === true && keepMs !== outliveGroupMs;
}

/** Whether a later success of the workflow has something to resolve here. */
export function awaitsSuccess(alerts: Alerts): boolean {
  return Object.values(alerts).some(isResolvedBySuccess);
}

/**
 * A later run of the workflow has succeeded, so its failure is no longer news. It keeps firing for `outliveGroupMs`, as nobody
 * may have been notified yet.
 */
export function resolveBySuccess(alerts: Alerts, atMs: number): Alerts {
  const resolved = Object.entries(alerts).map(([key, alert]): [string, Alert] => [
    key,
    isResolvedBySuccess(alert) ? { ...alert, endedMs: Math.max(atMs, alert.startsMs), keepMs: outliveGroupMs } : alert,
  ]);
  return Object.fromEntries(resolved);
}
