// An alert of a run as the rules give it, and how one begins, changes and ends. Pure; knows neither labels nor receivers.
import type { RunRuleName } from './catalogue.ts';

export type Alert = {
  readonly rule: RunRuleName;
  /** Undefined for what is about the run as a whole. */
  readonly step: string | undefined;
  /** Unix ms, from the journal: who evaluates the same journal again gets the same alert. */
  readonly startsMs: number;
  /** When it stopped being so; undefined while it is. Of what happened in an instant and cannot stop, that instant. */
  readonly endedMs: number | undefined;
  /** How long it goes on firing after its end, counted from when it was first delivered where that was later. */
  readonly keepMs: number;
  readonly summary: string;
  readonly description: string;
  /** The record in the journal to look at first. */
  readonly seq: number;
};

/** One for each rule and step at most. */
export type Alerts = Readonly<Record<string, Alert>>;

/**
 * Alertmanager waits `group_wait` (30 s by default) before it sends the first message of a group, `group_interval` (5 min)
 * before it says what has joined a group that was told already, and says nothing of what has ended by then. What must be
 * told although it is over at once goes on firing for a minute longer than that.
 */
export const outliveGroupMs = 6 * 60_000;

export function alertKey({ rule, step }: Pick<Alert, 'rule' | 'step'>): string {
  return step === undefined ? rule : `${rule}/${step}`;
}

/** Whether it is so, or was and is kept. What has ended with nothing to keep is over. */
export function isOpen(alert: Alert | undefined): alert is Alert {
  return alert !== undefined && alert.endedMs === undefined;
}

/** Begins an alert; one that goes on keeps its start and takes the new texts. */
export function fire(alerts: Alerts, alert: Alert): Alerts {
  const key = alertKey(alert);
  const before = alerts[key];
  if (before === undefined) return { ...alerts, [key]: alert };
  const isFact = alert.endedMs !== undefined;
  if (!isOpen(before) && !isFact) return { ...alerts, [key]: alert };
  return { ...alerts, [key]: { ...alert, startsMs: before.startsMs, endedMs: isFact ? before.endedMs : undefined } };
}

/** Ends an alert; one that is over, or is not there, stays as it is. */
export function end(alerts: Alerts, key: string, atMs: number): Alerts {
  const alert = alerts[key];
  return isOpen(alert) ? { ...alerts, [key]: { ...alert, endedMs: Math.max(atMs, alert.startsMs) } } : alerts;
}

/** Ends everything that is about a run that goes on. */
export function endAll(alerts: Alerts, atMs: number): Alerts {
  return Object.keys(alerts).reduce((left, key) => end(left, key, atMs), alerts);
}

const resolvedBySuccess: ReadonlySet<RunRuleName> = new Set(['StepspanRunFailed', 'StepspanRunAbandoned']);

/** Whether a later success of the workflow has something to resolve here. */
export function awaitsSuccess(alerts: Alerts): boolean {
  return Object.values(alerts).some(({ rule, keepMs }) => resolvedBySuccess.has(rule) && keepMs !== outliveGroupMs);
}

/**
 * A later run of the workflow has succeeded: its failure and its loss are no longer news. They fire on for `outliveGroupMs`, as
 * they may not have been told yet.
 */
export function resolveBySuccess(alerts: Alerts, atMs: number): Alerts {
  const resolved = Object.entries(alerts).map(([key, alert]) => {
    const ends = resolvedBySuccess.has(alert.rule) && alert.keepMs !== outliveGroupMs;
    return [key, ends ? { ...alert, endedMs: Math.max(atMs, alert.startsMs), keepMs: outliveGroupMs } : alert];
  });
  return Object.fromEntries(resolved) as Alerts;
}
