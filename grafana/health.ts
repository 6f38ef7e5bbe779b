// The dashboard of the telemetry itself: is what the others show complete, and if not, where is the rest?
import { rulesAsAnnotations } from './annotations.ts';
import { dashboardOf, hubVariable } from './dashboard.ts';
import { collectorPanels, hubPanels, noCollector, noHub, upWords } from './health/hub-and-collector.ts';
import { watcherPanels } from './health/watchers-and-alerts.ts';
import { uids } from './names.ts';
import { bars, goodThen, graph, history, number, type Panel } from './panels.ts';
import { backends, collector, journals, losses, shipping } from './queries/health.ts';

const nothingSent = 'Nothing was sent in this time';
const noneIsGood = goodThen(1);

const chainPanels: readonly Panel[] = [
  number({
    title: 'What is up?',
    description:
      'Whether Prometheus reaches each part of the chain: the hub (stepspan), the Collector, and the backends behind it. What is down loses nothing, but the other dashboards miss what happens meanwhile.',
    unit: 'none',
    mappings: [upWords],
    queries: [backends.up],
    w: 24,
    h: 4,
    empty: 'Nothing is scraped: Prometheus has just started, or scrapes neither hub nor Collector',
  }),
  history({
    title: 'When was what down?',
    description:
      'Each part of the chain over time: red while Prometheus did not reach it, a gap while it was not asked.',
    unit: 'none',
    mappings: [upWords],
    queries: [backends.upOverTime],
    thresholds: [
      { from: 0, colour: 'red' },
      { from: 1, colour: 'green' },
    ],
    points: 120,
    w: 14,
    h: 8,
    empty: 'Nothing is scraped',
  }),
  graph({
    title: 'What waits for a backend?',
    description:
      'Bytes that have been in a queue of the Collector for a minute. While a backend is down or slow its queue grows, however small a share of the whole queue that is.',
    unit: 'bytes',
    queries: [collector.waiting],
    w: 10,
    h: 8,
    empty: noCollector,
  }),
];

const shippingPanels: readonly Panel[] = [
  graph({
    title: 'How far behind is shipping?',
    description:
      'Age of the oldest record that has not been sent; of several runs and machines, the largest. 0 if all is sent.',
    unit: 's',
    queries: [shipping.lag],
    w: 12,
    h: 8,
    empty: noHub,
  }),
  graph({
    title: 'How much is not yet sent?',
    description: 'Lines and events in journals that no backend has acknowledged yet.',
    unit: 'short',
    queries: [shipping.pending],
    w: 12,
    h: 8,
    empty: noHub,
  }),
  graph({
    title: 'Records sent',
    description: 'Log records and spans that were acknowledged, per second. A record that is sent again counts again.',
    unit: 'cps',
    queries: [shipping.sent],
    w: 8,
    h: 8,
    empty: nothingSent,
  }),
  graph({
    title: 'Bytes sent',
    description: 'Bodies of requests as they went over the wire, per second.',
    unit: 'Bps',
    queries: [shipping.sentBytes],
    w: 8,
    h: 8,
    empty: nothingSent,
  }),
  graph({
    title: 'Are requests retried?',
    description: 'Requests that failed and were retried. A few are normal; many are a backend that is down or full.',
    unit: 'short',
    queries: [shipping.retried],
    draw: 'bars',
    interval: '1m',
    w: 8,
    h: 8,
    empty: noHub,
  }),
  bars({
    title: 'Did a backend refuse records?',
    description:
      'Refused records are kept aside in the folder of their run; rejected ones were left out of a request that was taken. Neither is sent again.',
    unit: 'short',
    decimals: 0,
    thresholds: noneIsGood,
    queries: [shipping.notTaken],
    names: ['signal', 'what'],
    w: 12,
    h: 6,
    empty: noHub,
  }),
  graph({
    title: 'Runs at the shipper',
    description: 'Runs that hubs are sending, and those that wait for a place.',
    unit: 'short',
    draw: 'steps',
    queries: [shipping.runs.shipping, shipping.runs.waiting],
    w: 12,
    h: 6,
    empty: noHub,
  }),
];

