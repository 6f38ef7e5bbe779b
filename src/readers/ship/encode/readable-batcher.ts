// Batches of the SDK's own record objects through the official serializers: spans, and log records as OTLP/JSON.
// Spans are few, and OTLP/JSON is for looking at, so here what is simple wins.
import { JsonLogsSerializer, JsonTraceSerializer, ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import type { RunId } from '../../../core/ids.ts';
import { type JournalRecord, seqCount } from '../../../core/record.ts';
import { createEventLogs } from '../map/event-records.ts';
import { type LogOrigin, logRecordsOf, singleLines } from '../map/log-records.ts';
import type { ReadableLogRecord, ReadableSpan } from '../map/otlp-types.ts';
import type { RunContext } from '../map/run-context.ts';
import { createSpanMapper } from '../map/spans.ts';
import type { Sdk } from '../sdk.ts';
import type { Encoding } from '../settings.ts';
import type { Batch, Batcher, BatchLimits } from './batch.ts';

/** Encoded size of what every record carries besides its texts: ids, names and values of attributes. */
const overheadBytes = 1000;

type Serialize<T> = (items: T[]) => Uint8Array | undefined;

export type SpanBatcherOptions = {
  readonly runId: RunId;
  readonly sdk: Sdk;
  readonly encoding: Encoding;
  /** Spans that were complete before this sequence number are folded over, not sent. */
  readonly sendFrom: number;
  readonly limits: BatchLimits;
};

export function createSpanBatcher({ runId, sdk, encoding, sendFrom, limits }: SpanBatcherOptions): Batcher {
  const mapper = createSpanMapper(runId);
  const serializer = encoding === 'json' ? JsonTraceSerializer : ProtobufTraceSerializer;
  return createReadableBatcher<ReadableSpan>({
    limits,
    serialize: (spans) => serializer.serializeRequest(spans),
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

export function createJsonLogBatcher(context: RunContext, origin: LogOrigin, limits: BatchLimits): Batcher {
  const logsOf = createEventLogs(context, origin);
  const serialize: Serialize<ReadableLogRecord> = (logs) => JsonLogsSerializer.serializeRequest(logs);
  return createReadableBatcher<ReadableLogRecord>({
    limits,
    serialize,
    describe: serialize,
    sizeOf: (log) =>
      overheadBytes + (typeof log.body === 'string' ? log.body.length : JSON.stringify(log.body ?? '').length),
    *itemsOf(record) {
      if (record.kind === 'output') {
        for (const line of singleLines(record)) {
          for (const item of logRecordsOf(line, context, origin)) yield { seq: line.seq, item };
        }
      } else {
        for (const item of logsOf(record)) yield { seq: record.seq, item };
      }
    },
  });
}

type Kind<T> = {
  readonly limits: BatchLimits;
  readonly serialize: Serialize<T>;
  readonly describe: Serialize<T>;
  readonly sizeOf: (item: T) => number;
  readonly itemsOf: (record: JournalRecord) => Iterable<{ readonly seq: number; readonly item: T }>;
};

function createReadableBatcher<T>(kind: Kind<T>): Batcher {
  let items: T[] = [];
  let seqs: number[] = [];
  let bytes = 0;
  let nextSeq: number | undefined;
  let lastNs = 0n;
  const isFull = (): boolean => items.length >= kind.limits.items || bytes >= kind.limits.bytes;

  function take(): Batch | undefined {
    if (nextSeq === undefined) return undefined;
    const batch = { items, seqs, bytes, nextSeq, lastNs };
    items = [];
    seqs = [];
    bytes = 0;
    nextSeq = undefined;
    return {
      count: batch.items.length,
      bytes: batch.bytes,
      nextSeq: batch.nextSeq,
      lastNs: batch.lastNs,
      body: (from, to) => kind.serialize(batch.items.slice(from, to)) ?? new Uint8Array(),
      describe(index) {
        const text = Buffer.from(kind.describe(batch.items.slice(index, index + 1)) ?? '{}').toString();
        return { seq: batch.seqs[index] ?? batch.nextSeq, record: JSON.parse(text) };
      },
    };
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
