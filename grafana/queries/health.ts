// What the dashboard of the telemetry itself asks: shipping, journals, readers, the hub, and the backends behind them.
import { counted, growing, metrics, series } from '../promql.ts';
import { now, overTime, type Query, rows } from '../query.ts';

/** Several numbers as rows of one table, each with its own value of a label. */
function together(label: string, parts: Readonly<Record<string, string>>): Query {
  return rows(
    Object.entries(parts)
      .map(([word, expr]) => `label_replace(${expr}, "${label}", "${word}", "", "")`)
      .join(' or '),
  );
}

export const shipping = {
  lag: overTime(`max by (signal) (${series(metrics.shipperLag)})`, '{{signal}}'),
  pending: overTime(`sum by (signal) (${series(metrics.shipperPending)})`, '{{signal}}'),
  sent: overTime(`sum by (signal) (rate(${series(metrics.sent)}[$__rate_interval]))`, '{{signal}}'),
  sentBytes: overTime(`sum by (signal) (rate(${series(metrics.sentBytes)}[$__rate_interval]))`, '{{signal}}'),
  retried: overTime(`round(${growing(metrics.retried, 'signal')})`, '{{signal}}'),
  notTaken: together('what', {
    refused: counted(metrics.refused, 'signal'),
    rejected: counted(metrics.rejected, 'signal'),
  }),
  runs: {
    shipping: overTime(`sum(${series(metrics.shippingRuns)})`, 'being shipped'),
    waiting: overTime(`sum(${series(metrics.waitingRuns)})`, 'waiting for a place'),
  },
};

export const losses = {
  lines: rows(counted(metrics.lostLines, 'why')),
  events: rows(counted(metrics.lostEvents, 'why')),
  unread: rows(counted(metrics.removedUnread, 'reader')),
  problems: rows(counted(metrics.journalProblems, 'kind')),
  unknownClaude: now(counted(metrics.unknownTelemetry, '')),
  recoveries: now(counted(metrics.recoveries, '')),
  overflow: rows(`${counted(metrics.labelOverflow, 'label')} > 0`),
};

export const journals = {
  bytes: overTime(`sum(${series(metrics.journalBytes)})`, 'journals'),
  free: overTime(
    `min by (instance) (${series(metrics.dataFolderFree)} / (${series(metrics.dataFolderSize)} > 0))`,
    '{{instance}}',
  ),
  segments: overTime(`sum by (form) (${series(metrics.journalSegments)})`, '{{form}}'),
  runs: now(`sum(${series(metrics.storedRuns)})`),
  cursors: overTime(`sum by (reader) (${series(metrics.cursorLag)})`, '{{reader}}'),
  removed: now(counted(metrics.removedRuns, '')),
  removedBytes: now(`sum(increase(${series(metrics.removedBytes)}[$__range]))`),
  archived: now(counted(metrics.archivedSegments, '')),
  archivePut: now(`sum(increase(${series(metrics.archivePutBytes)}[$__range]))`),
  archivePutSegments: now(counted(metrics.archivePutSegments, '')),
  saved: now(`sum(increase(${series(metrics.archiveSaved)}[$__range]))`),
};

export const hub = {
  up: overTime('min by (instance) (up{job="stepspan"})', '{{instance}}'),
  uptime: now(`time() - max(${series(metrics.hubStart)})`),
  errors: overTime(`round(${growing(metrics.hubErrors, 'task')})`, '{{task}}'),
  adopted: now(counted(metrics.adoptedRuns, '')),
  hidden: rows(`${counted(metrics.hidden, 'kind')} > 0`),
  versions: rows(`count by (version) (${series(metrics.info)})`),
  uncounted: now(`sum(${series(metrics.uncountedRuns)})`),
};

export const watchers = {
  clients: overTime(`sum(${series(metrics.tailClients)})`, 'watchers'),
  buffered: overTime(`sum(${series(metrics.tailBuffered)})`, 'waiting for them'),
  sent: overTime(`sum(rate(${series(metrics.tailSent)}[$__rate_interval]))`, 'to watchers'),
  jumped: now(counted(metrics.tailJumped, '')),
  alerts: rows(`${counted(metrics.alertsSent, 'receiver, result')} > 0`),
  alertsWaiting: now(`sum(${series(metrics.alertsWaiting)})`),
};

// The Collector's own names, as it serves them on its port 8888. Whether a counter ends in _total is a setting of it.
const ofCollector = 'job="otel-collector"';

/** 0 while the Collector is scraped, and nothing while it is not: a series of failures exists only after the first one. */
const ifScraped = (expr: string): string => `(${expr} or on () 0 * (min(up{${ofCollector}}) == 1))`;
const queueSize = `otelcol_exporter_queue_size{${ofCollector}}`;

/** The way of a record from the hub to the screen, by the names of the scrape jobs. */
const chain = 'job=~"stepspan|otel-collector|loki|tempo|prometheus|alertmanager"';

export const backends = {
  up: now(`min by (job) (up{${chain}})`, '{{job}}'),
  upOverTime: overTime(`min by (job) (up{${chain}})`, '{{job}}'),
};

export const collector = {
  queue: overTime(
    `max by (exporter, data_type) (${queueSize} / otelcol_exporter_queue_capacity{${ofCollector}})`,
    '{{exporter}} {{data_type}}',
  ),
  // What has waited for a minute or longer: a queue is seldom empty while runs print, and one that is drained falls back again.
  waiting: overTime(
    `max by (exporter, data_type) (min_over_time(${queueSize}[$__rate_interval]))`,
    '{{exporter}} {{data_type}}',
  ),
  logs: overTime(
    `sum(rate({__name__=~"otelcol_receiver_accepted_log_records(_total)?", ${ofCollector}}[$__rate_interval]))`,
    'log records',
  ),
  spans: overTime(
    `sum(rate({__name__=~"otelcol_receiver_accepted_spans(_total)?", ${ofCollector}}[$__rate_interval]))`,
    'spans',
  ),
  failed: overTime(
    ifScraped(
      `round(sum by (exporter) (increase({__name__=~"otelcol_exporter_send_failed_(log_records|spans)(_total)?", ${ofCollector}}[$__rate_interval])))`,
    ),
    '{{exporter}} given up',
  ),
  notQueued: overTime(
    ifScraped(
      `round(sum by (exporter) (increase({__name__=~"otelcol_exporter_enqueue_failed_(log_records|spans)(_total)?", ${ofCollector}}[$__rate_interval])))`,
    ),
    '{{exporter}} queue full',
  ),
};
