// Nanosecond times of records as text and as milliseconds. Pure; durations are in duration.ts.

import { parseDuration } from './duration.ts';

let lastSecond = '';
let lastSecondText = '';

/** RFC 3339 in UTC with nine digits, such as `2026-11-23T15:14:02.000000001Z`, which keeps every nanosecond. */
export function isoOfNs(ns: bigint): string {
  // Cuts text, because dividing a bigint costs a microsecond; most lines have the second of the line before.
  const digits = ns.toString().padStart(10, '0');
  const second = digits.slice(0, -9);
  if (second !== lastSecond) {
    lastSecondText = new Date(Number(second) * 1000).toISOString().slice(0, 19);
    lastSecond = second;
  }
  return `${lastSecondText}.${digits.slice(-9)}Z`;
}

/** Unix milliseconds, with what is below them cut off. */
export function msOfNs(ns: bigint): number {
  return Number(ns / 1_000_000n);
}

export function nsOfMs(ms: number): bigint {
  return BigInt(Math.round(ms)) * 1_000_000n;
}

/**
 * Reads a time as people write it: RFC 3339 with up to nine digits of a second, a date (midnight UTC), or an age such as
 * `15m`, `1h30m`, `1d` before `nowMs`. `undefined` if the text is none of these.
 */
export function nsOfText(text: string, nowMs: number): bigint | undefined {
  const age = parseDuration(text);
  if (age !== undefined) return nsOfMs(nowMs - age);
  const full = /^(\d{4}-\d{2}-\d{2})(?:T(\d{2}:\d{2}(?::\d{2})?)(?:\.(\d{1,9}))?(Z|[+-]\d{2}:\d{2})?)?$/.exec(text);
  if (full === null) return undefined;
  const [, date, time = '00:00:00', fraction = '', zone = 'Z'] = full;
  const ms = Date.parse(`${date}T${time.length === 5 ? `${time}:00` : time}${zone}`);
  return Number.isNaN(ms) ? undefined : nsOfMs(ms) + BigInt(fraction.padEnd(9, '0') || '0');
}

/** Nanoseconds that an event carries as digits. A journal that was damaged must not stop its readers: then 0. */
export function nsOfDigits(digits: string): bigint {
  return /^\d{1,20}$/.test(digits) ? BigInt(digits) : 0n;
}
