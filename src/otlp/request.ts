// OTLP/JSON export requests: the one walk over their nested lists. Format: opentelemetry-proto 1.x in its JSON mapping
// (lowerCamelCase names, ids in hex, 64-bit integers as strings). Pure. Called by the intake, which changes requests before
// they are recorded, and by every reader of what Claude Code sent. What does not fit the format is left out.
import type { TelemetrySignal } from '../core/claude-event.ts';
import { arrayAt, isObject, type JsonObject, objectAt, objectsAt, textAt } from '../core/json.ts';

/** Names of the three nested lists of a request, by signal. */
const levels = {
  traces: ['resourceSpans', 'scopeSpans', 'spans'],
  logs: ['resourceLogs', 'scopeLogs', 'logRecords'],
  metrics: ['resourceMetrics', 'scopeMetrics', 'metrics'],
} as const satisfies Record<TelemetrySignal, readonly [string, string, string]>;

/** Kinds of a metric, each an object with `dataPoints`. */
const metricKinds = ['sum', 'gauge', 'histogram', 'exponentialHistogram', 'summary'] as const;

/** Whether a value has the outer form of a request of this signal. The list may be missing: that is an empty request. */
export function isRequest(value: unknown, signal: TelemetrySignal): value is JsonObject {
  if (!isObject(value)) return false;
  const list = value[levels[signal][0]];
  return list === undefined || Array.isArray(list);
}

/** The items of one scope. Scopes of one resource have the same `resource` object. */
export type ScopeItems = {
  readonly resource: JsonObject;
  readonly scope: JsonObject;
  readonly schemaUrl: string;
  /** Spans, log records or metrics. */
  readonly items: readonly JsonObject[];
};

export function* scopesIn(request: unknown, signal: TelemetrySignal): Generator<ScopeItems> {
  const [resources, scopes, items] = levels[signal];
  for (const group of isObject(request) ? objectsAt(request, resources) : []) {
    const resource = objectAt(group, 'resource');
    for (const scoped of objectsAt(group, scopes)) {
      const schemaUrl = textAt(scoped, 'schemaUrl') ?? '';
      yield { resource, scope: objectAt(scoped, 'scope'), schemaUrl, items: objectsAt(scoped, items) };
    }
  }
}

/** Spans, log records or metrics, wherever they are in the request. */
export function* itemsIn(request: unknown, signal: TelemetrySignal): Generator<JsonObject> {
  for (const { items } of scopesIn(request, signal)) yield* items;
}

/** Spans, log records or data points in a request. */
export function countItems(request: JsonObject, signal: TelemetrySignal): number {
  let count = 0;
  for (const item of itemsIn(request, signal)) count += signal === 'metrics' ? countPoints(item) : 1;
  return count;
}

function countPoints(metric: JsonObject): number {
  return metricKinds.reduce((sum, kind) => sum + arrayAt(objectAt(metric, kind), 'dataPoints').length, 0);
}

/** The parts of a request around an item: the JSON of its resource and of its scope. */
export type Around = { readonly resource: unknown; readonly scope: unknown };

/**
 * The request with each item replaced by what `change` returns; undefined takes it out.
 * Elements of the lists that are not objects are taken out and counted.
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
