// Claude Code's own metrics, journaled as cumulative sums of each attempt, as increments of the counters that show them.
// Format: ExportMetricsServiceRequest of opentelemetry-proto 1.x in its JSON mapping. Whatever does not fit is passed over.
import type { EventRecord } from '../../core/record.ts';
import { metrics } from './catalogue.ts';
import { claudeMetrics } from './catalogue-claude.ts';
import { add, type Change, type CounterMetric } from './metric.ts';
import { maxTelemetrySeries, type PartFold, type RunMemory } from './run-memory.ts';

type Json = Readonly<Record<string, unknown>>;
type Point = { readonly name: string; readonly attributes: Json; readonly value: number };

const shown = new Map<string, CounterMetric>(
  Object.values(claudeMetrics).flatMap((metric: CounterMetric) =>
    metric.otel === undefined ? [] : [[metric.otel, metric] as const],
  ),
);

/** @param request the `request` of a `claude.telemetry` event of signal `metrics` */
export function foldTelemetry(
  memory: RunMemory,
  workflow: string,
  { subject }: EventRecord,
  request: unknown,
): PartFold {
  const telemetry = new Map(memory.telemetry);
  const changes: Change[] = [];
  for (const { name, attributes, value } of pointsOf(request)) {
    const metric = shown.get(name);
    if (metric === undefined) {
      changes.push(add(metrics.unknownTelemetry, {}));
      continue;
    }
    // All attributes count for what a series is, also those that are not shown: two sessions of one attempt add up.
    const key = JSON.stringify([subject?.step, subject?.attempt, name, Object.entries(attributes).sort(byKey)]);
    const before = telemetry.get(key);
    if (before === undefined && telemetry.size >= maxTelemetrySeries) continue;
    telemetry.set(key, value);
    // A sum that went down has started anew, as Prometheus sees it too.
    const increase = before === undefined || value < before ? value : value - before;
    const labels = Object.fromEntries(Object.keys(metric.labels).map((label) => [label, textOf(attributes[label])]));
    changes.push(add(metric, { ...labels, workflow }, increase));
  }
  return { memory: { telemetry }, changes };
}

function pointsOf(request: unknown): Point[] {
  return list(request, 'resourceMetrics').flatMap((resource) =>
    list(resource, 'scopeMetrics').flatMap((scope) =>
      list(scope, 'metrics').flatMap((metric) => {
        const name = field(metric, 'name');
        if (typeof name !== 'string') return [];
        return list(field(metric, 'sum'), 'dataPoints').flatMap((point) => {
          const value = Number(field(point, 'asDouble') ?? field(point, 'asInt'));
          return Number.isFinite(value) && value >= 0 ? [{ name, attributes: attributesOf(point), value }] : [];
        });
      }),
    ),
  );
}

function attributesOf(point: unknown): Json {
  return Object.fromEntries(
    list(point, 'attributes').map((attribute) => {
      const value = field(attribute, 'value');
      const plain = ['stringValue', 'intValue', 'doubleValue', 'boolValue']
        .map((kind) => field(value, kind))
        .find((each) => each !== undefined);
      return [String(field(attribute, 'key')), plain];
    }),
  );
}

function textOf(value: unknown): string {
  return value === undefined ? '' : String(value);
}

function byKey([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Json)[name] : undefined;
}

function list(value: unknown, name: string): readonly unknown[] {
  const found = field(value, name);
  return Array.isArray(found) ? found : [];
}
