// Claude Code's own spans and log records, journaled as OTLP/JSON requests, as records of the SDK again, so that they take
// the same way out as ours. Pure. Ids, times, attributes, status, events and links stay; the run's identity is added, and on
// spans what the GenAI conventions have for them, with their name and kind.
// Of the wire's two number types the SDK has one: a double without a fraction goes out as an integer.
import { createTraceState, SpanKind } from '@opentelemetry/api';
import type { TelemetrySignal } from '../../../core/claude-event.ts';
import { countAt, type JsonObject, objectAt, objectsAt, textAt } from '../../../core/json.ts';
import { genAiSpan } from '../../../otlp/gen-ai.ts';
import { type AttributeMap, attr } from '../../../otlp/names.ts';
import { scopesIn } from '../../../otlp/request.ts';
import { attributesOf, enumNumber, idAt, nanosAt, plainValue } from '../../../otlp/values.ts';
import { bytesMarker, textWithoutBase64 } from './base64.ts';
import {
  hrTimeOf,
  type ReadableLogRecord,
  type ReadableSpan,
  type Resource,
  resourceWith,
  type Scope,
  sdkAttributes,
} from './otlp-types.ts';

/** Bit 9 of the OTLP span flags: the context is known to come from another process. */
const remoteFlag = 0x200;

/** Pictures and documents, which a tool result can have inside; see base64.ts. */
const shorten = { text: textWithoutBase64, bytes: bytesMarker };

/** What is known of the run that a span belongs to. */
export type SpanSurroundings = {
  /** Attributes to add to each span that has not got them. */
  readonly identity: AttributeMap;
  /** The name of the subagent that a tool call started, by the id of the call. */
  readonly subagentOf?: (toolUseId: string) => string | undefined;
};

/** @param request an `ExportTraceServiceRequest` as JSON */
export function spansOfRequest(request: unknown, surroundings: SpanSurroundings): ReadableSpan[] {
  return mapScopes(request, 'traces', (span, origin) => spanOf(span, surroundings, origin));
}

/** @param request an `ExportLogsServiceRequest` as JSON */
export function logsOfRequest(request: unknown, identity: AttributeMap): ReadableLogRecord[] {
  return mapScopes(request, 'logs', (record, origin) => logOf(record, identity, origin));
}

type ItemOrigin = { readonly resource: Resource; readonly scope: Scope };

/** The serializers make one group for each resource object, so a resource of the request becomes one such object. */
function mapScopes<T>(
  request: unknown,
  signal: TelemetrySignal,
  map: (item: JsonObject, origin: ItemOrigin) => T | undefined,
): T[] {
  const resources = new Map<JsonObject, Resource>();
  return [...scopesIn(request, signal)].flatMap(({ resource, scope, schemaUrl, items }) => {
    const known = resources.get(resource) ?? resourceOf(resource);
    resources.set(resource, known);
    const origin = { resource: known, scope: scopeOf(scope, schemaUrl) };
    return items.flatMap((item) => map(item, origin) ?? []);
  });
}

