// When a rate or usage limit of the account ends, as Claude Code says it: in `rate_limit_event`, in the error of an assistant
// message, or in the text of the result. Pure; whether it is waited for is the engine's.

import { isObject, type JsonObject, numberAt, objectAt, textAt } from '../../core/json.ts';
import { classifyApiError } from './api-error.ts';
import type { ClaudeResult } from './result.ts';

export type RateLimit = {
  /** Unix milliseconds, by the wall clock. */
  readonly untilMs: number;
  /** Such as `usage limit (five_hour)`. */
  readonly what: string;
};

export type RateLimitReader = {
  /** Takes each message of the stream. */
  readonly message: (message: JsonObject) => void;
  /** The limit that ended the work, if its end is known. */
  readonly limitOf: (result: ClaudeResult | undefined) => RateLimit | undefined;
};

/** Ends that are longer ago than this, in ms, are those of an older limit: no wait would help. Covers clocks that differ. */
const STALE_MS = 60_000;

export function createRateLimitReader(now: () => number = Date.now): RateLimitReader {
  let rejected: RateLimit | undefined;

  function take(info: JsonObject): void {
    const status = textAt(info, 'status');
    const seconds = numberAt(info, 'resetsAt');
    if (status === 'rejected' && seconds !== undefined) {
      const type = textAt(info, 'rateLimitType');
      rejected = { untilMs: seconds * 1000, what: `usage limit${type === undefined ? '' : ` (${type})`}` };
    } else if (status !== undefined) {
      rejected = undefined;
    }
  }

  return {
    message(message) {
      if (message.type === 'rate_limit_event') take(objectAt(message, 'rate_limit_info'));
      const params = message.type === 'assistant' ? message.api_error_params : undefined;
      if (isObject(params)) take(objectAt(params, 'rate_limit_info'));
    },
    limitOf(result) {
      if (result === undefined || !result.isError) return undefined;
      const text = [...result.errors, result.text].join(' ');
      if (classifyApiError({ status: result.apiErrorStatus, text }) !== 'rate_limited') return undefined;
      const limit = rejected ?? limitInText(text, now());
      return limit !== undefined && limit.untilMs > now() - STALE_MS ? limit : undefined;
    },
  };
}

/** How long Claude Code itself waits before it asks a limited API again, in milliseconds, in a message that says so. */
export function rateLimitWaitIn(message: JsonObject): number | undefined {
  if (message.type !== 'system' || message.subtype !== 'api_retry' || message.error !== 'rate_limit') return undefined;
  return numberAt(message, 'retry_delay_ms');
}

/**
 * The end that a text names, for versions and accounts whose limits come without a `rate_limit_event`: as seconds since 1970,
 * as a date and time of RFC 3339, as a length of time, or in words: `resets 3pm (Europe/Berlin)`, `resets Dec 4 at 5pm`.
 */
export function limitInText(text: string, nowMs: number): RateLimit | undefined {
  const untilMs = epochIn(text) ?? timestampIn(text) ?? nowPlusLengthIn(text, nowMs) ?? calendarTimeIn(text, nowMs);
  if (untilMs === undefined) return undefined;
  const kind = /\b(session|daily|weekly|monthly|\d+-hour|(?:opus|sonnet|fable)(?: weekly)?) limit\b/i.exec(text)?.[1];
  return { untilMs, what: `${kind?.toLowerCase() ?? 'usage'} limit` };
}

