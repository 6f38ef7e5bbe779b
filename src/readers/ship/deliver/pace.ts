// How long the shipper waits before it makes a request again. Pure. Called by delivery.ts.
import { type Backoff, backoffMs, withJitter } from '../../../core/backoff.ts';

export type Pace = Backoff & {
  /** The longest `Retry-After` that is honoured in full. */
  readonly maxRetryAfterMs: number;
  /** Wait while the settings are wrong: nothing changes until a person does something. */
  readonly misconfiguredMs: number;
};

export const defaultPace: Pace = {
  firstMs: 500,
  // A Collector that comes back is noticed within half a minute; a thousand runs waiting make 33 requests a second.
  maxMs: 30_000,
  // A quarter of an hour: a server that asks for more is asked again by then, in case the value was a mistake.
  maxRetryAfterMs: 900_000,
  misconfiguredMs: 60_000,
};

/**
 * @param failures how many attempts failed in a row, from 1
 * @param askedMs what the server asked for
 * @param random from 0 up to 1
 */
export function waitAfter(failures: number, askedMs: number | undefined, pace: Pace, random: number): number {
  if (askedMs === undefined) return withJitter(backoffMs(failures, pace), random);
  // Never earlier than the server asked for, so the jitter only adds.
  return Math.min(askedMs, pace.maxRetryAfterMs) + Math.round(random * pace.firstMs);
}
