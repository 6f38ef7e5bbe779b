// When a rate or usage limit of the account ends, as Claude Code says it: in `rate_limit_event`, in the error of an assistant
// message, or in the text of the result. Pure; whether it is waited for is the engine's.
import { classifyApiError } from './api-error.ts';
import { isObject, type JsonObject, numberAt, objectAt, textAt } from './json.ts';
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

/** Versions before `rate_limit_event`: `Claude AI usage limit reached|1764345600`, `5-hour limit reached ∙ resets 3pm`. */
export function limitInText(text: string, nowMs: number): RateLimit | undefined {
  const epoch = /limit reached\|(\d{10})(\d{3})?\b/i.exec(text);
  if (epoch !== null) return { untilMs: Number(epoch[1]) * 1000 + Number(epoch[2] ?? 0), what: 'usage limit' };
  const clock = /\bresets (?:at )?(\d{1,2})(?::(\d{2}))?\s*([ap])m(?: \(([\w/+-]+)\))?/i.exec(text);
  if (clock === null) return undefined;
  const [, hour = '', minute = '0', half = '', zone] = clock;
  const wanted = ((Number(hour) % 12) + (half.toLowerCase() === 'p' ? 12 : 0)) * 60 + Number(minute);
  const current = minuteOfDay(nowMs, zone);
  if (current === undefined) return undefined;
  const minutes = (wanted - current + MINUTES_A_DAY) % MINUTES_A_DAY;
  return { untilMs: Math.floor(nowMs / 60_000) * 60_000 + minutes * 60_000, what: 'usage limit' };
}

const MINUTES_A_DAY = 24 * 60;

/** In a time zone by its IANA name; without one, in that of this machine. Undefined for a zone that does not exist. */
function minuteOfDay(ms: number, timeZone: string | undefined): number | undefined {
  try {
    const format = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', timeZone });
    const [hour = 0, minute = 0] = format.format(ms).split(':').map(Number);
    return (hour % 24) * 60 + minute;
  } catch {
    return undefined;
  }
}
