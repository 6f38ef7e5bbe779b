// One JSON object for each line and each event, with the fields that docs/cli.md lists under `export`.
// `text` is the line as UTF-8; a line that is not valid UTF-8 has `base64` beside it, so nothing is lost.
import { isUtf8 } from 'node:buffer';
import { type JournalRecord, linesOf } from '../../core/record.ts';
import { isoOfNs } from '../../core/time.ts';
import { seenLine } from '../../text/seen.ts';
import { severityOfLine } from '../../text/severity.ts';
import type { FormatWriter } from './export-format.ts';

/** @param ansi whether `text` is as it was printed, and not as it was seen at its end; `base64` is always as printed */
export function createNdjsonFormat(runId: string, ansi: boolean): FormatWriter {
  return {
    head: '',
    *records(records) {
      for (const record of records) yield* ndjsonOf(record, runId, ansi);
    },
    end: () => [],
  };
}

function* ndjsonOf(record: JournalRecord, runId: string, ansi: boolean): Generator<string> {
  const about = { run: runId, step: record.subject?.step, attempt: record.subject?.attempt };
  if (record.kind === 'event') {
    const { type, ...fields } = record.event;
    yield `${JSON.stringify({ seq: record.seq, time: isoOfNs(record.timeNs), kind: 'event', ...about, type, fields })}\n`;
    return;
  }
  for (const line of linesOf(record)) {
    const text = line.bytes.toString('utf8');
    const value = {
      seq: line.seq,
      time: isoOfNs(line.timeNs),
      kind: 'line',
      ...about,
      stream: record.stream,
      severity: record.severity ?? severityOfLine(record.stream, line.bytes),
      text: ansi ? text : seenLine(text),
      base64: isUtf8(line.bytes) ? undefined : line.bytes.toString('base64'),
      // Only said where true: a line longer than the capture bound is several, each with its own number.
      continues: line.continues || undefined,
      unterminated: line.unterminated || undefined,
    };
    yield `${JSON.stringify(value)}\n`;
  }
}
