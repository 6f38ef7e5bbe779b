// Lines of output straight from a journal record into OTLP LogRecord messages (opentelemetry/proto/logs/v1/logs.proto).
// No object for a line: what the lines of a step and stream have in common is encoded once, so that a line costs its
// time, its number and one copy. A test compares every byte's meaning with what the official serializer makes.
import { isUtf8 } from 'node:buffer';
import type { OutputRecord, Subject } from '../../../core/record.ts';
import { attr } from '../../../otlp/names.ts';
import { levelOfLine, levelWithin, severityOfStream } from '../../../text/severity.ts';
import type { Level, Stream } from '../../../text/stream.ts';
import { changesWhenSeen, maxBodyBytes, textOfLine } from '../map/line-text.ts';
import { extrasOf, shippedBytes } from '../map/log-records.ts';
import { otlpSeverity } from '../map/otlp-types.ts';
import { identityOf, type RunContext, spanOfSubject } from '../map/run-context.ts';
import {
  type ByteWriter,
  createByteWriter,
  putVarint,
  reserve,
  varintSize,
  writeAttributes,
  writeBytes,
  writeVarintField,
  written,
} from './byte-writer.ts';

/** How far into a record the encoder has come. A record may be larger than a batch. */
export type LineCursor = { line: number; offset: number };

export type LineEncoder = {
  /** Gets a record ready; the lines are then taken with `next`. */
  readonly open: (record: OutputRecord) => OpenRecord;
};

export type OpenRecord = {
  readonly record: OutputRecord;
  /** Appends the next line to `writer`, and calls `item` before each log record (`tag, length, message`) of it. */
  readonly next: (writer: ByteWriter, item: (seq: number) => void) => boolean;
};

const noBytes = Buffer.alloc(0);
const seqKey = Buffer.from(attr.seq);
/** `key` of the pair with its tag and length, tag and length of `value`, tag of the integer. */
const seqPairLength = 2 + seqKey.length + 2 + 1;

export function createLineEncoder(context: RunContext): LineEncoder {
  const commonOf = createCommonFields(context);
  return { open: (record) => openRecord(record, commonOf) };
}

/** The encoded fields that all lines of a step, stream and severity have in common. */
type CommonFields = (subject: Subject | undefined, stream: Stream, severity: Level) => Buffer;

function createCommonFields(context: RunContext): CommonFields {
  const commons = new Map<string, Buffer>();
  return (subject, stream, severity) => {
    const key = `${severity}\0${stream}\0${subject === undefined ? '' : `${subject.attempt}\0${subject.step}`}`;
    const found = commons.get(key);
    if (found !== undefined) return found;
    const writer = createByteWriter(512);
    writeVarintField(writer, 0x10, otlpSeverity[severity].number);
    writeBytes(writer, 0x1a, Buffer.from(otlpSeverity[severity].text));
    writeAttributes(writer, 0x32, { [attr.iostream]: stream, ...identityOf(context, subject) });
    // Field 8, flags, fixed32: the sampled bit.
    writeBytesRaw(writer, [0x45, 1, 0, 0, 0]);
    writeBytes(writer, 0x4a, Buffer.from(context.traceId, 'hex'));
    writeBytes(writer, 0x52, Buffer.from(spanOfSubject(context, subject), 'hex'));
    const common = Buffer.from(written(writer));
    commons.set(key, common);
    return common;
  };
}

