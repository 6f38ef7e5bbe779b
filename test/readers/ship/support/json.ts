// Reads OTLP/JSON for tests, apart from everything that writes it, into what protobuf.ts reads from protobuf.
import { type DecodedLog, decodeLogs, messages, type Value } from './protobuf.ts';

type Json = { readonly [key: string]: unknown };
type Attributes = readonly { readonly key: string; readonly value?: Json }[];

/** Every log record of a request, in the encoding that it came in: JSON begins with a brace. */
export function logsIn(body: Buffer): DecodedLog[] {
  return isJson(body) ? decodeJsonLogs(body) : decodeLogs(body);
}

/** A span as it came: `form` is all of it, to compare copies. */
type ArrivedSpan = { readonly id: string; readonly name: string; readonly form: string };

/** Every span of a request, in the encoding that it came in. */
export function spansIn(body: Buffer): ArrivedSpan[] {
  if (!isJson(body)) {
    return messages(body, 1)
      .flatMap((group) => messages(group, 2).flatMap((scoped) => messages(scoped, 2)))
      .map((span) => ({
        id: messages(span, 2)[0]?.toString('hex') ?? '',
        name: messages(span, 5)[0]?.toString() ?? '',
        form: span.toString('latin1'),
      }));
  }
  return list(JSON.parse(body.toString()), 'resourceSpans')
    .flatMap((group) => list(group, 'scopeSpans').flatMap((scoped) => list(scoped, 'spans')))
    .map((span) => ({ id: text(span.spanId), name: text(span.name), form: JSON.stringify(span) }));
}

function isJson(body: Buffer): boolean {
  return body[0] === '{'.charCodeAt(0);
}

function decodeJsonLogs(request: Buffer): DecodedLog[] {
  return list(JSON.parse(request.toString()), 'resourceLogs').flatMap((group) => {
    const resource = attributesOf((group.resource as Json)?.attributes as Attributes);
    return list(group, 'scopeLogs').flatMap((scoped) =>
      list(scoped, 'logRecords').map((record) => logOf(record, resource, text((scoped.scope as Json)?.name))),
    );
  });
}

function logOf(record: Json, resource: DecodedLog['resource'], scope: string): DecodedLog {
  return {
    resource,
    scope,
    timeNs: BigInt(text(record.timeUnixNano) || 0),
    observedNs: BigInt(text(record.observedTimeUnixNano) || 0),
    severityNumber: Number(record.severityNumber ?? 0),
    severityText: text(record.severityText),
    body: anyValueOf(record.body as Json),
    attributes: attributesOf(record.attributes as Attributes),
    flags: Number(record.flags ?? 0),
    traceId: text(record.traceId),
    spanId: text(record.spanId),
  };
}

function attributesOf(attributes: Attributes = []): Record<string, Value> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, anyValueOf(value)]));
}

function anyValueOf(any: Json = {}): Value {
  if ('stringValue' in any) return text(any.stringValue);
  if ('boolValue' in any) return any.boolValue === true;
  if ('intValue' in any) return BigInt(text(any.intValue));
  if ('doubleValue' in any) return Number(any.doubleValue);
  if ('arrayValue' in any) return list(any.arrayValue as Json, 'values').map(anyValueOf);
  return undefined;
}

function list(message: Json, key: string): readonly Json[] {
  return (message[key] ?? []) as readonly Json[];
}

function text(value: unknown): string {
  return String(value ?? '');
}
