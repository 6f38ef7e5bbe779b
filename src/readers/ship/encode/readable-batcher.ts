// Batches of items that are serialized when a request is made of them: spans, by the official serializers, and the JSON of log records
// (json-log-batcher.ts). Spans are few, so here what is simple wins.
import { JsonTraceSerializer, ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import type { RunId } from '../../../core/ids.ts';
import { type JournalRecord, seqCount } from '../../../core/record.ts';
import type { ReadableSpan } from '../map/otlp-types.ts';
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

type Kind<T> = {
  readonly limits: BatchLimits;
  readonly serialize: Serialize<T>;
  readonly describe: Serialize<T>;
  readonly sizeOf: (item: T) => number;
  readonly itemsOf: (record: JournalRecord) => Iterable<{ readonly seq: number; readonly item: T }>;
};

export function createReadableBatcher<T>(kind: Kind<T>): Batcher {
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
