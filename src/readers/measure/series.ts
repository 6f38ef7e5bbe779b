// One series of a metric: a value under one set of labels. Plain data and what makes it new; series-store.ts keeps them.
import type { Exemplar, HistogramMetric, LabelSet, LabelValues, Metric } from './metric.ts';

/** `seen`: a scrape has had it at 0, so that from then on its increase can be seen. */
export type CounterSeries = { readonly kind: 'counter'; readonly labels: LabelSet; value: number; seen: boolean };
export type GaugeSeries = { readonly kind: 'gauge'; readonly labels: LabelSet; value: number };
export type HistogramSeries = {
  readonly kind: 'histogram';
  readonly labels: LabelSet;
  /** Observations by bucket, not summed up; the last one is +Inf. */
  readonly counts: number[];
  sum: number;
  seen: boolean;
  /** By bucket: that of the last observation in it. */
  readonly exemplars: (Exemplar | undefined)[];
};
export type Series = CounterSeries | GaugeSeries | HistogramSeries;

/** A series at 0, as its metric has it. */
export function newSeries(metric: Metric, labels: LabelSet): Series {
  switch (metric.type) {
    case 'counter':
      return { kind: 'counter', labels, value: 0, seen: false };
    case 'gauge':
      return { kind: 'gauge', labels, value: 0 };
    case 'histogram':
      return newHistogram(metric, labels);
  }
}

function newHistogram(metric: HistogramMetric, labels: LabelSet): HistogramSeries {
  const size = metric.buckets.length + 1;
  return {
    kind: 'histogram',
    labels,
    counts: Array<number>(size).fill(0),
    sum: 0,
    seen: false,
    exemplars: Array<Exemplar | undefined>(size).fill(undefined),
  };
}

/** Distinguishes the series of one metric. Label values that are shown hold no NUL (label-bounds.ts). */
export function seriesKey(metric: Metric, labels: LabelSet): string {
  return Object.keys(metric.labels)
    .map((label) => labels[label] ?? '')
    .join('\0');
}

/** Every set of labels that fixed values and the given ones allow; none when a label is neither. */
export function knownLabelSets(metric: Metric, known: LabelSet): LabelSet[] {
  let sets: Record<string, string>[] = [{}];
  for (const [label, values] of Object.entries<LabelValues>(metric.labels)) {
    const possible = values.kind === 'fixed' ? values.values : Object.hasOwn(known, label) ? [known[label] ?? ''] : [];
    sets = sets.flatMap((set) => possible.map((value) => ({ ...set, [label]: value })));
  }
  return sets;
}
