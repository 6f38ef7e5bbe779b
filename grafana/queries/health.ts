// What the dashboard of the telemetry itself asks: shipping, journals, readers, the hub, and the Collector behind them.
import { counted, growing, metrics, series } from '../promql.ts';
import { now, overTime } from '../query.ts';

export const shipping = {
  lag: overTime(`max by (signal) (${series(metrics.shipperLag)})`, '{{signal}}'),
  pending: overTime(`sum by (signal) (${series(metrics.shipperPending)})`, '{{signal}}'),
  sent: overTime(`sum by (signal) (rate(${series(metrics.sent)}[$__rate_interval]))`, '{{signal}}'),
  sentBytes: overTime(`sum by (signal) (rate(${series(metrics.sentBytes)}[$__rate_interval]))`, '{{signal}}'),
  retried: overTime(`round(${growing(metrics.retried, 'signal')})`, '{{signal}}'),
  refused: now(counted(metrics.refused, 'signal'), '{{signal}} refused'),
  rejected: now(counted(metrics.rejected, 'signal'), '{{signal}} rejected'),
  runs: {
    shipping: overTime(`sum(${series(metrics.shippingRuns)})`, 'being shipped'),
    waiting: overTime(`sum(${series(metrics.waitingRuns)})`, 'waiting for a place'),
  },
};

export const losses = {
  lines: now(counted(metrics.lostLines, 'why'), '{{why}}'),
  events: now(counted(metrics.lostEvents, 'why'), '{{why}}'),
  unread: now(counted(metrics.removedUnread, 'reader'), '{{reader}}'),
  problems: now(counted(metrics.journalProblems, 'kind'), '{{kind}}'),
  recoveries: now(counted(metrics.recoveries, '')),
  overflow: now(`${counted(metrics.labelOverflow, 'label')} > 0`, '{{label}}'),
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
  saved: now(`sum(increase(${series(metrics.archiveSaved)}[$__range]))`),
};

export const hub = {
  up: overTime('min by (instance) (up{job="stepspan"})', '{{instance}}'),
  uptime: now(`time() - max(${series(metrics.hubStart)})`),
  errors: overTime(`round(${growing(metrics.hubErrors, 'task')})`, '{{task}}'),
  adopted: now(counted(metrics.adoptedRuns, '')),
  hidden: now(`${counted(metrics.hidden, 'kind')} > 0`, '{{kind}}'),
};

export const watchers = {
  clients: overTime(`sum(${series(metrics.tailClients)})`, 'watchers'),
  buffered: overTime(`sum(${series(metrics.tailBuffered)})`, 'waiting for them'),
  jumped: now(counted(metrics.tailJumped, '')),
  alerts: now(`${counted(metrics.alertsSent, 'receiver, result')} > 0`, '{{receiver}} {{result}}'),
  alertsWaiting: now(`sum(${series(metrics.alertsWaiting)})`),
};

// The Collector's own names, as it serves them on its port 8888. Whether a counter ends in _total is a setting of it.
const ofCollector = 'job="otel-collector"';

export const collector = {
  queue: overTime(
    `max by (exporter, data_type) (otelcol_exporter_queue_size{${ofCollector}} / otelcol_exporter_queue_capacity{${ofCollector}})`,
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
    `round(sum by (exporter) (increase({__name__=~"otelcol_exporter_send_failed_(log_records|spans)(_total)?", ${ofCollector}}[$__rate_interval])))`,
    '{{exporter}}: given up',
  ),
  notQueued: overTime(
    `round(sum by (exporter) (increase({__name__=~"otelcol_exporter_enqueue_failed_(log_records|spans)(_total)?", ${ofCollector}}[$__rate_interval])))`,
    '{{exporter}}: queue full',
  ),
  up: now(`min(up{${ofCollector}})`),
};
