// Ids of runs, traces and spans. Trace and span ids are derived from the run id, never drawn at random,
// so that every process that ships a journal, however often, sends the same record under the same id.
import { createHash, randomBytes } from 'node:crypto';

declare const brand: unique symbol;
/** `YYYYMMDD-HHMMSS-xxxxxx`: sorts by start time, is safe as a file name, and can be read out to somebody. */
export type RunId = string & { readonly [brand]: 'RunId' };

/** Crockford's base 32 without letters that are mistaken for one another when read aloud. */
const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';

const runIdPattern = /^\d{8}-\d{6}-[0-9a-hjkmnp-tv-z]{6}$/;

/**
 * A new run id for the given time (UTC). Of its last six characters two are the milliseconds, so that ids sort by start
 * also within a second; the 20 random bits of the other four are for two runs that start in the same one.
 */
export function newRunId(now: Date = new Date()): RunId {
  const stamp = now.toISOString().replace(/[-:]/g, '').replace('T', '-').slice(0, 15);
  const ms = now.getUTCMilliseconds();
  const digits = [Math.floor(ms / 32), ms % 32, ...randomBytes(4).map((byte) => byte % 32)];
  const id = `${stamp}-${digits.map((digit) => alphabet[digit]).join('')}`;
  if (!isRunId(id)) throw new Error(`${id} is not in the form of a run id`);
  return id;
}

/** Whether `text` has the form of a run id. The one gate between outside text and a path below the data folder. */
export function isRunId(text: string): text is RunId {
  return runIdPattern.test(text);
}

/** When a run started, in Unix ms. */
export function startedMsOf(runId: RunId): number {
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)-(\d\d)(\d\d)(\d\d)-/.exec(runId)?.map(Number) ?? [];
  return Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute, second);
}

/** The W3C trace id (32 lower-case hex digits) of a run. */
export function traceIdOf(runId: RunId): string {
  return digest(['trace', runId], 16);
}

/**
 * The W3C span id (16 lower-case hex digits) of one part of a run.
 * @param parts what the span stands for, as `('root')`, `('step', id)`, `('attempt', id, '2')`
 */
export function spanIdOf(runId: RunId, ...parts: readonly string[]): string {
  return digest(['span', runId, ...parts], 8);
}

/**
 * The span below which whatever an attempt does is hung: its children (by TRACEPARENT), Claude Code's spans, its log lines.
 * The first attempt uses the step's own span, because nobody knows yet whether there will be a second; each later one
 * has a span of its own. So a step that needed one attempt has no attempt span, and ids never depend on what comes later.
 * @param attempt from 1
 */
export function parentSpanId(runId: RunId, step: string, attempt: number): string {
  return attempt <= 1 ? spanIdOf(runId, 'step', step) : spanIdOf(runId, 'attempt', step, String(attempt));
}

/** A `traceparent` header value (W3C Trace Context level 1) with the sampled flag set. */
export function traceparentOf(traceId: string, spanId: string): string {
  return `00-${traceId}-${spanId}-01`;
}

function digest(parts: readonly string[], bytes: number): string {
  const hex = createHash('sha256').update(parts.join('\0')).digest('hex');
  const id = hex.slice(0, bytes * 2);
  // All zeros is the one value that the W3C recommendation forbids for both ids.
  return /^0+$/.test(id) ? `${'0'.repeat(bytes * 2 - 1)}1` : id;
}
