// All counters and histograms with their values: counts changes, bounds labels, and holds a new series back at 0 until a
// scrape has seen it there. Prometheus takes the first value of a series as its beginning, so a counter that is first
// scraped at 1 never shows an increase, and a run shorter than the scrape interval would never have been.
// Plain data, because it is kept over restarts; prom-client (exposition.ts) writes it out.
import { createLabelBounds, type LabelBounds, otherValue, unknownValue } from './label-bounds.ts';
import type { BoundName, Change, CounterMetric, GaugeSample, LabelSet, LabelValues, Metric } from './metric.ts';
import {
  type CounterSeries,
  type GaugeSeries,
  type HistogramSeries,
  knownLabelSets,
  newSeries,
  type Series,
  seriesKey,
} from './series.ts';
import { type StoredSeries, storeSeries, unstoreSeries } from './stored-series.ts';

export type HeldSeries = CounterSeries | HistogramSeries;

export type SeriesStore = {
  readonly apply: (changes: Iterable<Change>) => void;
  readonly seriesOf: (metric: Metric) => readonly Series[];
  /** Gauges of this moment with their labels bounded; those that then have equal labels become one. */
  readonly merge: (samples: Iterable<GaugeSample>) => ReadonlyMap<Metric, readonly GaugeSeries[]>;
  /** Series that no scrape has seen at 0 yet. They show 0 until they are given to `release`. */
  readonly held: () => readonly HeldSeries[];
  readonly release: (series: Iterable<HeldSeries>) => void;
  /** Goes up with every change, so that nothing is saved twice. */
  readonly version: () => number;
  readonly stored: () => StoredSeries;
};

/**
 * @param kept the metrics whose values are counted here, known by their names; changes of others are ignored
 * @param overflow counts label values that are shown as `other`
 */
export function createSeriesStore(
  kept: readonly Metric[],
  overflow: CounterMetric<'label'>,
  stored?: StoredSeries,
): SeriesStore {
  const bounds = createLabelBounds(stored?.bounds);
  const all = new Map(kept.map((metric) => [metric, unstoreSeries(metric, stored)]));
  const own = asKept(kept);
  const shown = createLabeller(bounds);
  let version = 0;
  let overflows = 0;
  /** As they are shown; values beyond the bounds are counted. */
  const labelsOf = ({ metric, labels }: { readonly metric: Metric; readonly labels: LabelSet }): LabelSet =>
    shown(own(metric), labels, (label) => {
      overflows += 1;
      count(overflow, { label }, 1);
    });

  /** The series with these labels, made when it is new; undefined if the metric is not kept here. */
  function find(metric: Metric, labels: LabelSet): Series | undefined {
    const series = all.get(own(metric));
    if (series === undefined) return undefined;
    const key = seriesKey(own(metric), labels);
    let found = series.get(key);
    if (found === undefined) {
      found = newSeries(metric, labels);
      series.set(key, found);
      version += 1;
    }
    return found;
  }

  function count(metric: CounterMetric, labels: LabelSet, value: number): void {
    const series = find(metric, labels);
    if (series?.kind === 'counter' && addTo(series, value)) version += 1;
  }

  function applyOne(change: Change): void {
    switch (change.kind) {
      case 'add':
        count(change.metric, labelsOf(change), change.value);
        return;
      case 'observe': {
        const series = find(change.metric, labelsOf(change));
        if (series?.kind === 'histogram' && addObservation(series, change)) version += 1;
        return;
      }
      case 'raise': {
        const series = find(change.metric, labelsOf(change));
        if (series?.kind === 'gauge' && raise(series, change.value)) version += 1;
        return;
      }
      case 'touch':
        touch(change.labels);
    }
  }
  const touch = createTouch(kept, (metric, labels) => {
    const overflowsBefore = overflows;
    find(metric, labelsOf({ metric, labels }));
    return overflows === overflowsBefore;
  });

  const store: SeriesStore = {
    apply(changes) {
      for (const change of changes) applyOne(change);
    },
    seriesOf: (metric) => [...(all.get(own(metric))?.values() ?? [])],
    // Gauges are made for each scrape, so a value that is shown as `other` would be counted again and again.
    merge: (samples) => mergeGauges(samples, (metric, labels) => shown(metric, labels, () => undefined)),
    held: () => [...all.values()].flatMap((series) => [...series.values()].filter(isHeld)),
    release(series) {
      for (const one of series) one.seen = true;
      version += 1;
    },
    version: () => version,
    stored: () => storeSeries(bounds.stored(), all),
  };
  store.apply([{ kind: 'touch', labels: {} }]);
  return store;
}