/** `usage limit reached|1764345600`, `resets_at: 1764345600`; with 13 digits in milliseconds. */
function epochIn(text: string): number | undefined {
  const [, seconds, ms] = /(?:\||\breset\w*["']?\W{1,4})(\d{10})(\d{3})?\b/i.exec(text) ?? [];
  return seconds === undefined ? undefined : Number(seconds) * 1000 + Number(ms ?? 0);
}

function timestampIn(text: string): number | undefined {
  const [, day, time, zone] =
    /\breset\w*\W{1,4}(?:(?:at|on) )?(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)(?:\.\d+)? ?(Z|UTC|[+-]\d\d:?\d\d)/i.exec(
      text,
    ) ?? [];
  if (zone === undefined) return undefined;
  const ms = Date.parse(`${day}T${time}${/z|utc/i.test(zone) ? 'Z' : zone}`);
  return Number.isNaN(ms) ? undefined : ms;
}

const lengthMs: Readonly<Record<string, number>> = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000 };

/** `resets in 2h 5m`, `try again in 45 minutes`. */
function nowPlusLengthIn(text: string, nowMs: number): number | undefined {
  const length = /\b(?:resets?|try again|retry|available) (?:again )?in ((?:\d+ ?[dhms][a-z]*[, ]*(?:and )?)+)/i.exec(
    text,
  )?.[1];
  if (length === undefined) return undefined;
  const parts = [...length.matchAll(/(\d+) ?([dhms])/gi)];
  return parts.reduce((sum, [, count, unit = '']) => sum + Number(count) * (lengthMs[unit.toLowerCase()] ?? 0), nowMs);
}

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const weekdays = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

const dayForm =
  `(?:(?<tomorrow>tomorrow)|(?<weekday>${weekdays.join('|')})[a-z]*\\.?)?[, ]*` +
  `(?:(?<month>${months.join('|')})[a-z]*\\.? (?<day>\\d{1,2})(?:st|nd|rd|th)?(?:,? (?<year>20\\d\\d))?)?`;
const timeForm =
  '(?:(?<hour>\\d{1,2})(?::(?<minute>\\d\\d))?\\s*(?<half>[ap])\\.?m\\b|(?<hour24>\\d{1,2}):(?<minute24>\\d\\d))?';
const zoneForm = '(?:\\.?\\s*\\((?<zone>[\\w/+:-]+)\\)|\\s(?<utc>UTC|GMT)\\b)?';

/** `resets 3pm (Europe/Berlin)`, `will reset at Oct 7, 1am`, `resets Monday 09:00`, `resets on December 3 at 15:00 UTC`, `resets Aug 8`. */
const calendarForm = new RegExp(
  `\\bresets?(?: (?:at|on))?\\s+${dayForm}[\\s,]*(?:at\\b)?\\s*${timeForm}${zoneForm}`,
  'i',
);

function calendarTimeIn(text: string, nowMs: number): number | undefined {
  const { groups } = calendarForm.exec(text) ?? {};
  if (groups === undefined) return undefined;
  const { tomorrow, weekday, month, day, year, hour, minute = '0', half, hour24, minute24 } = groups;
  const hasTime = hour !== undefined || hour24 !== undefined;
  const isDated = month !== undefined;
  if (!hasTime && !isDated) return undefined;
  // A date alone is that of a spend limit, which ends at midnight UTC.
  const zone = groups.zone ?? groups.utc ?? (hasTime ? undefined : 'UTC');
  const now = wallClock(nowMs, zone);
  if (now === undefined) return undefined;
  const hours = hour === undefined ? Number(hour24 ?? 0) : (Number(hour) % 12) + (half?.toLowerCase() === 'p' ? 12 : 0);
  const time = { hour: hours, minute: Number(minute24 ?? minute) };
  if (isDated) {
    const date = { month: months.indexOf(month.slice(0, 3).toLowerCase()), day: Number(day) };
    const thisYear = instantOf({ year: Number(year ?? now.year), ...date, ...time }, zone);
    // A date without a year that is long past is one of the next year.
    if (year !== undefined || thisYear > nowMs - HALF_A_YEAR_MS) return thisYear;
    return instantOf({ year: now.year + 1, ...date, ...time }, zone);
  }
  const isOver = time.hour * 60 + time.minute < now.hour * 60 + now.minute;
  const today = new Date(Date.UTC(now.year, now.month, now.day)).getUTCDay();
  const toWeekday = weekday === undefined ? 0 : (weekdays.indexOf(weekday.slice(0, 3).toLowerCase()) - today + 7) % 7;
  const days = tomorrow !== undefined ? 1 : toWeekday === 0 && isOver ? (weekday === undefined ? 1 : 7) : toWeekday;
  return instantOf({ ...now, day: now.day + days, ...time }, zone);
}

const HALF_A_YEAR_MS = 183 * 86_400_000;

/** A date and a time of day in some time zone; `month` counts from 0. */
type WallClock = {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
};

/** @param timeZone an IANA name; undefined for the zone of this machine. @returns undefined for a zone that does not exist */
function wallClock(ms: number, timeZone: string | undefined): WallClock | undefined {
  try {
    const options = { year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric' } as const;
    const parts = new Intl.DateTimeFormat('en-GB', { ...options, hourCycle: 'h23', timeZone }).formatToParts(ms);
    const part = (type: string): number => Number(parts.find((each) => each.type === type)?.value);
    return {
      year: part('year'),
      month: part('month') - 1,
      day: part('day'),
      hour: part('hour'),
      minute: part('minute'),
    };
  } catch {
    return undefined;
  }
}

/** When the clocks of the time zone show this, in Unix milliseconds. */
function instantOf(clock: WallClock, timeZone: string | undefined): number {
  const wanted = utcOf(clock);
  let ms = wanted;
  // The offset at the first guess can be that of the other side of a change to or from summer time.
  for (let round = 0; round < 2; round++) ms += wanted - utcOf(wallClock(ms, timeZone) ?? clock);
  return ms;
}

function utcOf({ year, month, day, hour, minute }: WallClock): number {
  return Date.UTC(year, month, day, hour, minute);
}