const lossPanels: readonly Panel[] = [
  [
    'Were lines lost?',
    'Lines that were printed and could not be kept, or were removed before a reader had them, by cause.',
    losses.lines,
    'why',
  ] as const,
  ['Were events lost?', 'The same of events.', losses.events, 'why'] as const,
  [
    'Was anything removed unread?',
    'Lines and events of runs that were removed before a reader had them, by reader.',
    losses.unread,
    'reader',
  ] as const,
  [
    'Was a journal damaged?',
    'What was found wrong with journals while they were read, by kind.',
    losses.problems,
    'kind',
  ] as const,
].map(([title, description, query, name]) =>
  bars({
    title,
    description,
    unit: 'short',
    decimals: 0,
    thresholds: noneIsGood,
    queries: [query],
    names: [name],
    w: 6,
    h: 6,
    empty: noHub,
  }),
);

const journalPanels: readonly Panel[] = [
  graph({
    title: 'How large are the journals?',
    description: 'Of all runs on all machines, archived ones included. A hub measures its data folder once a minute.',
    unit: 'bytes',
    queries: [journals.bytes],
    w: 8,
    h: 8,
    empty: noHub,
  }),
  graph({
    title: 'Which readers are behind?',
    description: 'Lines and events that a reader has not read yet, by reader.',
    unit: 'short',
    queries: [journals.cursors],
    w: 8,
    h: 8,
    empty: noHub,
  }),
  graph({
    title: 'How much disk is free?',
    description: 'Free share of the disk with the data folder, by machine. If it is full, lines are lost at once.',
    unit: 'percentunit',
    max: 1,
    queries: [journals.free],
    w: 8,
    h: 8,
    empty: noHub,
  }),
  graph({
    title: 'Segments',
    description: 'Files of journals, by whether they are compressed already.',
    unit: 'short',
    draw: 'stack',
    queries: [journals.segments],
    w: 8,
    h: 8,
    empty: noHub,
  }),
  number({
    title: 'Stored runs',
    description: 'Runs in the data folders.',
    unit: 'short',
    queries: [journals.runs],
    w: 4,
    h: 8,
    empty: noHub,
  }),
  number({
    title: 'Runs removed',
    description: 'For their age or for space, in this time.',
    unit: 'short',
    queries: [journals.removed],
    w: 4,
    h: 8,
    empty: noHub,
  }),
  number({
    title: 'Bytes removed',
    description: 'Of the runs that were removed in this time.',
    unit: 'bytes',
    queries: [journals.removedBytes],
    w: 4,
    h: 8,
    empty: noHub,
  }),
  number({
    title: 'Repaired journals',
    description:
      'Journals that a crash left in the middle of a record, in this time. The unfinished record was cut off; it had never been acknowledged.',
    unit: 'short',
    thresholds: goodThen(1, 'orange'),
    queries: [losses.recoveries],
    w: 4,
    h: 8,
    empty: noHub,
  }),
  number({
    title: 'Segments compressed',
    description: 'Files of journals that were compressed in this time.',
    unit: 'short',
    queries: [journals.archived],
    w: 6,
    h: 4,
    empty: noHub,
  }),
  number({
    title: 'Saved by compression',
    description: 'How much smaller the segments became that were compressed in this time.',
    unit: 'bytes',
    queries: [journals.saved],
    w: 6,
    h: 4,
    empty: noHub,
  }),
  number({
    title: 'Segments put into the archive',
    description:
      'Files of journals that the hub has put into the archive in this time. What is left is under "Which readers are behind?" as archive, and what was removed too early under "Was anything removed unread?".',
    unit: 'short',
    queries: [journals.archivePutSegments],
    w: 6,
    h: 4,
    empty: noHub,
  }),
  number({
    title: 'Put into the archive',
    description: 'Size of these files.',
    unit: 'bytes',
    queries: [journals.archivePut],
    w: 6,
    h: 4,
    empty: noHub,
  }),
];

export const health = dashboardOf({
  uid: uids.health,
  title: 'stepspan: Telemetry health',
  description: 'Shipping, journals, readers and the Collector: is what the other dashboards show complete?',
  from: 'now-6h',
  refresh: '30s',
  variables: [hubVariable()],
  annotations: [rulesAsAnnotations('')],
  links: [],
  rows: [
    { title: 'Is everything up?', panels: chainPanels },
    { title: 'Shipping', panels: shippingPanels },
    { title: 'Loss', panels: lossPanels },
    { title: 'Journals', panels: journalPanels },
    { title: 'Hub', panels: hubPanels },
    { title: 'Watchers, and alerts on runs', panels: watcherPanels },
    { title: 'Collector', panels: collectorPanels },
  ],
});