/**
 * Makes all series that can have the given labels. Most runs have the workflow and the steps of an earlier one: those are made once.
 * @param make returns false if a value was beyond the bounds, which is counted each time
 */
function createTouch(
  kept: readonly Metric[],
  make: (metric: Metric, labels: LabelSet) => boolean,
): (known: LabelSet) => void {
  /** As bounded as the labels are, since those beyond their bounds are not kept. */
  const made = new Set<string>();
  return (known) => {
    const key = JSON.stringify(known);
    if (made.has(key)) return;
    const areWithin = kept.flatMap((metric) => knownLabelSets(metric, known).map((labels) => make(metric, labels)));
    if (!areWithin.includes(false)) made.add(key);
  };
}

/** @returns whether it counts. What an event says came from outside: a counter that went down, or to NaN, would spoil every rate of it */
function addTo(series: CounterSeries, value: number): boolean {
  if (!(value > 0) || !Number.isFinite(value)) return false;
  series.value += value;
  return true;
}

/** @returns whether it was lower */
function raise(series: GaugeSeries, value: number): boolean {
  if (!(value > series.value)) return false;
  series.value = value;
  return true;
}

function isHeld(series: Series): series is HeldSeries {
  return series.kind !== 'gauge' && !series.seen;
}

/** @returns the metric as it is kept, with labels that a setting adds */
function asKept(kept: readonly Metric[]): (metric: Metric) => Metric {
  const byName = new Map(kept.map((metric) => [metric.name, metric]));
  return (metric) => byName.get(metric.name) ?? metric;
}

/** @returns whether it counts */
function addObservation(series: HistogramSeries, change: Extract<Change, { kind: 'observe' }>): boolean {
  const { metric, value, exemplar } = change;
  if (!(value >= 0) || !Number.isFinite(value)) return false;
  const bucket = metric.buckets.findIndex((bound) => value <= bound);
  const index = bucket === -1 ? metric.buckets.length : bucket;
  series.counts[index] = (series.counts[index] ?? 0) + 1;
  series.sum += value;
  series.exemplars[index] = exemplar;
  return true;
}

type Labeller = (metric: Metric, labels: LabelSet, onOverflow: (label: string) => void) => LabelSet;

/** The labels of a series as they are shown: values beyond the bounds, and those that are not known, have a common name. */
function createLabeller(bounds: LabelBounds): Labeller {
  return (metric, labels, onOverflow) => {
    const shownValue = (label: string, values: LabelValues): string => {
      const raw = labels[label] ?? '';
      switch (values.kind) {
        case 'own':
          return raw;
        case 'fixed':
          if (values.values.includes(raw)) return raw;
          if (raw === '') return unknownValue;
          onOverflow('fixed');
          return otherValue;
        case 'bounded': {
          if (raw === '' && values.isOptional === true) return '';
          const taken = bounds.take(values.bound, raw, withinOf(values.bound, label, labels));
          if (taken.over) onOverflow(values.bound);
          return taken.shown;
        }
      }
    };
    return Object.fromEntries(
      Object.entries<LabelValues>(metric.labels).map(([label, values]) => [label, shownValue(label, values)]),
    );
  };
}

/** What a value is unique in: a step is one of its workflow, and the value of a run's label is one of its key. */
function withinOf(bound: BoundName, label: string, labels: LabelSet): string | undefined {
  if (bound === 'step') return labels.workflow;
  return bound === 'label' ? label : undefined;
}

/** Samples that have equal labels become one. */
function mergeGauges(
  samples: Iterable<GaugeSample>,
  labelsOf: (metric: Metric, labels: LabelSet) => LabelSet,
): ReadonlyMap<Metric, readonly GaugeSeries[]> {
  const merged = new Map<Metric, Map<string, GaugeSeries>>();
  for (const { metric, labels: raw, value } of samples) {
    const labels = labelsOf(metric, raw);
    const series = merged.get(metric) ?? new Map<string, GaugeSeries>();
    merged.set(metric, series);
    const key = seriesKey(metric, labels);
    const before = series.get(key);
    if (before === undefined) series.set(key, { kind: 'gauge', labels, value });
    else before.value = metric.merge === 'sum' ? before.value + value : Math[metric.merge](before.value, value);
  }
  return new Map([...merged].map(([metric, series]) => [metric, [...series.values()]]));
}
