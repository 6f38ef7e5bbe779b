// The lines of a record as the formats with one row per line show them: number, time, severity and text. Called by the formats for
// ndjson and CSV. A record of plain text, as nearly all are, is decoded once and not line by line.
import { isUtf8 } from 'node:buffer';
import { linesOf, type OutputRecord, type Severity } from '../../core/record.ts';
import { isoOfNs } from '../../core/time.ts';
import { mayBeRedrawn, seenLine } from '../../text/seen.ts';
import { severityOfLine, severityOfStream, severityWithin } from '../../text/severity.ts';

export type PrintedLine = {
  readonly seq: number;
  readonly time: string;
  readonly severity: Severity;
  readonly text: string;
  /** The bytes of a line that is not UTF-8. */
  readonly base64: string | undefined;
  readonly continues: boolean;
  readonly unterminated: boolean;
};

/** @param ansi whether `text` is as it was printed, and not as it was seen at its end */
export function printedLines(record: OutputRecord, ansi: boolean): Iterable<PrintedLine> {
  const isPlain = isUtf8(record.bytes) && !mayBeRedrawn(record.bytes);
  return isPlain ? plainLines(record) : otherLines(record, ansi);
}

function* plainLines(record: OutputRecord): Generator<PrintedLine> {
  const { seq, timeNs, lineCount, bytes, stream } = record;
  const all = bytes.toString('utf8');
  const byStream = record.severity ?? severityOfStream[stream];
  const isDetected = record.severity === undefined && stream !== 'debug';
  let start = 0;
  for (let index = 0; index < lineCount; index++) {
    const newline = all.indexOf('\n', start);
    const end = newline === -1 ? all.length : newline;
    yield {
      seq: seq + index,
      time: isoOfNs(timeNs + BigInt(index)),
      severity: isDetected ? severityWithin(all, start, end, byStream) : byStream,
      text: all.slice(start, end),
      base64: undefined,
      continues: index === 0 && record.continues,
      unterminated: index === lineCount - 1 && record.unterminated,
    };
    start = end + 1;
  }
}

function* otherLines(record: OutputRecord, ansi: boolean): Generator<PrintedLine> {
  for (const { seq, timeNs, bytes, continues, unterminated } of linesOf(record)) {
    const text = bytes.toString('utf8');
    yield {
      seq,
      time: isoOfNs(timeNs),
      severity: record.severity ?? severityOfLine(record.stream, bytes),
      text: ansi ? text : seenLine(text),
      base64: isUtf8(bytes) ? undefined : bytes.toString('base64'),
      continues,
      unterminated,
    };
  }
}
