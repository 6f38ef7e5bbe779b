// How long to wait before another try. Pure but for the random share. Called by everything that tries again: the shipper, the
// notifier, the client of the tail, the export from Loki, and the journal's writer on a full disk.

/** The first wait, which doubles with each further failure, up to the longest. */
export type Backoff = { readonly firstMs: number; readonly maxMs: number };

/** @param failures in a row, from 1 */
export function backoffMs(failures: number, { firstMs, maxMs }: Backoff): number {
  return Math.min(firstMs * 2 ** Math.min(Math.max(failures, 1) - 1, 30), maxMs);
}

/**
 * Between half of the wait and all of it: spreads clients that failed together.
 * @param random from 0 up to 1
 */
export function withJitter(ms: number, random = Math.random()): number {
  return Math.round(ms * (0.5 + random / 2));
}

/** `Retry-After` in seconds or as a date (RFC 9110, 10.2.3), in milliseconds; undefined if it says nothing usable. */
export function retryAfterMs(header: string | null | undefined, nowMs: number): number | undefined {
  const text = header?.trim() ?? '';
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  const at = text === '' ? Number.NaN : Date.parse(text);
  return Number.isNaN(at) ? undefined : Math.max(at - nowMs, 0);
}
