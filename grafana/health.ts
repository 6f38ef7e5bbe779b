// The dashboard of the telemetry itself: is what the others show complete, and if not, where is the rest?
import { rulesAsAnnotations } from './annotations.ts';
import { dashboardOf, hubVariable } from './dashboard.ts';
import { collectorPanels, hubPanels, noHub } from './health/hub-and-collector.ts';
import { watcherPanels } from './health/watchers-and-alerts.ts';
import { uids } from './names.ts';
import { bars, goodThen, graph, number, type Panel } from './panels.ts';
import { journals, losses, shipping } from './queries/health.ts';

const nothingSent = 'Nothing was sent in this time';
const noneIsGood = goodThen(1);

const shippingPanels: readonly Panel[] = [
  graph({
    title: 'How far behind is shipping?',
    description:
      'Age of the oldest record that is still to be sent; of several runs and machines, the largest. 0 when all is sent.',
    unit: 's',
    queries: [shipping.lag],
    w: 12,
    h: 8,
    empty: noHub,
  }),
  graph({
    title: 'How much is still to be sent?',
    description: 'Lines and events in journals that no backend has acknowledged yet.',
    unit: 'short',
    queries: [shipping.pending],
    w: 12,
    h: 8,
    empty: noHub,
  }),
  graph({
    title: 'Records sent',
    description: 'Log records and spans that were acknowledged, a second. One that is sent again counts again.',
    unit: 'cps',
    queries: [shipping.sent],
    w: 8,
    h: 8,
    empty: nothingSent,
  }),
  graph({
    title: 'Bytes sent',
    description: 'Bodies of requests as they went over the wire, a second.',
    unit: 'Bps',
    queries: [shipping.sentBytes],
    w: 8,
    h: 8,
    empty: nothingSent,
  }),
  graph({
    title: 'Are requests made again?',
    description:
      'Requests that failed and were made again. A few are the network; many are a backend that is down or full.',
    unit: 'short',
    decimals: 0,
    queries: [shipping.retried],
    draw: 'bars',
    interval: '1m',
    w: 8,
    h: 8,
    empty: noHub,
  }),
  bars({
    title: 'Did a backend not take records?',
    description:
      'Refused records are kept aside in the folder of their run; rejected ones were left out of a request that was taken. Neither is sent again.',
    unit: 'short',
    decimals: 0,
    thresholds: noneIsGood,
    queries: [shipping.refused, shipping.rejected],
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
  ] as const,
  ['Were events lost?', 'The same of events.', losses.events] as const,
  [
    'Was something removed unread?',
    'Lines and events of runs that were removed before a reader with a cursor had them, by reader.',
    losses.unread,
  ] as const,
  [
    'Was a journal damaged?',
    'What was found wrong with journals while they were read, by kind.',
    losses.problems,
  ] as const,
].map(([title, description, query]) =>
  bars({
    title,
    description,
    unit: 'short',
    decimals: 0,
    thresholds: noneIsGood,
    queries: [query],
    w: 6,
    h: 6,
    empty: 'Nothing of this kind happened, or no hub is scraped',
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
    description: 'Lines and events that a reader with a cursor has still to read, by reader.',
    unit: 'short',
    queries: [journals.cursors],
    w: 8,
    h: 8,
    empty: noHub,
  }),
  graph({
    title: 'How much room is there?',
    description:
      'Share of the disk with the data folder that is free, by machine. A full disk is the one way in which lines are lost at once.',
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
    title: 'Saved by compression',
    description: 'How much smaller the segments became that were compressed in this time.',
    unit: 'bytes',
    queries: [journals.saved],
    w: 4,
    h: 8,
    empty: noHub,
  }),
  number({
    title: 'Torn tails that were cut',
    description:
      'Journals that a crash left in the middle of a record, in this time. What was cut had never been acknowledged.',
    unit: 'short',
    thresholds: goodThen(1, 'orange'),
    queries: [losses.recoveries],
    w: 4,
    h: 8,
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
    { title: 'Shipping', panels: shippingPanels },
    { title: 'Loss', panels: lossPanels },
    { title: 'Journals', panels: journalPanels },
    { title: 'Hub', panels: hubPanels },
    { title: 'Watchers, and alerts on runs', panels: watcherPanels },
    { title: 'Collector', panels: collectorPanels },
  ],
});
