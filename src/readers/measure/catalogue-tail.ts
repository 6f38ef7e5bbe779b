// Metrics of who watches: the WebSocket tail of a hub, or of one run. Part of catalogue.ts.
import type { CounterMetric, GaugeMetric } from './metric.ts';

export const tailMetrics = {
  tailClients: {
    name: 'stepspan_tail_clients',
    type: 'gauge',
    help: 'WebSocket connections of the live page and of other watchers.',
    unit: '',
    labels: {},
    merge: 'sum',
    scope: 'run',
  } satisfies GaugeMetric,
  tailBuffered: {
    name: 'stepspan_tail_buffered_bytes',
    type: 'gauge',
    help: 'Bytes that wait in this process for watchers that read slowly, over all of them.',
    unit: 'bytes',
    labels: {},
    merge: 'sum',
    scope: 'run',
  } satisfies GaugeMetric,
  tailSent: {
    name: 'stepspan_tail_sent_bytes_total',
    type: 'counter',
    help: 'Bytes that were written to the connections of watchers.',
    unit: 'bytes',
    labels: {},
    scope: 'run',
  } satisfies CounterMetric,
  tailJumped: {
    name: 'stepspan_tail_jumped_lines_total',
    type: 'counter',
    help: 'Lines and events that watchers which lagged chose to jump over. The journal has them.',
    unit: '',
    labels: {},
    scope: 'run',
  } satisfies CounterMetric,
} as const;
