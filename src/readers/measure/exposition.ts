// Writes metrics out through prom-client, in the format that the scraper asks for.
// One prom-client registry cannot serve both: with exemplars it refuses the text format, and once it has written
// OpenMetrics it has taken `_total` off the names of its counters for good (prom-client 15.1, lib/registry.js). So the
// values stay in our store, and each answer is written by a registry of its own, made for its format. Never the global.
import type { Metric as PromMetric, RegistryContentType } from 'prom-client';
import { withoutEmpty } from '../../core/labels.ts';
import type { Exemplar, HistogramMetric, Metric } from './metric.ts';
import type { HistogramSeries, Series } from './series.ts';

export type Format = 'openmetrics' | 'text';

export type Exposition = { readonly contentType: string; readonly text: string };

/** What prom-client asks a metric for, as its own classes answer (`MetricObjectWithValues` in its types). */
type Value = {
  readonly metricName?: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
  readonly exemplar?: { readonly labelSet: Record<string, string>; readonly value: number; readonly timestamp: number };
};

/** @param seriesOf what is to be shown of each metric; one without series shows its help and type only */
export async function writeMetrics(
  format: Format,
  served: readonly Metric[],
  seriesOf: (metric: Metric) => readonly Series[],
): Promise<Exposition> {
  // Loading it takes 25 ms, and most runs are never scraped.
  const { Registry } = await import('prom-client');
  const contentType: RegistryContentType =
    format === 'openmetrics' ? Registry.OPENMETRICS_CONTENT_TYPE : Registry.PROMETHEUS_CONTENT_TYPE;
  const registry = new Registry<RegistryContentType>();
  registry.setContentType(contentType);
  for (const metric of served) {
    // OpenMetrics names the family of a counter without `_total`; prom-client adds it to each sample.
    const name =
      format === 'openmetrics' && metric.type === 'counter' ? metric.name.slice(0, -'_total'.length) : metric.name;
    const values = seriesOf(metric).flatMap((series) => valuesOf(metric, name, series));
    const answer = { name, help: metric.help, type: metric.type, aggregator: 'sum', values };
    registry.registerMetric({ ...answer, get: async () => answer } as unknown as PromMetric);
  }
  return { contentType, text: await registry.metrics() };
}

function valuesOf(metric: Metric, name: string, given: Series): Value[] {
  const series = { ...given, labels: withoutEmpty(given.labels) };
  switch (series.kind) {
    case 'counter':
      return [{ labels: series.labels, value: series.seen ? series.value : 0 }];
    case 'gauge':
      return [{ labels: series.labels, value: series.value }];
    case 'histogram':
      return metric.type === 'histogram' ? histogramValues(metric, name, series) : [];
  }
}

function histogramValues(metric: HistogramMetric, name: string, series: HistogramSeries): Value[] {
  const { labels, seen } = series;
  let below = 0;
  const buckets = series.counts.map((count, index): Value => {
    below += seen ? count : 0;
    const exemplar = seen ? series.exemplars[index] : undefined;
    return {
      metricName: `${name}_bucket`,
      labels: { ...labels, le: metric.buckets[index] ?? '+Inf' },
      value: below,
      ...(exemplar === undefined ? {} : { exemplar: exemplarOf(exemplar) }),
    };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: seen ? series.sum : 0 },
    { metricName: `${name}_count`, labels, value: below },
  ];
}

function exemplarOf({ traceId, spanId, value, timeMs }: Exemplar): NonNullable<Value['exemplar']> {
  return { labelSet: { trace_id: traceId, span_id: spanId }, value, timestamp: timeMs / 1000 };
}

/**
 * The format to answer with, from the `Accept` header (RFC 9110 12.5.1): OpenMetrics where the client names it and does
 * not like plain text better. Prometheus names it first, with versions and, from 3.0 on, an escaping scheme.
 */
export function formatFor(accept: string | undefined): Format {
  let openMetrics = 0;
  let text = 0;
  for (const range of (accept ?? '').split(',')) {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    const weight = parameters.find((parameter) => parameter.startsWith('q='));
    const quality = weight === undefined ? 1 : Number(weight.slice(2));
    if (!(quality > 0)) continue;
    if (type === 'application/openmetrics-text') openMetrics = Math.max(openMetrics, quality);
    if (type === 'text/plain') text = Math.max(text, quality);
  }
  return openMetrics > 0 && openMetrics >= text ? 'openmetrics' : 'text';
}
