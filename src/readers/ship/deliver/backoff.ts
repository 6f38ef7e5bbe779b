// How long to wait before a request is made again. Pure but for the random source, which is given.

export type Pace = {
  /** First wait after a failure, in milliseconds; doubled with each further one. */
  readonly firstMs: number;
  /** The longest wait that we choose ourselves. */
  readonly maxMs: number;
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
 * @param retryAfterMs what the server asked for
 * @param random from 0 up to 1; spreads clients that failed together
 */
export function waitAfter(failures: number, retryAfterMs: number | undefined, pace: Pace, random: number): number {
  if (retryAfterMs !== undefined) {
    // Never earlier than the server asked for, so the jitter only adds.
    return Math.min(retryAfterMs, pace.maxRetryAfterMs) + Math.round(random * pace.firstMs);
  }
  const full = Math.min(pace.firstMs * 2 ** Math.min(failures - 1, 30), pace.maxMs);
  return Math.round(full * (0.5 + random / 2));
}
