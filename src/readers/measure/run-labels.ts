// Labels of runs on the metrics of runs, steps and cost. Which keys, a setting says, as each multiplies the number of series; how many
// values, label-bounds.ts does. Pure. Called by measure.ts.
import { type Labels, labelValue } from '../../core/labels.ts';
import { metrics } from './catalogue.ts';
import type { Change, LabelSet, LabelValues, Metric } from './metric.ts';

/** Without the histogram of steps, which has 17 series for each step. */
export const labelledMetrics: ReadonlySet<Metric> = new Set<Metric>([
  metrics.runsStarted,
  metrics.runs,
  metrics.runDuration,
  metrics.runFailures,
  metrics.steps,
  metrics.stepFailures,
  metrics.cost,
  metrics.tokens,
  metrics.unknownCosts,
]);

const runLabel: LabelValues = { kind: 'bounded', bound: 'label', isOptional: true };

export type RunLabels = {
  /** The metric as it is served. */
  readonly extend: (metric: Metric) => Metric;
  /** The change with the labels of the run that it comes from. */
  readonly label: (change: Change, labels: Labels) => Change;
};

export function createRunLabels(keys: readonly string[]): RunLabels {
  const names = keys.map((key) => ({ key, label: `label_${key}` }));
  const added = Object.fromEntries(names.map(({ label }) => [label, runLabel]));
  return {
    extend: (metric) =>
      labelledMetrics.has(metric) && keys.length > 0 ? { ...metric, labels: { ...metric.labels, ...added } } : metric,
    label(change, labels) {
      if (keys.length === 0) return change;
      const own: LabelSet = Object.fromEntries(names.map(({ key, label }) => [label, labelValue(labels, key) ?? '']));
      return { ...change, labels: { ...own, ...change.labels } };
    },
  };
}
