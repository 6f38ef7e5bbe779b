// The hub itself, and the Collector behind it. Rows of the dashboard of the telemetry.
import { always, bars, goodThen, graph, number, type Panel, valueWords } from '../panels.ts';
import { collector, hub, losses } from '../queries/health.ts';

export const noHub = 'No hub is scraped';
export const noCollector = 'No Collector is scraped';
export const upWords = valueWords({ 0: { text: 'down', colour: 'red' }, 1: { text: 'up', colour: 'green' } });

export const hubPanels: readonly Panel[] = [
  graph({
    title: 'Which tasks of the hub failed?',
    description: 'By task. Each is tried again; the log of the hub says why.',
    unit: 'short',
    draw: 'bars',
    interval: '1m',
    queries: [hub.errors],
    w: 16,
    h: 7,
    empty: noHub,
  }),
  number({
    title: 'Abandoned runs',
    description: 'Runs whose stepspan process was killed and that a hub has closed, in this time.',
    unit: 'short',
    thresholds: goodThen(1, 'orange'),
    queries: [hub.adopted],
    w: 4,
    h: 7,
    empty: noHub,
  }),
  number({
    title: 'Hub up for',
    description: 'Time since the start of the hub that started last.',
    unit: 's',
    queries: [hub.uptime],
    w: 4,
    h: 7,
    empty: noHub,
  }),
  bars({
    title: 'Hidden secrets',
    description:
      'By the rule that found them. They were replaced before they reached a disk, but a program tried to print them.',
    unit: 'short',
    decimals: 0,
    queries: [hub.hidden],
    names: ['kind'],
    w: 10,
    h: 6,
    empty: 'No secret was found, or no hub is scraped',
  }),
  bars({
    title: 'Are there too many label values?',
    description:
      'How often a value was shown as `other`, by label: there are more of them than the bound, or it is not a known one.',
    unit: 'short',
    decimals: 0,
    thresholds: always('orange'),
    queries: [losses.overflow],
    names: ['label'],
    w: 10,
    h: 6,
    empty: 'All values are shown, or no hub is scraped',
  }),
  number({
    title: 'Unknown Claude metrics',
    description:
      'Data points of metrics of Claude Code that are shown nowhere, in this time: of an unknown metric, of a kind that is not a sum, or of too many series.',
    unit: 'short',
    thresholds: goodThen(1, 'orange'),
    queries: [losses.unknownClaude],
    w: 4,
    h: 6,
    empty: noHub,
  }),
  bars({
    title: 'Which versions of stepspan are there?',
    description: 'Hubs, and runs that serve their own metrics, by version.',
    unit: 'short',
    decimals: 0,
    queries: [hub.versions],
    names: ['version'],
    w: 18,
    h: 4,
    empty: noHub,
  }),
  number({
    title: 'Runs not counted yet',
    description: 'Runs that a hub has not read yet after its start. Until it has, the other numbers lack them.',
    unit: 'short',
    thresholds: goodThen(1, 'orange'),
    queries: [hub.uncounted],
    w: 6,
    h: 4,
    empty: noHub,
  }),
];

export const collectorPanels: readonly Panel[] = [
  graph({
    title: 'How full are the queues?',
    description:
      'Share of the queue on disk that is taken, by exporter. A full queue refuses, and what it refuses stays in the journals.',
    unit: 'percentunit',
    max: 1,
    queries: [collector.queue],
    w: 12,
    h: 8,
    empty: noCollector,
  }),
  graph({
    title: 'What does the Collector receive?',
    description: 'Records that its receivers accepted, per second.',
    unit: 'cps',
    queries: [collector.logs, collector.spans],
    w: 12,
    h: 8,
    empty: 'No Collector is scraped, or it has received nothing yet',
  }),
  graph({
    title: 'Does the Collector drop anything?',
    description:
      'Records that an exporter gave up, or that found its queue full, by exporter. The first are lost to the backend; the second come again.',
    unit: 'short',
    draw: 'bars',
    interval: '1m',
    queries: [collector.failed, collector.notQueued],
    w: 24,
    h: 7,
    empty: noCollector,
  }),
];