function openRecord(record: OutputRecord, commonOf: CommonFields): OpenRecord {
  const { stream, subject } = record;
  const bytes = shippedBytes(record);
  // One character a byte, so that a place in the text is a place in the bytes.
  const text = bytes.toString('latin1');
  const plain = isUtf8(bytes) && !changesWhenSeen(text);
  const detect = record.severity === undefined && stream !== 'debug';
  const fixed = record.severity ?? severityOfStream[stream];
  const low = Number(record.timeNs & 0xffffffffn);
  const high = Number(record.timeNs >> 32n);
  let line = 0;
  let start = 0;
  let lastSeverity: Level = fixed;
  const fields: LineFields = {
    low: 0,
    high,
    seq: 0,
    common: commonOf(subject, stream, fixed),
    extras: noBytes,
    source: bytes,
    start: 0,
    end: 0,
  };

  return {
    record,
    next(writer, item) {
      if (line >= record.lineCount) return false;
      const newline = text.indexOf('\n', start);
      const end = newline === -1 ? text.length : newline;
      const seq = record.seq + line;
      const isRedrawn = !plain && changesWhenSeen(text.slice(start, end));
      if (detect) {
        const severity = isRedrawn
          ? levelOfLine(stream, bytes.subarray(start, end))
          : levelWithin(text, start, end, fixed);
        if (severity !== lastSeverity) {
          lastSeverity = severity;
          fields.common = commonOf(subject, stream, severity);
        }
      }
      const continues = line === 0 && record.continues;
      const unterminated = line === record.lineCount - 1 && record.unterminated;
      fields.low = low + line;
      fields.seq = seq;
      const simple = !continues && !unterminated && end - start <= maxBodyBytes;
      if (simple && (plain || (!isRedrawn && isUtf8(bytes.subarray(start, end))))) {
        item(seq);
        fields.start = start;
        fields.end = end;
        putRecord(writer, fields);
      } else {
        const { parts, invalidUtf8 } = textOfLine(bytes.subarray(start, end));
        for (const [index, part] of parts.entries()) {
          const extras = createByteWriter(64);
          writeAttributes(extras, 0x32, extrasOf({ continues, unterminated }, invalidUtf8, index, parts.length));
          const source = Buffer.from(part);
          item(seq);
          putRecord(writer, { ...fields, extras: written(extras), source, start: 0, end: source.length });
        }
      }
      line++;
      start = end + 1;
      return true;
    },
  };
}

/** What one log record is made of. Reused from line to line of a record: a line costs no object. */
type LineFields = {
  /** The nanoseconds in two halves; `low` may be past 2^32. */
  low: number;
  readonly high: number;
  seq: number;
  common: Buffer;
  readonly extras: Buffer;
  /** The text is `source[start..end)`. */
  readonly source: Buffer;
  start: number;
  end: number;
};

/** One `log_records` field of ScopeLogs. */
function putRecord(writer: ByteWriter, { low, high, seq, common, extras, source, start, end }: LineFields): void {
  const length = end - start;
  const seqSize = varintSize(seq);
  const pairLength = seqPairLength + seqSize;
  const valueLength = 1 + varintSize(length) + length;
  const messageLength = 18 + common.length + 2 + pairLength + extras.length + 1 + varintSize(valueLength) + valueLength;
  reserve(writer, messageLength + 6);
  const { buffer, view } = writer;
  buffer[writer.position++] = 0x12;
  putVarint(writer, messageLength);
  const lowHalf = low >>> 0;
  const highHalf = low > 0xffffffff ? high + 1 : high;
  // Field 1, time_unix_nano, and field 11, observed_time_unix_nano: when the line was read, which is when it was seen.
  buffer[writer.position] = 0x09;
  view.setUint32(writer.position + 1, lowHalf, true);
  view.setUint32(writer.position + 5, highHalf, true);
  buffer[writer.position + 9] = 0x59;
  view.setUint32(writer.position + 10, lowHalf, true);
  view.setUint32(writer.position + 14, highHalf, true);
  writer.position += 18;
  writer.position += common.copy(buffer, writer.position);
  buffer[writer.position++] = 0x32;
  buffer[writer.position++] = pairLength;
  buffer[writer.position++] = 0x0a;
  buffer[writer.position++] = seqKey.length;
  writer.position += seqKey.copy(buffer, writer.position);
  buffer[writer.position++] = 0x12;
  buffer[writer.position++] = 1 + seqSize;
  buffer[writer.position++] = 0x18;
  putVarint(writer, seq);
  if (extras.length > 0) writer.position += extras.copy(buffer, writer.position);
  buffer[writer.position++] = 0x2a;
  putVarint(writer, valueLength);
  buffer[writer.position++] = 0x0a;
  putVarint(writer, length);
  if (length > 0) writer.position += source.copy(buffer, writer.position, start, end);
}

function writeBytesRaw(writer: ByteWriter, bytes: readonly number[]): void {
  reserve(writer, bytes.length);
  for (const byte of bytes) writer.buffer[writer.position++] = byte;
}
