// The queries of the Prometheus rules, apart from what they say. Each returns its expression and the parts that it compares.
// Names come from the metric catalogue. The tests play them in the Prometheus that docker-compose.yml pins.

import { formatSetDuration } from '../../src/core/duration.ts';
import { metrics } from '../../src/readers/measure/catalogue.ts';
import { promString, seconds } from './text.ts';

export type Query = {
  readonly expr: string;
  /** See `Alert` in rule.ts. */
  readonly measures: readonly string[];
};

/** The name under which Prometheus scrapes the hub. */
export const hubJob = 'stepspan';

const hubUp = `up{job="${hubJob}"}`;

/** The outcomes of the catalogue that are neither a success nor asked for by a person. */
const failed = 'outcome=~"failure|error|timeout"';
const judged = 'outcome!="cancellation"';

/**
 * Counters start at 0 in the hub, so an increase over any window is right, also over its restarts, which it survives.
 * What has not run in the window has no share, and not one of 0. Rounded, because an increase is extrapolated, by more for
 * an older series: exactly half would be more than half.
 */
export function runsOf(window: number): { readonly ended: string; readonly failedShare: string } {
  const count = (which: string) =>
    `round(sum by (workflow) (increase(${metrics.runs.name}{${which}}[${formatSetDuration(window)}])))`;
  return { ended: count(judged), failedShare: `${count(failed)} / (${count(judged)} > 0)` };
}

/** As recorded over the window of StepspanWorkflowFailureRate: the numbers by which it decides, for graphs and other rules. */
export const recorded = { ended: 'stepspan:workflow_runs:ended', failedShare: 'stepspan:workflow_runs:failed_ratio' };

export function workflowFailureRate(at: { share: number; minimumRuns: number }): Query {
  return {
    expr: `${recorded.failedShare} > ${at.share} and ${recorded.ended} >= ${at.minimumRuns}`,
    measures: [recorded.failedShare, recorded.ended],
  };
}

/**
 * Looks back on twice the period, so that a hub that is down neither fires this nor resolves it.
 * @param periodMs how long the workflow may go without a success
 */
export function noRecentSuccess(workflow: string, periodMs: number): Query {
  const last = lastSuccess(workflow, periodMs);
  return { expr: `time() - ${last} > ${seconds(periodMs)}`, measures: [last] };
}

/** The same for a workflow that has never succeeded, or of which the hub has never heard; absent() has no labels here. */
export function neverSucceeded(workflow: string, periodMs: number): Query {
  return { expr: `absent(${lastSuccess(workflow, periodMs)})`, measures: [] };
}

function lastSuccess(workflow: string, periodMs: number): string {
  const series = `${metrics.lastSuccess.name}{workflow=${promString(workflow)}}`;
  return `(max by (workflow) (max_over_time(${series}[${formatSetDuration(2 * periodMs)}])) > 0)`;
}

/** Cost is counted when an attempt ends; what active runs have cost holds some of that again, so the two are not added. */
export function spendHigh(at: { window: number; usd: number }): Query {
  const ended = `sum(increase(${metrics.cost.name}[${formatSetDuration(at.window)}]))`;
  const active = `sum(${metrics.activeCost.name})`;
  return { expr: `${ended} > ${at.usd} or ${active} > ${at.usd}`, measures: [ended] };
}

/** absent() fires where the target has gone from the configuration: then `up` is not 0 but nothing at all. */
export function hubDown(): Query {
  return { expr: `${hubUp} == 0 or absent(${hubUp})`, measures: [hubUp] };
}

export const backendJobs = ['otel-collector', 'loki', 'tempo', 'grafana', 'alertmanager'] as const;

/** Without absent(): nobody need have all of them. */
export function backendDown(): Query {
  const up = `up{job=~"${backendJobs.join('|')}"}`;
  return { expr: `${up} == 0`, measures: [up] };
}

export function shippingBehind(at: { lag: number }): Query {
  const lag = `max by (instance, signal) (${metrics.shipperLag.name})`;
  return { expr: `${lag} > ${seconds(at.lag)}`, measures: [lag] };
}

