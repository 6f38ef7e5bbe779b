// Claude Code's own spans and log records, journaled as OTLP/JSON requests, as records of the SDK again, so that they take
// the same way out as ours. Pure. Ids, kinds, times, attributes, status, events and links stay; the run's identity is added.
// Of the wire's two number types the SDK has one: a double without a fraction goes out as an integer.
import { createTraceState } from '@opentelemetry/api';
import { textWithoutBase64 } from './base64.ts';
import type { AttributeMap } from './names.ts';
import {
  type HrTime,
  hrTimeOf,
  nsOfHrTime,
  type ReadableLogRecord,
  type ReadableSpan,
  type Resource,
} from './otlp-types.ts';

type Json = Readonly<Record<string, unknown>>;

/** Bit 9 of the OTLP span flags: the context is known to come from another process. */
const remoteFlag = 0x200;

/**
 * @param request an `ExportTraceServiceRequest` as JSON; whatever does not fit is left out
 * @param identity attributes to add to each span that has not got them
 */
export function spansOfRequest(request: unknown, identity: AttributeMap): ReadableSpan[] {
  return list(field(request, 'resourceSpans')).flatMap((group) => {
    const resource = resourceOf(field(group, 'resource'));
    return list(field(group, 'scopeSpans')).flatMap((scoped) => {
      const scope = scopeOf(scoped);
      return list(field(scoped, 'spans')).flatMap((span) => spanOf(span, identity, resource, scope) ?? []);
    });
  });
}

/** @param request an `ExportLogsServiceRequest` as JSON */
export function logsOfRequest(request: unknown, identity: AttributeMap): ReadableLogRecord[] {
  return list(field(request, 'resourceLogs')).flatMap((group) => {
    const resource = resourceOf(field(group, 'resource'));
    return list(field(group, 'scopeLogs')).flatMap((scoped) => {
      const scope = scopeOf(scoped);
      return list(field(scoped, 'logRecords')).map((record) => logOf(record, identity, resource, scope));
    });
  });
}

function spanOf(
  span: unknown,
  identity: AttributeMap,
  resource: Resource,
  scope: ReadableSpan['instrumentationScope'],
): ReadableSpan | undefined {
  const traceId = hex(field(span, 'traceId'), 32);
  const spanId = hex(field(span, 'spanId'), 16);
  if (traceId === undefined || spanId === undefined) return undefined;
  const parentSpanId = hex(field(span, 'parentSpanId'), 16);
  const flags = Number(field(span, 'flags') ?? 1);
  const startTime = timeOf(field(span, 'startTimeUnixNano'));
  const endTime = timeOf(field(span, 'endTimeUnixNano'));
  const context = { traceId, spanId, traceFlags: flags & 0xff, ...traceStateOf(span) };
  const message = field(field(span, 'status'), 'message');
  return {
    name: String(field(span, 'name') ?? ''),
    // The wire counts kinds from 1 (0 is unspecified), the SDK from 0.
    kind: Math.max(enumOf(field(span, 'kind'), spanKinds) - 1, 0),
    spanContext: () => context,
    ...(parentSpanId === undefined
      ? {}
      : { parentSpanContext: { traceId, spanId: parentSpanId, traceFlags: 1, isRemote: (flags & remoteFlag) !== 0 } }),
    startTime,
    endTime,
    duration: hrTimeOf(nsOfHrTime(endTime) - nsOfHrTime(startTime)),
    status: {
      code: enumOf(field(field(span, 'status'), 'code'), statusCodes),
      ...(typeof message === 'string' && message !== '' ? { message } : {}),
    },
    attributes: { ...identity, ...attributesOf(field(span, 'attributes')) },
    events: list(field(span, 'events')).map((event) => ({
      name: String(field(event, 'name') ?? ''),
      time: timeOf(field(event, 'timeUnixNano')),
      attributes: attributesOf(field(event, 'attributes')),
      droppedAttributesCount: count(event, 'droppedAttributesCount'),
    })),
    links: list(field(span, 'links')).map((link) => ({
      context: {
        traceId: hex(field(link, 'traceId'), 32) ?? traceId,
        spanId: hex(field(link, 'spanId'), 16) ?? spanId,
        traceFlags: Number(field(link, 'flags') ?? 1) & 0xff,
        ...traceStateOf(link),
      },
      attributes: attributesOf(field(link, 'attributes')),
      droppedAttributesCount: count(link, 'droppedAttributesCount'),
    })),
    ended: true,
    resource,
    instrumentationScope: scope,
    droppedAttributesCount: count(span, 'droppedAttributesCount'),
    droppedEventsCount: count(span, 'droppedEventsCount'),
    droppedLinksCount: count(span, 'droppedLinksCount'),
  } as ReadableSpan;
}

