// The parts of OTLP/JSON that the intake looks at, and the walk over them. Pure. Format: opentelemetry-proto 1.x, JSON
// mapping (lowerCamelCase names, ids in hex, 64-bit integers as strings).
import type { TelemetrySignal } from '../../../core/claude-event.ts';
import { arrayAt, isObject, type JsonObject } from '../json.ts';

export type Attribute = { readonly key: string; readonly value: unknown };

/** Names of the three nested lists of a request, by signal. */
const levels = {
  traces: ['resourceSpans', 'scopeSpans', 'spans'],
  logs: ['resourceLogs', 'scopeLogs', 'logRecords'],
  metrics: ['resourceMetrics', 'scopeMetrics', 'metrics'],
} as const satisfies Record<TelemetrySignal, readonly [string, string, string]>;

/** Kinds of a metric, each an object with `dataPoints`. */
export const metricKinds = ['sum', 'gauge', 'histogram', 'exponentialHistogram', 'summary'] as const;

/** Whether a value has the outer form of a request of this signal. The list may be missing: that is an empty request. */
export function isRequest(value: unknown, signal: TelemetrySignal): value is JsonObject {
  if (!isObject(value)) return false;
  const list = value[levels[signal][0]];
  return list === undefined || Array.isArray(list);
}

/** What stands around an item: the JSON of its resource and of its scope. */
export type Around = { readonly resource: unknown; readonly scope: unknown };

/**
 * The request with each item (span, log record, metric) replaced by what `change` gives; undefined takes it out.
 * Elements of the lists that are no objects are taken out and counted.
 */
export function mapItems(
  request: JsonObject,
  signal: TelemetrySignal,
  change: (item: JsonObject, around: Around) => JsonObject | undefined,
): { readonly request: JsonObject; readonly malformed: number } {
  const [resources, scopes, items] = levels[signal];
  let malformed = 0;
  const each = (list: readonly unknown[], map: (element: JsonObject) => JsonObject | undefined): JsonObject[] =>
    list.flatMap((element) => {
      if (!isObject(element)) {
        malformed += 1;
        return [];
      }
      const mapped = map(element);
      return mapped === undefined ? [] : [mapped];
    });
  const mapped = each(arrayAt(request, resources), (resource) => ({
    ...resource,
    [scopes]: each(arrayAt(resource, scopes), (scope) => ({
      ...scope,
      [items]: each(arrayAt(scope, items), (item) => change(item, { resource: resource.resource, scope: scope.scope })),
    })),
  }));
  return { request: { ...request, [resources]: mapped }, malformed };
}

/** Spans, log records or data points in a request. */
export function countItems(request: JsonObject, signal: TelemetrySignal): number {
  let count = 0;
  mapItems(request, signal, (item) => {
    count += signal === 'metrics' ? pointsOf(item) : 1;
    return item;
  });
  return count;
}

function pointsOf(metric: JsonObject): number {
  return metricKinds.reduce((sum, kind) => {
    const data = metric[kind];
    return sum + (isObject(data) ? arrayAt(data, 'dataPoints').length : 0);
  }, 0);
}

/** The item with these attributes, which replace ones of the same key. */
export function withAttributes(item: JsonObject, attributes: readonly Attribute[]): JsonObject {
  const keys = new Set(attributes.map(({ key }) => key));
  const kept = arrayAt(item, 'attributes').filter((each) => !(isObject(each) && keys.has(String(each.key))));
  return { ...item, attributes: [...kept, ...attributes] };
}

export function textAttribute(key: string, value: string): Attribute {
  return { key, value: { stringValue: value } };
}

export function countAttribute(key: string, value: number): Attribute {
  return { key, value: { intValue: String(Math.round(value)) } };
}

export function numberAttribute(key: string, value: number): Attribute {
  return { key, value: { doubleValue: value } };
}

export function flagAttribute(key: string, value: boolean): Attribute {
  return { key, value: { boolValue: value } };
}
