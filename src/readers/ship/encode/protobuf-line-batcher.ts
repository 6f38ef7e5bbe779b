// Batches of lines as OTLP/protobuf. They are encoded as they come in; a request for a part of a batch is cut out of what is
// encoded already, since every log record is a field of its own that can stand in any request.
import { JsonLogsSerializer } from '@opentelemetry/otlp-transformer';
import type { OutputRecord } from '../../../core/record.ts';
import { type LogOrigin, logRecordsOf, singleLines } from '../map/log-records.ts';
import type { ReadableLogRecord } from '../map/otlp-types.ts';
import type { RunContext } from '../map/run-context.ts';
import type { Batch, Batcher, BatchLimits, LogContent } from './batch.ts';
import { type ByteWriter, createByteWriter, reserve, writeAttributes, writeBytes, written } from './byte-writer.ts';
import { createLineEncoder } from './protobuf-lines.ts';

/** The buffer of a batch: item i is `offsets[i]` up to `offsets[i + 1]`. */
type Content = {
  readonly writer: ByteWriter;
  readonly offsets: number[];
  readonly seqs: number[];
  readonly records: OutputRecord[];
};

/** Takes records of output only. */
export function createProtobufLineBatcher(
  context: RunContext,
  origin: LogOrigin,
  limits: BatchLimits,
): Batcher<LogContent> {
  const encoder = createLineEncoder(context);
  const head = headOf(origin);
  const writers = createWriters(limits);
  let content = emptyContent(writers.take());
  let nextSeq: number | undefined;
  let lastNs = 0n;

  const item = (seq: number): void => {
    content.offsets.push(content.writer.position);
    content.seqs.push(seq);
  };

  function take(): Batch<LogContent> | undefined {
    if (nextSeq === undefined) return undefined;
    const { writer } = content;
    const batch = batchOf(content, { head, context, origin, nextSeq, lastNs, release: () => writers.putBack(writer) });
    content = emptyContent(writers.take());
    nextSeq = undefined;
    return batch;
  }

  /** What was taken in, if it is enough. */
  const takeFull = (): Batch<LogContent> | undefined => {
    const isFull = content.writer.position >= limits.bytes || content.seqs.length >= limits.items;
    return isFull ? take() : undefined;
  };

  return {
    *push(record) {
      if (record.kind !== 'output') return;
      const open = encoder.open(record);
      content.records.push(record);
      for (let line = 0; open.next(content.writer, item); line++) {
        // A part of a line has an older number than what came before it.
        nextSeq = Math.max(nextSeq ?? 0, record.seq + line + 1);
        lastNs = record.timeNs + BigInt(line);
        const full = takeFull();
        if (full === undefined) continue;
        yield full;
        content.records.push(record);
      }
    },
    take,
    pending: () => content.seqs.length,
  };
}

/** Buffers for batches. They are used again: as garbage they would be several times what the batches under way need. */
function createWriters(limits: BatchLimits) {
  // A quarter above the bound, so that the record that fills a batch seldom makes the buffer grow.
  const size = Math.ceil(limits.bytes * 1.25);
  const free: ByteWriter[] = [];
  return {
    take: (): ByteWriter => free.pop() ?? createByteWriter(size),
    putBack(writer: ByteWriter): void {
      // One that has grown for a record of many mebibytes is not kept for others.
      if (writer.buffer.length > 2 * size) return;
      writer.position = 0;
      free.push(writer);
    },
  };
}

function emptyContent(writer: ByteWriter): Content {
  return { writer, offsets: [], seqs: [], records: [] };
}

type BatchEnd = {
  readonly head: Head;
  readonly context: RunContext;
  readonly origin: LogOrigin;
  readonly nextSeq: number;
  readonly lastNs: bigint;
  readonly release: () => void;
};

function batchOf(content: Content, { head, context, origin, nextSeq, lastNs, release }: BatchEnd): Batch<LogContent> {
  const { offsets, seqs } = content;
  const encoded = written(content.writer);
  const lines = {
    count: seqs.length,
    release,
    content(from: number, to: number): LogContent {
      const records = encoded.subarray(offsets[from] ?? encoded.length, offsets[to] ?? encoded.length);
      return { kind: 'lines', body: Buffer.concat([headBefore(head, records.length), records]) };
    },
    describe(index: number) {
      const log = recordOf(content, index, context, origin);
      return {
        seq: seqs[index] ?? nextSeq,
        record: log && JSON.parse(Buffer.from(JsonLogsSerializer.serializeRequest([log]) ?? '{}').toString()),
      };
    },
  };
  return { parts: [lines], count: lines.count, nextSeq, lastNs };
}

/** The log record of an item, made again from the journal record that it came from. */
function recordOf(
  content: Content,
  index: number,
  context: RunContext,
  origin: LogOrigin,
): ReadableLogRecord | undefined {
  const seq = content.seqs[index] ?? -1;
  // A line in parts is several items with one number.
  const part = index - content.seqs.indexOf(seq);
  const record = content.records.find((candidate) => seq >= candidate.seq && seq < candidate.seq + candidate.lineCount);
  if (record === undefined) return undefined;
  for (const line of singleLines(record)) if (line.seq === seq) return logRecordsOf(line, context, origin)[part];
  return undefined;
}

/** Resource and scope as the fields that open ResourceLogs and ScopeLogs, with the schema of what is in the scope. */
type Head = { readonly resource: Buffer; readonly scope: Buffer };

function headOf(origin: LogOrigin): Head {
  const attributes = createByteWriter(512);
  writeAttributes(attributes, 0x0a, origin.resource.attributes);
  const resource = createByteWriter(512);
  writeBytes(resource, 0x0a, written(attributes));
  const named = createByteWriter(64);
  writeBytes(named, 0x0a, Buffer.from(origin.scope.name));
  if (origin.scope.version !== undefined) writeBytes(named, 0x12, Buffer.from(origin.scope.version));
  const scope = createByteWriter(64);
  writeBytes(scope, 0x0a, written(named));
  if (origin.scope.schemaUrl !== undefined) writeBytes(scope, 0x1a, Buffer.from(origin.scope.schemaUrl));
  return { resource: Buffer.from(written(resource)), scope: Buffer.from(written(scope)) };
}

/** Everything before the log records: tag and length of ResourceLogs, the resource, tag and length of ScopeLogs, the scope. */
function headBefore(head: Head, linesLength: number): Buffer {
  const scopeLogs = createByteWriter(16);
  writeLength(scopeLogs, 0x12, head.scope.length + linesLength);
  const opened = written(scopeLogs);
  const resourceLogs = createByteWriter(16);
  writeLength(resourceLogs, 0x0a, head.resource.length + opened.length + head.scope.length + linesLength);
  return Buffer.concat([written(resourceLogs), head.resource, opened, head.scope]);
}

function writeLength(writer: ByteWriter, tag: number, length: number): void {
  reserve(writer, 11);
  writer.buffer[writer.position++] = tag;
  let rest = length;
  while (rest >= 128) {
    writer.buffer[writer.position++] = (rest % 128) | 128;
    rest = Math.floor(rest / 128);
  }
  writer.buffer[writer.position++] = rest;
}
