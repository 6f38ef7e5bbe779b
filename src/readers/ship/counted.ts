// What was shipped of a run, over all who ever shipped it: kept in the file of the cursor, so that it is of one moment with
// the position, and the process that counts it can be another than the one that ships. Only grows.
import { type Counters, type RunFolder, savedCounters } from '../../journal/index.ts';
import type { Signal } from './settings.ts';

/** A type and not an interface: a cursor takes it as its counters. */
export type Counted = {
  /** Log records or spans of requests that were acknowledged whole, and of which the cursor knows. */
  readonly sent: number;
  /** Bytes of request bodies as they went over the wire, of those that failed too. */
  readonly bytes: number;
  /** Records that a server refused on their own. */
  readonly refused: number;
  /** Records that a server left out of a request that it took. */
  readonly rejected: number;
  /** Requests that failed and were made again. */
  readonly retried: number;
};

export const nothingCounted: Counted = { sent: 0, bytes: 0, refused: 0, rejected: 0, retried: 0 };

/** The name of the cursor of a signal. */
export const cursorOf = (signal: Signal): string => `ship-${signal}`;

/** What the cursor's file has; a cursor of a version that did not count has zeros. */
export function countedIn(counters: Counters): Counted {
  const { sent = 0, bytes = 0, refused = 0, rejected = 0, retried = 0 } = counters;
  return { sent, bytes, refused, rejected, retried };
}

export function plus(a: Counted, b: Counted): Counted {
  return {
    sent: a.sent + b.sent,
    bytes: a.bytes + b.bytes,
    refused: a.refused + b.refused,
    rejected: a.rejected + b.rejected,
    retried: a.retried + b.retried,
  };
}

/** Of a run, as it was last kept; undefined for a signal whose file cannot be read. */
export function savedCounted(folder: RunFolder): Readonly<Record<Signal, Counted | undefined>> {
  const of = (signal: Signal): Counted | undefined => {
    const counters = savedCounters(folder, cursorOf(signal));
    return counters && countedIn(counters);
  };
  return { logs: of('logs'), traces: of('traces') };
}
