// The record types of the OpenTelemetry SDK as the official serializers take them, and times as they want them. Pure.
import type { JsonLogsSerializer, JsonMetricsSerializer, JsonTraceSerializer } from '@opentelemetry/otlp-transformer';
import type { PlainValue } from '../../../otlp/values.ts';
import type { Level } from '../../../text/stream.ts';

export type ReadableSpan = Parameters<typeof JsonTraceSerializer.serializeRequest>[0] extends infer Batch
  ? Batch extends readonly (infer Item)[]
    ? Item
    : never
  : never;
export type ReadableLogRecord = Parameters<typeof JsonLogsSerializer.serializeRequest>[0] extends infer Batch
  ? Batch extends readonly (infer Item)[]
    ? Item
    : never
  : never;
export type ReadableMetrics = Parameters<typeof JsonMetricsSerializer.serializeRequest>[0];
export type Resource = ReadableSpan['resource'];
export type Scope = ReadableSpan['instrumentationScope'];
/** A resource of these attributes. The serializers read those alone; the type asks for the SDK's class, which takes 0.3 s to load. */
export function resourceWith(attributes: Resource['attributes']): Resource {
  return { attributes } as unknown as Resource;
}

/** Attributes that Claude Code sent. The type is narrower than the serializers and the wire, which have nested values as well. */
export function sdkAttributes(values: Readonly<Record<string, PlainValue>>): Resource['attributes'] {
  return values as Resource['attributes'];
}

export type HrTime = [seconds: number, nanoseconds: number];

export function hrTimeOf(ns: bigint): HrTime {
  return [Number(ns / 1_000_000_000n), Number(ns % 1_000_000_000n)];
}

/** Severity numbers and short names of the OpenTelemetry logs data model. */
export const otlpSeverity = {
  debug: { number: 5, text: 'DEBUG' },
  info: { number: 9, text: 'INFO' },
  warning: { number: 13, text: 'WARN' },
  error: { number: 17, text: 'ERROR' },
  fatal: { number: 21, text: 'FATAL' },
} as const satisfies Readonly<Record<Level, { readonly number: number; readonly text: string }>>;