export function shippingRejecting(at: { window: number }): Query {
  const window = formatSetDuration(at.window);
  const both = `sum by (instance, signal) (increase(${metrics.refused.name}[${window}]) + increase(${metrics.rejected.name}[${window}]))`;
  return { expr: `${both} > 0`, measures: [both] };
}

/** The fallback for a hub that delivers no alerts of runs: where it does, StepspanOutputLost reports the same loss. */
export function linesLost(at: { window: number }): Query {
  const window = formatSetDuration(at.window);
  const both = `sum by (instance, why) (increase(${metrics.lostLines.name}[${window}]) + increase(${metrics.lostEvents.name}[${window}]))`;
  const delivered = `sum by (instance) (${metrics.alertsSent.name}{result="taken"})`;
  return { expr: `${both} > 0 unless on (instance) (${delivered} > 0)`, measures: [both] };
}

export function retentionUnsent(at: { window: number }): Query {
  return increased(metrics.removedUnread.name, 'reader', at.window);
}

export function journalDamaged(at: { window: number }): Query {
  return increased(metrics.journalProblems.name, 'kind', at.window);
}

export function labelOverflow(at: { window: number }): Query {
  return increased(metrics.labelOverflow.name, 'label', at.window);
}

/** @param at `count`: failures that are still fine. Extrapolation makes n of them a little more than n, so half is added. */
export function hubErrors(at: { window: number; count: number }): Query {
  return increased(metrics.hubErrors.name, 'task', at.window, at.count + 0.5);
}

/** A free disk is no matter of shares: what the next run prints does not grow with the disk. */
export function diskAlmostFull(free: number): Query {
  const now = `min by (instance) (${metrics.dataFolderFree.name})`;
  return { expr: `${now} < ${free}`, measures: [now] };
}

/**
 * As the last hour went. One big checkout on a large disk looks like a trend; so it counts only where little is left
 * anyway, and where half an hour is known.
 */
export function diskFilling(at: { free: number; within: number }): Query {
  const free = metrics.dataFolderFree.name;
  const then = `min by (instance) (predict_linear(${free}[1h], ${seconds(at.within)}))`;
  const little = `min by (instance) (${free}) < ${10 * at.free}`;
  const known = `min by (instance) (${free} offset 30m)`;
  return {
    expr: `${diskAlmostFull(at.free).expr} or (${little} and ${then} < 0 and ${known})`,
    measures: [...diskAlmostFull(at.free).measures, then],
  };
}

export function alertsUndelivered(): Query {
  const waiting = `max by (instance) (${metrics.alertsWaiting.name})`;
  return { expr: `${waiting} > 0`, measures: [waiting] };
}

/** Alertmanager has all its series at 0 from the start. */
export function notificationsFailing(at: { window: number }): Query {
  return increased('alertmanager_notifications_failed_total', 'integration', at.window);
}

export function collectorQueueFilling(at: { share: number }): Query {
  const share = 'otelcol_exporter_queue_size / (otelcol_exporter_queue_capacity > 0)';
  return { expr: `${share} > ${at.share}`, measures: [share] };
}

/**
 * The Collector's counters are born with their first failure, at whatever it cost: there is no increase from nothing. So
 * a series that was not there at the beginning of the window counts with its value. Whether names end in _total depends
 * on the format of the scrape.
 */
export function collectorDropping(at: { window: number }): Query {
  const window = formatSetDuration(at.window);
  const dropped = (what: string) => {
    const series = `{__name__=~"otelcol_exporter_send_failed_${what}(_total)?"}`;
    return `sum by (instance, exporter) (increase(${series}[${window}]) > 0 or (${series} unless ${series} offset ${window}) > 0)`;
  };
  return { expr: `${dropped('log_records')} or ${dropped('spans')}`, measures: [] };
}

function increased(metric: string, label: string, window: number, above = 0): Query {
  const increase = `sum by (instance, ${label}) (increase(${metric}[${formatSetDuration(window)}]))`;
  return { expr: `${increase} > ${above}`, measures: [increase] };
}
