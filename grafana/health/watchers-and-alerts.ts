// Who watches runs live, and whether alerts on single runs reach their receiver. A row of the dashboard of the telemetry.
import { bars, goodThen, graph, number, type Panel } from '../panels.ts';
import { watchers } from '../queries/health.ts';
import { noHub } from './hub-and-collector.ts';

export const watcherPanels: readonly Panel[] = [
  graph({
    title: 'How many people watch?',
    description: 'Connections of live pages and of programs that tail runs.',
    unit: 'short',
    draw: 'steps',
    queries: [watchers.clients],
    w: 6,
    h: 7,
    empty: noHub,
  }),
  graph({
    title: 'Do watchers lag?',
    description: 'Bytes in the memory of hubs for watchers that read slowly. They slow nobody else.',
    unit: 'bytes',
    queries: [watchers.buffered],
    w: 6,
    h: 7,
    empty: noHub,
  }),
  graph({
    title: 'How much do watchers read?',
    description: 'Bytes that hubs send to watchers, per second.',
    unit: 'Bps',
    queries: [watchers.sent],
    w: 6,
    h: 7,
    empty: noHub,
  }),
  number({
    title: 'Skipped lines',
    description: 'Lines and events that slow watchers skipped in this time. The journal has them.',
    unit: 'short',
    queries: [watchers.jumped],
    w: 6,
    h: 7,
    empty: noHub,
  }),
  number({
    title: 'Waiting alerts',
    description: 'Alerts on runs that are due and that no receiver has taken.',
    unit: 'short',
    thresholds: goodThen(1, 'orange'),
    queries: [watchers.alertsWaiting],
    w: 6,
    h: 6,
    empty: noHub,
  }),
  bars({
    title: 'Did alerts arrive?',
    description:
      'Alerts on runs that were sent in this time, by receiver and what became of them. An alert that continues is sent every minute and counts each time.',
    unit: 'short',
    decimals: 0,
    queries: [watchers.alerts],
    names: ['receiver', 'result'],
    w: 18,
    h: 6,
    empty: 'No alert was sent, or no hub is scraped',
  }),
];
