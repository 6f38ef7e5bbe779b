// What a server's answer to an OTLP request means. Pure: the rules of the OTLP specification, "OTLP/HTTP Response".
import { retryAfterMs } from '../../../core/backoff.ts';

export type Answer =
  /** The request was taken. `rejected` records of it were not, for good: partial success must not be sent again. */
  | { readonly kind: 'accepted'; readonly rejected: number; readonly message: string }
  /** 429, 502, 503, 504: the same request may be taken later. */
  | {
      readonly kind: 'busy';
      readonly status: number;
      readonly retryAfterMs: number | undefined;
      readonly message: string;
    }
  /** No answer: the connection broke, could not be made, or the time was up. */
  | { readonly kind: 'unreachable'; readonly message: string; readonly hasConnected: boolean }
  /** The server says that we are not allowed, or that nothing of the kind is here. No record is to blame, so none is given up. */
  | { readonly kind: 'misconfigured'; readonly status: number; readonly message: string }
  /** The request as it is will never be taken. */
  | { readonly kind: 'refused'; readonly status: number; readonly message: string };

/** Statuses that the OTLP specification calls retryable. */
const busyStatuses: ReadonlySet<number> = new Set([429, 502, 503, 504]);

/**
 * Wrong token, wrong path or method, proxy login, wrong media type: what a person must fix. A redirect too:
 * the specification has none, and following one would send the headers, with their token, somewhere else.
 */
const misconfiguredStatuses: ReadonlySet<number> = new Set([401, 403, 404, 405, 407, 415, 421]);

/** Text of a server's answer that is kept for people. */
export const maxMessageLength = 1000;

export function answerOfStatus(status: number, body: string, retryAfter: string | undefined, nowMs: number): Answer {
  const message = body.trim().slice(0, maxMessageLength) || `HTTP ${status}`;
  if (busyStatuses.has(status)) return { kind: 'busy', status, retryAfterMs: retryAfterMs(retryAfter, nowMs), message };
  if (misconfiguredStatuses.has(status) || (status >= 300 && status < 400)) {
    return { kind: 'misconfigured', status, message };
  }
  return { kind: 'refused', status, message };
}