function spanOf(
  span: JsonObject,
  { identity, subagentOf }: SpanSurroundings,
  { resource, scope }: ItemOrigin,
): ReadableSpan | undefined {
  const traceId = idAt(span, 'traceId');
  const spanId = idAt(span, 'spanId');
  if (traceId === undefined || spanId === undefined) return undefined;
  const parentSpanId = idAt(span, 'parentSpanId');
  const flags = Number(span.flags ?? 1);
  const startNs = nanosAt(span, 'startTimeUnixNano');
  const endNs = nanosAt(span, 'endTimeUnixNano');
  const context = { traceId, spanId, traceFlags: flags & 0xff, ...traceStateOf(span) };
  const { code, message } = objectAt(span, 'status');
  const sentName = textAt(span, 'name') ?? '';
  const sent = attributesOf(span, shorten);
  const genAi = genAiSpan(sentName, sent, subagentOf);
  return {
    name: genAi?.name ?? sentName,
    // The wire counts kinds from 1 (0 is unspecified), the SDK from 0.
    kind: genAi?.kind === 'client' ? SpanKind.CLIENT : Math.max(enumNumber(span.kind, 'spanKind') - 1, 0),
    spanContext: () => context,
    ...(parentSpanId === undefined
      ? {}
      : { parentSpanContext: { traceId, spanId: parentSpanId, traceFlags: 1, isRemote: (flags & remoteFlag) !== 0 } }),
    startTime: hrTimeOf(startNs),
    endTime: hrTimeOf(endNs),
    duration: hrTimeOf(endNs - startNs),
    status: {
      code: enumNumber(code, 'statusCode'),
      ...(typeof message === 'string' && message !== '' ? { message: textWithoutBase64(message) } : {}),
    },
    attributes: {
      ...identity,
      ...sdkAttributes({ ...sent, ...genAi?.attributes }),
      ...(genAi === undefined ? {} : { [attr.claudeSpanName]: sentName }),
    },
    events: objectsAt(span, 'events').map((event) => ({
      name: textAt(event, 'name') ?? '',
      time: hrTimeOf(nanosAt(event, 'timeUnixNano')),
      attributes: attributesIn(event),
      droppedAttributesCount: countAt(event, 'droppedAttributesCount'),
    })),
    links: objectsAt(span, 'links').map((link) => ({
      context: {
        traceId: idAt(link, 'traceId') ?? traceId,
        spanId: idAt(link, 'spanId') ?? spanId,
        traceFlags: Number(link.flags ?? 1) & 0xff,
        ...traceStateOf(link),
      },
      attributes: attributesIn(link),
      droppedAttributesCount: countAt(link, 'droppedAttributesCount'),
    })),
    ended: true,
    resource,
    instrumentationScope: scope,
    droppedAttributesCount: countAt(span, 'droppedAttributesCount'),
    droppedEventsCount: countAt(span, 'droppedEventsCount'),
    droppedLinksCount: countAt(span, 'droppedLinksCount'),
  };
}

function logOf(record: JsonObject, identity: AttributeMap, { resource, scope }: ItemOrigin): ReadableLogRecord {
  const traceId = idAt(record, 'traceId');
  const spanId = idAt(record, 'spanId');
  const observedNs = nanosAt(record, 'observedTimeUnixNano');
  const timeNs = nanosAt(record, 'timeUnixNano');
  const severityText = textAt(record, 'severityText');
  const eventName = textAt(record, 'eventName');
  return {
    hrTime: hrTimeOf(timeNs || observedNs),
    hrTimeObserved: hrTimeOf(observedNs || timeNs),
    severityNumber: Number(record.severityNumber) || 0,
    ...(severityText === undefined ? {} : { severityText }),
    ...(eventName === undefined ? {} : { eventName }),
    body: plainValue(record.body, shorten),
    attributes: { ...identity, ...attributesOf(record, shorten) },
    droppedAttributesCount: countAt(record, 'droppedAttributesCount'),
    ...(traceId === undefined || spanId === undefined
      ? {}
      : { spanContext: { traceId, spanId, traceFlags: Number(record.flags ?? 1) & 0xff } }),
    resource,
    instrumentationScope: scope,
  };
}

function resourceOf(resource: JsonObject): Resource {
  return resourceWith(attributesIn(resource));
}

function scopeOf(scope: JsonObject, schemaUrl: string): Scope {
  const version = textAt(scope, 'version');
  return {
    name: textAt(scope, 'name') ?? '',
    ...(version === undefined ? {} : { version }),
    ...(schemaUrl === '' ? {} : { schemaUrl }),
  };
}

function attributesIn(owner: JsonObject): Resource['attributes'] {
  return sdkAttributes(attributesOf(owner, shorten));
}

function traceStateOf(owner: JsonObject): { traceState?: ReturnType<typeof createTraceState> } {
  const text = textAt(owner, 'traceState') ?? '';
  return text === '' ? {} : { traceState: createTraceState(text) };
}
