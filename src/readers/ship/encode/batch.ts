// A batch: a part of a journal that is acknowledged whole, and what can be asked of it while it is delivered.
import type { JournalRecord } from '../../../core/record.ts';
import type { ReadableLogRecord, ReadableMetrics, ReadableSpan } from '../map/otlp-types.ts';

/** What goes out in one request of log records. */
export type LogContent =
  /** Lines, encoded here as an OTLP request: they are a hundred times as many as all the rest. */
  | { readonly kind: 'lines'; readonly body: Uint8Array }
  /** Events, samples, and Claude Code's own log records, for the official exporter to encode. */
  | { readonly kind: 'logs'; readonly logs: ReadableLogRecord[] };

export type SpanContent = { readonly kind: 'spans'; readonly spans: ReadableSpan[] };

/** All metrics of a run as they are at one moment. */
export type MetricContent = { readonly kind: 'metrics'; readonly metrics: ReadableMetrics };

export type Content = LogContent | SpanContent | MetricContent;

/** Items of one kind, which one request can hold. */
export type Part<C extends Content> = {
  readonly count: number;
  /** The items from `from` up to, not including, `to`. */
  readonly content: (from: number, to: number) => C;
  /** One item as OTLP/JSON with its sequence number, for a record that is kept aside. */
  readonly describe: (index: number) => { readonly seq: number; readonly record: unknown };
  /** Says that nothing more is asked of the part: a later one takes its memory. */
  readonly release?: () => void;
};

export type Batch<C extends Content = Content> = {
  /** In the order in which they are sent. None for a part of the journal that has no items; it only moves the cursor. */
  readonly parts: readonly Part<C>[];
  /** Log records or spans. */
  readonly count: number;
  /** The cursor once the whole batch is acknowledged. */
  readonly nextSeq: number;
  /** Time of the last record in it, for the lag in seconds. */
  readonly lastNs: bigint;
};

export type Batcher<C extends Content = Content> = {
  /** Takes a record in, and yields the batches that became full on the way. */
  readonly push: (record: JournalRecord) => Iterable<Batch<C>>;
  /** What was taken in since the last batch; undefined if nothing was. */
  readonly take: () => Batch<C> | undefined;
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
