// Claude Code's own metrics, journaled as cumulative sums of each attempt, as increments of the counters that show them.
// Points that do not fit the format are left out.

import type { EventOf } from '../../core/event.ts';
import { type JsonObject, objectAt, objectsAt, textAt } from '../../core/json.ts';
import type { EventRecord } from '../../core/record.ts';
import { itemsIn } from '../../otlp/request.ts';
import { attributesOf } from '../../otlp/values.ts';
import { metrics } from './catalogue.ts';
import { claudeMetrics } from './catalogue-claude.ts';
import { add, type Change, type CounterMetric } from './metric.ts';
import { maxTelemetrySeries, type PartFold, type RunMemory } from './run-memory.ts';

type Point = { readonly name: string; readonly attributes: JsonObject; readonly value: number };

const shown = new Map<string, CounterMetric>(
  Object.values(claudeMetrics).flatMap((metric: CounterMetric) =>
    metric.otel === undefined ? [] : [[metric.otel, metric] as const],
  ),
);

/** @param event of signal `metrics` */
export function foldTelemetry(
  memory: RunMemory,
  workflow: string,
  { subject }: EventRecord,
  { request, dropped = 0 }: Pick<EventOf<'claude.telemetry'>, 'request' | 'dropped'>,
): PartFold {
  const telemetry = new Map(memory.telemetry);
  const { points, unshown } = pointsOf(request);
  const lost = unshown + dropped;
  const changes: Change[] = lost > 0 ? [add(metrics.unknownTelemetry, {}, lost)] : [];
  for (const { name, attributes, value } of points) {
    const metric = shown.get(name);
    if (metric === undefined) {
      changes.push(add(metrics.unknownTelemetry, {}));
      continue;
    }
    // All attributes count for what a series is, also those that are not shown: two sessions of one attempt add up.
    const key = JSON.stringify([subject?.step, subject?.attempt, name, Object.entries(attributes).sort(byKey)]);
    const before = telemetry.get(key);
    if (before === undefined && telemetry.size >= maxTelemetrySeries) {
      changes.push(add(metrics.unknownTelemetry, {}));
      continue;
    }
    telemetry.set(key, value);
    // A sum that went down has started anew, as Prometheus sees it too.
    const increase = before === undefined || value < before ? value : value - before;
    const labels = Object.fromEntries(Object.keys(metric.labels).map((label) => [label, textOf(attributes[label])]));
    changes.push(add(metric, { ...labels, workflow }, increase));
  }
  return { memory: { telemetry }, changes };
}

/** Sums are shown as counters. `unshown` counts the points of every other kind, and sums that are not a number from 0. */
function pointsOf(request: unknown): { readonly points: readonly Point[]; readonly unshown: number } {
  const points: Point[] = [];
  let unshown = 0;
  for (const metric of itemsIn(request, 'metrics')) {
    const name = textAt(metric, 'name');
    for (const kind of ['gauge', 'histogram', 'exponentialHistogram', 'summary'])
      unshown += objectsAt(objectAt(metric, kind), 'dataPoints').length;
    for (const point of objectsAt(objectAt(metric, 'sum'), 'dataPoints')) {
      const value = Number(point.asDouble ?? point.asInt);
      if (name !== undefined && value >= 0 && Number.isFinite(value))
        points.push({ name, attributes: attributesOf(point), value });
      else unshown += 1;
    }
  }
  return { points, unshown };
}

function textOf(value: unknown): string {
  return value === undefined ? '' : String(value);
}

function byKey([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}
