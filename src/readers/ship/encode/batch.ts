// A batch: the part of a journal that goes out in one request, and what can be asked of it while it is delivered.
import type { JournalRecord } from '../../../core/record.ts';

export type Batch = {
  /** Log records or spans. 0 for a part of the journal that has none; it only moves the cursor. */
  readonly count: number;
  readonly bytes: number;
  /** The cursor once the whole batch is acknowledged. */
  readonly nextSeq: number;
  /** Time of the last record in it, for the lag in seconds. */
  readonly lastNs: bigint;
  /** An OTLP request of the items from `from` up to, not including, `to`. */
  readonly body: (from: number, to: number) => Uint8Array;
  /** One item as OTLP/JSON with its sequence number, for a record that is kept aside. */
  readonly describe: (index: number) => { readonly seq: number; readonly record: unknown };
};

export type Batcher = {
  /** Takes a record in, and yields the batches that became full on the way. */
  readonly push: (record: JournalRecord) => Iterable<Batch>;
  /** What was taken in since the last batch; undefined if nothing was. */
  readonly take: () => Batch | undefined;
  /** Items that no batch has yet. */
  readonly pending: () => number;
};

export type BatchLimits = { readonly items: number; readonly bytes: number };

/**
 * 2 MiB of encoded records a request: half of the 4 MiB that gRPC behind a gateway takes by default (Loki's distributor,
 * a Collector's gRPC receiver), so that what a gateway adds fits. At 100-byte lines that is some 5,000 of them.
 */
export const logLimits: BatchLimits = { items: 8192, bytes: 2 * 1024 * 1024 };

/** Spans are large and few; Tempo takes 5 MB a trace in all. */
export const spanLimits: BatchLimits = { items: 256, bytes: 1024 * 1024 };
