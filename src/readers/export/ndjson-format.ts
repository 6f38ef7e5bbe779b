// One JSON object for each line and each event, with the fields that docs/cli.md lists under `export`.
// `text` is the line as UTF-8; a line that is not valid UTF-8 has `base64` beside it, so nothing is lost.
import type { JournalRecord } from '../../core/record.ts';
import { isoOfNs } from '../../core/time.ts';
import type { FormatWriter } from './export-format.ts';
import { printedLines } from './printed-lines.ts';

/** @param ansi whether `text` is as it was printed, and not as it was seen at its end; `base64` is always as printed */
export function createNdjsonFormat(runId: string, ansi: boolean): FormatWriter {
  return {
    head: '',
    *records(records) {
      for (const record of records) yield ndjsonOf(record, runId, ansi);
    },
    end: () => [],
  };
}

function ndjsonOf(record: JournalRecord, runId: string, ansi: boolean): string {
  const about = { run: runId, step: record.subject?.step, attempt: record.subject?.attempt };
  if (record.kind === 'event') {
    const { type, ...fields } = record.event;
    return `${JSON.stringify({ seq: record.seq, time: isoOfNs(record.timeNs), kind: 'event', ...about, type, fields })}\n`;
  }
  // What all lines of a record have in common is made into JSON once.
  const common = JSON.stringify({ kind: 'line', ...about, stream: record.stream }).slice(1, -1);
  let rows = '';
  for (const { seq, time, severity, text, base64, continues, unterminated } of printedLines(record, ansi)) {
    // The rest is only said if it is so: a line longer than the capture bound is several, each with its own number.
    const rest = `${base64 === undefined ? '' : `,"base64":"${base64}"`}${continues ? ',"continues":true' : ''}${unterminated ? ',"unterminated":true' : ''}`;
    rows += `{"seq":${seq},"time":"${time}",${common},"severity":"${severity}","text":${JSON.stringify(text)}${rest}}\n`;
  }
  return rows;
}
