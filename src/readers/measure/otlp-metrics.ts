// The metrics of a run as the OTLP exporters take them, under the names that a scrape has: what the rules for Prometheus add to a
// name (a unit, `_total`) is in these names already, so a series is called the same whichever way it came. So is one of a
// convention, which has its name with dots here. Loaded by those who
// send, as `./otlp-metrics.ts`.
import { type HrTime, ValueType } from '@opentelemetry/api';
import {
  AggregationTemporality,
  DataPointType,
  type HistogramMetricData,
  type MetricData,
  type ScopeMetrics,
} from '@opentelemetry/sdk-metrics';
import { sentMetrics } from './catalogue.ts';
import { attributeOfLabel } from './catalogue-conventions.ts';
import type { Snapshot } from './measure.ts';
import type { HistogramMetric, LabelSet, Metric } from './metric.ts';
import type { HistogramSeries, Series } from './series.ts';

export type Between = {
  /** When the run began: its sums are from there. */
  readonly start: HrTime;
  readonly end: HrTime;
};

/** In UCUM, as the conventions ask for; the rules for Prometheus know these and add nothing for a count. */
const units = { '': '', seconds: 's', bytes: 'By', ratio: '1', usd: '{USD}' } as const satisfies Record<
  Metric['unit'],
  string
>;

export function scopeMetricsOf({ seriesOf }: Snapshot, between: Between, version: string): ScopeMetrics[] {
  const metrics = sentMetrics.flatMap((metric) => {
    const series = seriesOf(metric);
    return series.length === 0 ? [] : [dataOf(metric, series, between)];
  });
  return [{ scope: { name: 'stepspan', version }, metrics }];
}

function dataOf(metric: Metric, series: readonly Series[], between: Between): MetricData {
  const common = {
    descriptor: {
      name: metric.convention?.name ?? metric.name,
      description: metric.help,
      unit: metric.convention?.unit ?? units[metric.unit],
      valueType: ValueType.DOUBLE,
    },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
  };
  switch (metric.type) {
    case 'counter':
      return {
        ...common,
        dataPointType: DataPointType.SUM,
        isMonotonic: true,
        dataPoints: series.map((one) => point(one, one.kind === 'counter' && one.seen ? one.value : 0, between)),
      };
    case 'gauge':
      return {
        ...common,
        dataPointType: DataPointType.GAUGE,
        dataPoints: series.map((one) => point(one, one.kind === 'gauge' ? one.value : 0, between)),
      };
    case 'histogram':
      return {
        ...common,
        dataPointType: DataPointType.HISTOGRAM,
        dataPoints: series
          .filter((one) => one.kind === 'histogram')
          .map((one) => point(one, histogramOf(metric, one), between)),
      };
  }
}

function point<T>({ labels }: Series, value: T, { start, end }: Between) {
  return { startTime: start, endTime: end, attributes: attributesOf(labels), value };
}

function histogramOf(metric: HistogramMetric, series: HistogramSeries): HistogramMetricData['dataPoints'][0]['value'] {
  const counts = series.seen ? [...series.counts] : series.counts.map(() => 0);
  return {
    buckets: { boundaries: [...metric.buckets], counts },
    sum: series.seen ? series.sum : 0,
    count: counts.reduce((sum, count) => sum + count, 0),
  };
}

const attributeNames: ReadonlyMap<string, string> = new Map(Object.entries(attributeOfLabel));

/** Labels of a convention by the names that it has for them. */
function attributesOf(labels: LabelSet): LabelSet {
  return Object.fromEntries(
    Object.entries(labels).map(([label, value]) => [attributeNames.get(label) ?? label, value]),
  );
}
