// What a client says, from text to a checked message. Strict: a field that is misspelt is an error and not a default.
// Pure. Every message names the field, what is wrong with it and what to write.

import { parseSearch, type Search } from '../../runs/select-records.ts';
import { type Severity, type Stream, severities, streams } from '../../text/stream.ts';
import { type ClientMessage, clientMessageTypes, type ErrorCode, type Filters, limits } from './protocol.ts';

export type Decoded =
  | { readonly ok: true; readonly message: ClientMessage }
  | {
      readonly ok: false;
      readonly code: ErrorCode;
      readonly message: string;
      /** As far as they could be read, so that the client knows which of its messages is meant. */
      readonly id: string | null;
      readonly executionId: string | null;
    };

/** Thrown and caught in this file only: one way out of nested checks. */
class Refusal extends Error {
  readonly code: ErrorCode;
  constructor(message: string, code: ErrorCode = 'bad_message') {
    super(message);
    this.code = code;
  }
}

type Fields = Readonly<Record<string, unknown>>;

/** @param text of one frame; its size was bounded by the socket */
export function decodeClientMessage(text: string): Decoded {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return refused(new Refusal('This is no JSON. Send one JSON object in a text frame.', 'bad_json'), undefined);
  }
  try {
    return { ok: true, message: messageOf(value) };
  } catch (error) {
    if (error instanceof Refusal) return refused(error, value);
    throw error;
  }
}

function refused(refusal: Refusal, value: unknown): Decoded {
  const fields = isObject(value) ? value : {};
  const named = (key: string): string | null => {
    const found = Object.hasOwn(fields, key) ? fields[key] : undefined;
    return typeof found === 'string' && found.length <= limits.maxNameLength ? found : null;
  };
  const { code, message } = refusal;
  return { ok: false, code, message, id: named('id'), executionId: named('executionId') };
}

function messageOf(value: unknown): ClientMessage {
  if (!isObject(value)) throw new Refusal('A message is a JSON object with a "type".');
  const type = Object.hasOwn(value, 'type') ? value.type : undefined;
  switch (type) {
    case 'subscribe_execution': {
      only(value, ['type', 'id', 'executionId', 'fromSeq', 'filters']);
      const filters = has(value, 'filters') ? filtersOf(value.filters) : undefined;
      return {
        type,
        executionId: name(value, 'executionId'),
        ...(has(value, 'id') && { id: name(value, 'id') }),
        ...(has(value, 'fromSeq') && { fromSeq: place(value.fromSeq) }),
        ...(filters !== undefined && { filters }),
      };
    }
    case 'unsubscribe_execution':
    case 'jump_to_now':
      only(value, ['type', 'executionId']);
      return { type, executionId: name(value, 'executionId') };
    case 'ping':
      only(value, ['type', 'nonce']);
      return has(value, 'nonce') ? { type, nonce: name(value, 'nonce') } : { type };
    default:
      throw new Refusal(
        `"type" is ${shown(type)}; it must be one of ${clientMessageTypes.join(', ')}.`,
        typeof type === 'string' ? 'unknown_type' : 'bad_message',
      );
  }
}

function filtersOf(value: unknown): Filters {
  if (!isObject(value)) throw new Refusal(`"filters" is ${shown(value)}; it must be an object.`);
  only(value, ['streams', 'steps', 'severities', 'search', 'events'], 'filters.');
  return {
    ...(has(value, 'streams') && { streams: words<Stream>(value.streams, 'filters.streams', streams) }),
    ...(has(value, 'steps') && { steps: steps(value.steps) }),
    ...(has(value, 'severities') && {
      severities: words<Severity>(value.severities, 'filters.severities', severities),
    }),
    ...(has(value, 'search') && { search: search(value.search) }),
    ...(has(value, 'events') && { events: flag(value.events) }),
  };
}

function only(fields: Fields, known: readonly string[], where = ''): void {
  const unknown = Object.keys(fields).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  throw new Refusal(`"${where}${cut(unknown)}" is no field of this message; it has ${known.join(', ')}.`);
}

/** A field that is there with null is one that was left out: many languages cannot say the difference. */
function has(fields: Fields, key: string): boolean {
  return Object.hasOwn(fields, key) && fields[key] !== null;
}

function name(fields: Fields, key: string): string {
  const value = Object.hasOwn(fields, key) ? fields[key] : undefined;
  if (typeof value === 'string' && value !== '' && value.length <= limits.maxNameLength) return value;
  throw new Refusal(`"${key}" is ${shown(value)}; it must be a text of 1 to ${limits.maxNameLength} characters.`);
}

function place(value: unknown): number | 'end' {
  if (value === 'end' || (Number.isSafeInteger(value) && (value as number) >= 0)) return value as number | 'end';
  throw new Refusal(`"fromSeq" is ${shown(value)}; it must be a whole number from 0 on, or "end".`);
}

function words<T extends string>(value: unknown, field: string, known: readonly T[]): readonly T[] {
  const fits = Array.isArray(value) && value.length <= known.length && value.every((word) => known.includes(word));
  if (fits) return value;
  throw new Refusal(`"${field}" is ${shown(value)}; it must be a list of ${known.join(', ')}.`);
}

function steps(value: unknown): readonly string[] {
  const isStep = (step: unknown): boolean => typeof step === 'string' && step.length <= limits.maxNameLength;
  if (Array.isArray(value) && value.length <= limits.maxFilterSteps && value.every(isStep)) return value;
  const bound = `at most ${limits.maxFilterSteps} step ids of at most ${limits.maxNameLength} characters`;
  throw new Refusal(`"filters.steps" is ${shown(value)}; it must be a list of ${bound}.`);
}

function search(value: unknown): string {
  if (typeof value !== 'string' || value.length > limits.maxSearchLength)
    throw new Refusal(
      `"filters.search" is ${shown(value)}; it must be a text of at most ${limits.maxSearchLength} characters.`,
    );
  const parsed = parseSearch(value);
  if (!parsed.ok) throw new Refusal(`"filters.search" is no regular expression: ${cut(parsed.message)}.`);
  return value;
}

/** What a checked `search` looks for; nothing where it is empty. */
export function searchOf(text: string | undefined): Search | undefined {
  if (text === undefined || text === '') return undefined;
  const parsed = parseSearch(text);
  return parsed.ok ? parsed.search : undefined;
}

function flag(value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  throw new Refusal(`"filters.events" is ${shown(value)}; it must be true or false.`);
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What was given, short enough for a message, however large it was. */
function shown(value: unknown): string {
  if (value === undefined) return 'missing';
  if (Array.isArray(value)) return value.length > 8 ? `a list of ${value.length}` : cut(JSON.stringify(value));
  return isObject(value) ? 'an object' : cut(JSON.stringify(value));
}

function cut(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
