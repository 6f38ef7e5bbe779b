// Who watches runs live, and whether alerts on single runs reach their receiver. A row of the dashboard of the telemetry.
import { bars, goodThen, graph, number, type Panel } from '../panels.ts';
import { watchers } from '../queries/health.ts';
import { noHub } from './hub-and-collector.ts';

export const watcherPanels: readonly Panel[] = [
  graph({
    title: 'How many watch?',
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
    description: 'Bytes that wait in the memory of hubs for watchers that read slowly. They slow nobody else.',
    unit: 'bytes',
    queries: [watchers.buffered],
    w: 6,
    h: 7,
    empty: noHub,
  }),
  number({
    title: 'Lines jumped over',
    description: 'Lines and events that watchers which lagged chose to jump over in this time. The journal has them.',
    unit: 'short',
    queries: [watchers.jumped],
    w: 3,
    h: 7,
    empty: noHub,
  }),
  number({
    title: 'Alerts that wait',
    description: 'Alerts on runs that are due and that no receiver has taken.',
    unit: 'short',
    thresholds: goodThen(1, 'orange'),
    queries: [watchers.alertsWaiting],
    w: 3,
    h: 7,
    empty: noHub,
  }),
  bars({
    title: 'Did alerts arrive?',
    description:
      'Alerts on runs that were sent in this time, by receiver and what became of them. One that goes on is sent every minute and counts each time.',
    unit: 'short',
    decimals: 0,
    queries: [watchers.alerts],
    w: 6,
    h: 7,
    empty: 'None was sent',
  }),
];
