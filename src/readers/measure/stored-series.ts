// Series as they are kept on disk between two lives of a hub, and back. What no longer fits the catalogue (a metric that
// has other labels or buckets now) is left behind and starts at 0 again.
import type { StoredBounds } from './label-bounds.ts';
import type { Exemplar, Metric } from './metric.ts';
import { newSeries, type Series, seriesKey } from './series.ts';

export type StoredMetric = {
  readonly labels: readonly string[];
  readonly buckets?: readonly number[];
  readonly series: readonly StoredOne[];
};

type StoredOne = {
  readonly labels: readonly string[];
  readonly seen: boolean;
  /** Of a counter or gauge. */
  readonly value?: number;
  /** Of a histogram. */
  readonly sum?: number;
  readonly counts?: readonly number[];
  readonly exemplars?: readonly (Exemplar | null)[];
};

export type StoredSeries = {
  readonly bounds: StoredBounds;
  /** By the name of the metric. */
  readonly metrics: Readonly<Record<string, StoredMetric>>;
};

export function storeSeries(bounds: StoredBounds, all: ReadonlyMap<Metric, ReadonlyMap<string, Series>>): StoredSeries {
  return {
    bounds,
    metrics: Object.fromEntries(
      [...all].map(([metric, series]) => [
        metric.name,
        {
          labels: Object.keys(metric.labels),
          ...(metric.type === 'histogram' ? { buckets: metric.buckets } : {}),
          series: [...series.values()].map((one) => storeOne(metric, one)),
        },
      ]),
    ),
  };
}

/** The series of one metric by their keys; none if nothing that fits was stored. */
export function unstoreSeries(metric: Metric, stored: StoredSeries | undefined): Map<string, Series> {
  const found =
    stored !== undefined && Object.hasOwn(stored.metrics, metric.name) ? stored.metrics[metric.name] : undefined;
  const buckets = metric.type === 'histogram' ? metric.buckets : undefined;
  const names = Object.keys(metric.labels);
  if (found === undefined || !same(found.labels, names) || !same(found.buckets ?? [], buckets ?? [])) return new Map();
  return new Map(
    found.series.map((one) => {
      const labels = Object.fromEntries(names.map((name, index) => [name, one.labels[index] ?? '']));
      return [seriesKey(metric, labels), unstoreOne(newSeries(metric, labels), one)];
    }),
  );
}

function storeOne(metric: Metric, one: Series): StoredOne {
  const labels = Object.keys(metric.labels).map((name) => one.labels[name] ?? '');
  switch (one.kind) {
    case 'counter':
      return { labels, seen: one.seen, value: one.value };
    case 'gauge':
      return { labels, seen: true, value: one.value };
    case 'histogram':
      return {
        labels,
        seen: one.seen,
        sum: one.sum,
        counts: one.counts,
        exemplars: one.exemplars.map((exemplar) => exemplar ?? null),
      };
  }
}

function unstoreOne(empty: Series, one: StoredOne): Series {
  switch (empty.kind) {
    case 'counter':
      return { ...empty, seen: one.seen, value: one.value ?? 0 };
    case 'gauge':
      return { ...empty, value: one.value ?? 0 };
    case 'histogram':
      return {
        ...empty,
        seen: one.seen,
        sum: one.sum ?? 0,
        counts: [...(one.counts ?? empty.counts)],
        exemplars: (one.exemplars ?? []).map((exemplar) => exemplar ?? undefined),
      };
  }
}

function same(a: readonly (string | number)[], b: readonly (string | number)[]): boolean {
  return a.length === b.length && a.every((value, index) => value === b[index]);
}
