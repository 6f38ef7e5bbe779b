// Batches of items that are encoded when a request is made of them: spans, and the log records that are not lines, by the
// official exporters, and the JSON of lines (json-lines.ts).
import { JsonLogsSerializer, JsonTraceSerializer } from '@opentelemetry/otlp-transformer';
import type { RunId } from '../../../core/ids.ts';
import { type JournalRecord, seqCount } from '../../../core/record.ts';
import { createEventLogs } from '../map/event-records.ts';
import type { LogOrigin } from '../map/log-records.ts';
import type { ReadableLogRecord, ReadableSpan } from '../map/otlp-types.ts';
import type { RunContext } from '../map/run-context.ts';
import { createSpanMapper } from '../map/spans.ts';
import type { Sdk } from '../sdk.ts';
import type { Batch, Batcher, BatchLimits, Content, LogContent, SpanContent } from './batch.ts';

/** Encoded size of what every record carries besides its texts: ids, names and values of attributes. */
const overheadBytes = 1000;

export type SpanBatcherOptions = {
  readonly runId: RunId;
  readonly sdk: Sdk;
  /** Spans that were complete before this sequence number are folded over, not sent. */
  readonly sendFrom: number;
  readonly limits: BatchLimits;
};

export function createSpanBatcher({ runId, sdk, sendFrom, limits }: SpanBatcherOptions): Batcher<SpanContent> {
  const mapper = createSpanMapper(runId);
  return createReadableBatcher<ReadableSpan, SpanContent>({
    limits,
    contentOf: (spans) => ({ kind: 'spans', spans }),
    describe: (spans) => JsonTraceSerializer.serializeRequest(spans),
    sizeOf: (span) => overheadBytes + JSON.stringify([span.attributes, span.events, span.name]).length,
    *itemsOf(record) {
      for (const span of mapper.apply(record)) {
        if (record.seq < sendFrom) continue;
        yield { seq: record.seq, item: span.kind === 'own' ? sdk.spanOf(span.spec) : span.span };
      }
    },
  });
}

/** The log records of events: their own, or those of Claude Code that they carry. */
export function createEventBatcher(context: RunContext, origin: LogOrigin, limits: BatchLimits): Batcher<LogContent> {
  const logsOf = createEventLogs(context, origin);
  return createReadableBatcher<ReadableLogRecord, LogContent>({
    limits,
    contentOf: (logs) => ({ kind: 'logs', logs }),
    describe: (logs) => JsonLogsSerializer.serializeRequest(logs),
    sizeOf: (log) => overheadBytes + JSON.stringify([log.attributes, log.body]).length,
    *itemsOf(record) {
      if (record.kind === 'event') for (const item of logsOf(record)) yield { seq: record.seq, item };
    },
  });
}

type Kind<T, C> = {
  readonly limits: BatchLimits;
  readonly contentOf: (items: T[]) => C;
  readonly describe: (items: T[]) => Uint8Array | undefined;
  readonly sizeOf: (item: T) => number;
  readonly itemsOf: (record: JournalRecord) => Iterable<{ readonly seq: number; readonly item: T }>;
};

export function createReadableBatcher<T, C extends Content>(kind: Kind<T, C>): Batcher<C> {
  let items: T[] = [];
  let seqs: number[] = [];
  let bytes = 0;
  let nextSeq: number | undefined;
  let lastNs = 0n;
  const isFull = (): boolean => items.length >= kind.limits.items || bytes >= kind.limits.bytes;

  function take(): Batch<C> | undefined {
    if (nextSeq === undefined) return undefined;
    const batch = { items, seqs, nextSeq };
    items = [];
    seqs = [];
    bytes = 0;
    nextSeq = undefined;
    const part = {
      count: batch.items.length,
      content: (from: number, to: number) => kind.contentOf(batch.items.slice(from, to)),
      describe(index: number) {
        const text = Buffer.from(kind.describe(batch.items.slice(index, index + 1)) ?? '{}').toString();
        return { seq: batch.seqs[index] ?? batch.nextSeq, record: JSON.parse(text) };
      },
    };
    return { parts: part.count === 0 ? [] : [part], count: part.count, nextSeq: batch.nextSeq, lastNs };
  }

  return {
    *push(record) {
      // All items of one sequence number go into one batch, so that a batch never ends inside it. A full one ends before
      // the next number, whose record (or line) may be cut there by the reader.
      let current = record.seq;
      for (const { seq, item } of kind.itemsOf(record)) {
        if (seq !== current && isFull()) {
          nextSeq = seq;
          const full = take();
          if (full !== undefined) yield full;
        }
        current = seq;
        items.push(item);
        seqs.push(seq);
        bytes += kind.sizeOf(item);
        nextSeq = Math.max(nextSeq ?? 0, seq + 1);
        lastNs = record.timeNs + BigInt(seq - record.seq);
      }
      // A part of a line has an older number than what came before it.
      nextSeq = Math.max(nextSeq ?? 0, record.seq + seqCount(record));
      lastNs = record.timeNs + BigInt(seqCount(record) - 1);
      const full = isFull() ? take() : undefined;
      if (full !== undefined) yield full;
    },
    take,
    pending: () => items.length,
  };
}
