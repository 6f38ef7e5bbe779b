// Every metric that stepspan serves, each defined once. docs/metrics.md, /metrics, dashboards and alerts are made from it:
// take a name as `metrics.runs.name`, so that a renamed metric breaks the build and not a dashboard.
import { claudeMetrics } from './catalogue-claude.ts';
import { conventionMetrics } from './catalogue-conventions.ts';
import { hubMetrics } from './catalogue-hub.ts';
import { runMetrics } from './catalogue-runs.ts';
import { tailMetrics } from './catalogue-tail.ts';
import type { GaugeMetric, Metric } from './metric.ts';

export const metrics = {
  ...runMetrics,
  ...claudeMetrics,
  ...conventionMetrics,
  ...hubMetrics,
  ...tailMetrics,
  info: {
    name: 'stepspan_build_info',
    type: 'gauge',
    help: 'Which stepspan serves this; always 1.',
    unit: '',
    // The one label whose values have no bound: a process has one version.
    labels: { version: { kind: 'own' } },
    merge: 'max',
    scope: 'run',
  } satisfies GaugeMetric,
} as const;

/** In the order in which they are served and documented. */
export const catalogue: readonly Metric[] = Object.values(metrics);

/**
 * What a run sends of itself over OTLP: what its journal says. What shippers and watchers do is a hub's to count.
 */
export const sentMetrics: readonly Metric[] = [
  ...Object.values(runMetrics),
  ...Object.values(claudeMetrics),
  ...Object.values(conventionMetrics),
  metrics.lostLines,
  metrics.lostEvents,
  metrics.recoveries,
  metrics.journalProblems,
  metrics.labelOverflow,
  metrics.info,
];

/** Gauges that are kept with the counters: they say what was, not what is. */
export const keptGauges: ReadonlySet<Metric> = new Set<Metric>([metrics.lastSuccess]);
