// Lines of output as log records of the SDK: the model of what is sent. Used for OTLP/JSON, for refused records, and as
// what the fast protobuf encoder is compared with. Pure. Times are the journal's, so that a resend is the same record.
import { type Line, linesOf, type OutputRecord } from '../../../core/record.ts';
import { attr } from '../../../otlp/names.ts';
import { levelOfLine } from '../../../text/severity.ts';
import type { Level } from '../../../text/stream.ts';
import { withoutBase64 } from './base64.ts';
import { textOfLine } from './line-text.ts';
import { hrTimeOf, otlpSeverity, type ReadableLogRecord, type Resource, type Scope } from './otlp-types.ts';
import { identityOf, type RunContext, spanOfSubject } from './run-context.ts';

export type LogOrigin = { readonly resource: Resource; readonly scope: Scope };

/**
 * Every log record that an output record becomes: one a line, more for a line too long for one.
 * @param level of each line, if it is known; else as the record or the line says
 */
export function logRecordsOf(
  record: OutputRecord,
  context: RunContext,
  origin: LogOrigin,
  level?: Level,
): ReadableLogRecord[] {
  const identity = identityOf(context, record.subject);
  const spanContext = {
    traceId: context.traceId,
    spanId: spanOfSubject(context, record.subject),
    traceFlags: 1,
  };
  const records: ReadableLogRecord[] = [];
  for (const line of linesOf({ ...record, bytes: shippedBytes(record) })) {
    const { parts, invalidUtf8 } = textOfLine(line.bytes);
    const severity = otlpSeverity[level ?? record.severity ?? levelOfLine(record.stream, line.bytes)];
    const time = hrTimeOf(line.timeNs);
    for (const [index, body] of parts.entries()) {
      records.push({
        hrTime: time,
        hrTimeObserved: time,
        severityNumber: severity.number,
        severityText: severity.text,
        body,
        attributes: {
          [attr.iostream]: record.stream,
          ...identity,
          [attr.seq]: line.seq,
          ...extrasOf(line, invalidUtf8, index, parts.length),
        },
        droppedAttributesCount: 0,
        spanContext,
        resource: origin.resource,
        instrumentationScope: origin.scope,
      });
    }
  }
  return records;
}

/** The raw messages of Claude Code carry pictures and documents; see base64.ts. */
export function shippedBytes({ stream, bytes }: OutputRecord): Buffer {
  return stream === 'debug' ? withoutBase64(bytes) : bytes;
}

/** Attributes that few lines have. `parts` numbers count from 1. */
export function extrasOf(
  line: Pick<Line, 'continues' | 'unterminated'>,
  invalidUtf8: boolean,
  index: number,
  parts: number,
): Record<string, boolean | number> {
  return {
    ...(invalidUtf8 ? { [attr.invalidUtf8]: true } : {}),
    ...(line.continues ? { [attr.continues]: true } : {}),
    ...(line.unterminated ? { [attr.unterminated]: true } : {}),
    ...(parts > 1 ? { [attr.part]: index + 1, [attr.parts]: parts } : {}),
  };
}

/** A record as records of one line each. */
export function* singleLines(record: OutputRecord): Generator<OutputRecord> {
  for (const { seq, timeNs, bytes, continues, unterminated } of linesOf(record)) {
    yield { ...record, seq, timeNs, bytes, continues, unterminated, lineCount: 1 };
  }
}
