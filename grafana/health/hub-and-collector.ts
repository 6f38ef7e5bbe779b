// The hub itself, and the Collector behind it. Rows of the dashboard of the telemetry.
import { bars, goodThen, graph, number, type Panel, valueWords } from '../panels.ts';
import { collector, hub, losses } from '../queries/health.ts';

export const noHub = 'No hub is scraped';

export const hubPanels: readonly Panel[] = [
  graph({
    title: 'Was every hub there?',
    description: '1 while Prometheus reached `stepspan serve`, by machine.',
    unit: 'none',
    max: 1,
    draw: 'steps',
    queries: [hub.up],
    w: 8,
    h: 7,
    empty: noHub,
  }),
  graph({
    title: 'Which tasks of the hub failed?',
    description: 'By task. Each is tried again; the log of the hub says why.',
    unit: 'short',
    decimals: 0,
    draw: 'bars',
    interval: '1m',
    queries: [hub.errors],
    w: 8,
    h: 7,
    empty: 'No task failed',
  }),
  number({
    title: 'Runs that were adopted',
    description: 'Runs whose wrapper had died and that a hub has closed, in this time.',
    unit: 'short',
    thresholds: goodThen(1, 'orange'),
    queries: [hub.adopted],
    w: 4,
    h: 7,
    empty: noHub,
  }),
  number({
    title: 'Up for',
    description: 'Since the hub that was started last was started.',
    unit: 's',
    queries: [hub.uptime],
    w: 4,
    h: 7,
    empty: noHub,
  }),
  bars({
    title: 'Secrets that were hidden',
    description:
      'By the rule that found them. They were replaced before they reached a disk; that they were printed may still be a mistake.',
    unit: 'short',
    decimals: 0,
    queries: [hub.hidden],
    w: 12,
    h: 6,
    empty: 'None was found',
  }),
  bars({
    title: 'Are there too many label values?',
    description:
      'How often a value was shown as `other`, by label: there are more of them than the bound, or it is not a known one.',
    unit: 'short',
    decimals: 0,
    thresholds: [{ from: null, colour: 'orange' }],
    queries: [losses.overflow],
    w: 12,
    h: 6,
    empty: 'No value was left out',
  }),
];

export const collectorPanels: readonly Panel[] = [
  number({
    title: 'Is the Collector there?',
    description: 'Whether Prometheus reaches its own metrics.',
    unit: 'none',
    mappings: [valueWords({ 0: { text: 'No', colour: 'red' }, 1: { text: 'Yes', colour: 'green' } })],
    queries: [collector.up],
    w: 4,
    h: 8,
    empty: 'No Collector is scraped',
  }),
  graph({
    title: 'How full are its queues?',
    description:
      'Share of the queue on disk that is taken, by exporter. A full queue refuses, and what it refuses stays in the journals.',
    unit: 'percentunit',
    max: 1,
    queries: [collector.queue],
    w: 10,
    h: 8,
    empty: 'No Collector is scraped',
  }),
  graph({
    title: 'What does it take in?',
    description: 'Records that its receivers accepted, a second.',
    unit: 'cps',
    queries: [collector.logs, collector.spans],
    w: 10,
    h: 8,
    empty: 'It has taken nothing in yet',
  }),
  graph({
    title: 'Does it drop something?',
    description:
      'Records that an exporter gave up, or that found its queue full, by exporter. The first are lost to the backend; the second come again.',
    unit: 'short',
    decimals: 0,
    draw: 'bars',
    interval: '1m',
    queries: [collector.failed, collector.notQueued],
    w: 24,
    h: 7,
    empty: 'It has dropped nothing',
  }),
];