function logOf(
  record: unknown,
  identity: AttributeMap,
  resource: Resource,
  scope: ReadableLogRecord['instrumentationScope'],
): ReadableLogRecord {
  const traceId = hex(field(record, 'traceId'), 32);
  const spanId = hex(field(record, 'spanId'), 16);
  const observed = field(record, 'observedTimeUnixNano');
  const time = field(record, 'timeUnixNano') ?? observed;
  const severityText = field(record, 'severityText');
  const eventName = field(record, 'eventName');
  return {
    hrTime: timeOf(time),
    hrTimeObserved: timeOf(observed ?? time),
    severityNumber: enumOf(field(record, 'severityNumber'), []),
    ...(typeof severityText === 'string' ? { severityText } : {}),
    ...(typeof eventName === 'string' ? { eventName } : {}),
    body: anyValue(field(record, 'body')),
    attributes: { ...identity, ...attributesOf(field(record, 'attributes')) },
    droppedAttributesCount: count(record, 'droppedAttributesCount'),
    ...(traceId === undefined || spanId === undefined
      ? {}
      : { spanContext: { traceId, spanId, traceFlags: Number(field(record, 'flags') ?? 1) & 0xff } }),
    resource,
    instrumentationScope: scope,
  } as ReadableLogRecord;
}

function resourceOf(resource: unknown): Resource {
  // The serializers read these two members only.
  return { attributes: attributesOf(field(resource, 'attributes')) } as unknown as Resource;
}

function scopeOf(scoped: unknown): ReadableSpan['instrumentationScope'] {
  const scope = field(scoped, 'scope');
  const schemaUrl = field(scoped, 'schemaUrl');
  const version = field(scope, 'version');
  return {
    name: String(field(scope, 'name') ?? ''),
    ...(typeof version === 'string' ? { version } : {}),
    ...(typeof schemaUrl === 'string' && schemaUrl !== '' ? { schemaUrl } : {}),
  };
}

/** Names as OTLP/JSON allows them beside numbers, by number. */
const spanKinds = [
  '',
  'SPAN_KIND_INTERNAL',
  'SPAN_KIND_SERVER',
  'SPAN_KIND_CLIENT',
  'SPAN_KIND_PRODUCER',
  'SPAN_KIND_CONSUMER',
];
const statusCodes = ['STATUS_CODE_UNSET', 'STATUS_CODE_OK', 'STATUS_CODE_ERROR'];

function enumOf(value: unknown, names: readonly string[]): number {
  if (typeof value === 'string' && !/^\d+$/.test(value)) return Math.max(names.indexOf(value), 0);
  return Number(value ?? 0) || 0;
}

function attributesOf(attributes: unknown): Record<string, never> {
  // The SDK types the values of attributes more narrowly than its serializers and the wire do.
  return Object.fromEntries(
    list(attributes).map((entry) => [String(field(entry, 'key')), anyValue(field(entry, 'value'))]),
  ) as Record<string, never>;
}

function anyValue(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  const json = value as Json;
  if ('stringValue' in json) return textWithoutBase64(String(json.stringValue));
  if ('boolValue' in json) return Boolean(json.boolValue);
  if ('intValue' in json) {
    const number = Number(json.intValue);
    return Number.isSafeInteger(number) ? number : String(json.intValue);
  }
  if ('doubleValue' in json) return Number(json.doubleValue);
  if ('bytesValue' in json) return Buffer.from(String(json.bytesValue), 'base64');
  if ('arrayValue' in json) return list(field(json.arrayValue, 'values')).map(anyValue);
  if ('kvlistValue' in json) return attributesOf(field(json.kvlistValue, 'values'));
  return undefined;
}

function traceStateOf(owner: unknown): { traceState?: ReturnType<typeof createTraceState> } {
  const text = field(owner, 'traceState');
  return typeof text === 'string' && text !== '' ? { traceState: createTraceState(text) } : {};
}

function timeOf(value: unknown): HrTime {
  return typeof value === 'string' && /^\d+$/.test(value)
    ? hrTimeOf(BigInt(value))
    : hrTimeOf(BigInt(Math.trunc(Number(value) || 0)));
}

function hex(value: unknown, digits: number): string | undefined {
  return typeof value === 'string' && value.length === digits && /^[0-9a-fA-F]+$/.test(value)
    ? value.toLowerCase()
    : undefined;
}

function count(owner: unknown, name: string): number {
  return Number(field(owner, name) ?? 0) || 0;
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Json)[name] : undefined;
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
