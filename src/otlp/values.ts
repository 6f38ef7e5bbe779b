// The values inside OTLP/JSON items: attributes, ids, times and enumerations, read and written. Pure. Every reading
// function has an answer for a value of the wrong type, as requests come from another program.
import { arrayAt, isObject, type JsonObject, objectAt, objectsAt } from '../core/json.ts';

export type Attribute = { readonly key: string; readonly value: unknown };

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

/** An `AnyValue` as JavaScript has it. */
export type PlainValue = string | number | boolean | Buffer | undefined | PlainValue[] | { [key: string]: PlainValue };

/** Shortens texts and bytes as they are read. Both are read as they are without it. */
export type Shorten = { readonly text: (text: string) => string; readonly bytes: (bytes: Buffer) => Buffer | string };

/** The attributes of a resource, span, event, log record or data point as plain values. */
export function attributesOf(owner: JsonObject, shorten?: Shorten): Record<string, PlainValue> {
  return plainValues(objectsAt(owner, 'attributes'), shorten);
}

function plainValues(pairs: readonly JsonObject[], shorten?: Shorten): Record<string, PlainValue> {
  return Object.fromEntries(pairs.map(({ key, value }) => [String(key), plainValue(value, shorten)]));
}

/** An `AnyValue` as a plain value; an integer that JavaScript cannot hold exactly stays a text. */
export function plainValue(value: unknown, shorten?: Shorten): PlainValue {
  if (!isObject(value)) return undefined;
  if ('stringValue' in value) return shorten?.text(String(value.stringValue)) ?? String(value.stringValue);
  if ('boolValue' in value) return Boolean(value.boolValue);
  if ('intValue' in value) {
    const number = Number(value.intValue);
    return Number.isSafeInteger(number) ? number : String(value.intValue);
  }
  if ('doubleValue' in value) return Number(value.doubleValue);
  if ('bytesValue' in value) {
    const bytes = Buffer.from(String(value.bytesValue), 'base64');
    return shorten?.bytes(bytes) ?? bytes;
  }
  if ('arrayValue' in value) {
    return arrayAt(objectAt(value, 'arrayValue'), 'values').map((each) => plainValue(each, shorten));
  }
  if ('kvlistValue' in value) return plainValues(objectsAt(objectAt(value, 'kvlistValue'), 'values'), shorten);
  return undefined;
}

/** An id in lower case; undefined for one that is missing, of the wrong form, or all zeros, which OTLP takes for missing. */
export function idAt(item: JsonObject, key: string): string | undefined {
  const id = item[key];
  const digits = key === 'traceId' ? 32 : 16;
  return typeof id === 'string' && id.length === digits && /^[0-9a-f]+$/i.test(id) && !/^0+$/.test(id)
    ? id.toLowerCase()
    : undefined;
}

/** A time in Unix nanoseconds; 0 for one that is missing or of the wrong form. A number has lost its last digits already. */
export function nanosAt(item: JsonObject, key: string): bigint {
  const value = item[key];
  if (typeof value === 'number' && value >= 0 && Number.isFinite(value)) return BigInt(Math.trunc(value));
  return typeof value === 'string' && /^\d{1,20}$/.test(value) ? BigInt(value) : 0n;
}

const enumerations = {
  spanKind: ['UNSPECIFIED', 'INTERNAL', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER'].map((name) => `SPAN_KIND_${name}`),
  statusCode: ['UNSET', 'OK', 'ERROR'].map((name) => `STATUS_CODE_${name}`),
  temporality: ['UNSPECIFIED', 'DELTA', 'CUMULATIVE'].map((name) => `AGGREGATION_TEMPORALITY_${name}`),
} as const;

/** `STATUS_CODE_ERROR`. */
export const statusError = 2;
/** Of a sum or histogram: a point is added to the ones before. */
export const temporalityDelta = 1;
/** Of a sum or histogram: a point replaces the one before. */
export const temporalityCumulative = 2;

/** The number of an enumeration value, which some senders write by its name; 0 for an unknown one. */
export function enumNumber(value: unknown, of: keyof typeof enumerations): number {
  if (typeof value === 'string' && !/^\d+$/.test(value)) return Math.max(enumerations[of].indexOf(value), 0);
  return Number(value ?? 0) || 0;
}
