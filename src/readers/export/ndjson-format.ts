// One JSON object for each line and each event, with the fields that docs/cli.md lists under `export`.
// `text` is the line as UTF-8; a line that is not valid UTF-8 has `base64` beside it, so nothing is lost.
import type { JournalRecord, OutputRecord } from '../../core/record.ts';
import { isoOfNs } from '../../core/time.ts';
import type { FormatWriter } from './export-format.ts';
import { bySeverity, isPlainText, PlainLines, printedLines } from './printed-lines.ts';
import { CountingHead, RowBuffer } from './row-buffer.ts';

/** @param ansi whether `text` is as it was printed, and not as it was seen at its end; `base64` is always as printed */
export function createNdjsonFormat(runId: string, ansi: boolean): FormatWriter {
  const rows = new RowBuffer();
  return {
    head: '',
    *records(records) {
      for (const record of records) {
        addRecord(rows, record, runId, ansi);
        yield* rows.full();
      }
      yield* rows.end();
    },
    end: () => [],
  };
}

function addRecord(rows: RowBuffer, record: JournalRecord, runId: string, ansi: boolean): void {
  const about = { run: runId, step: record.subject?.step, attempt: record.subject?.attempt };
  if (record.kind === 'event') {
    const { type, ...fields } = record.event;
    const time = isoOfNs(record.timeNs);
    rows.text(`${JSON.stringify({ seq: record.seq, time, kind: 'event', ...about, type, fields })}\n`);
    return;
  }
  // What all lines of a record have in common is made into JSON once.
  const common = JSON.stringify({ kind: 'line', ...about, stream: record.stream }).slice(1, -1);
  if (isPlainText(record)) addPlainLines(rows, record, common);
  else
    for (const { seq, time, severity, text, base64, ...rest } of printedLines(record, ansi)) {
      const bytes = base64 === undefined ? '' : `,"base64":"${base64}"`;
      rows.text(
        `${headOf(seq, time, common)}"severity":"${severity}","text":${JSON.stringify(text)}${bytes}${endOf(rest)}`,
      );
    }
}

function addPlainLines(rows: RowBuffer, record: OutputRecord, common: string): void {
  const lines = new PlainLines(record);
  const escaped = ['"', '\\', '\t'].map((character) => lines.finderOf(character));
  let head: CountingHead | undefined;
  rows.readFrom(record.bytes);
  while (lines.next()) {
    if (head?.count() !== true) head = countingHead(lines, common);
    rows.bytes(head.bytes);
    if (escaped.some((finder) => finder.isIn())) {
      rows.text(`${lines.severity}","text":${JSON.stringify(lines.text())}${endOf(lines)}`);
      continue;
    }
    rows.bytes(behindSeverity[lines.severity]);
    rows.line(lines.start, lines.end);
    if (lines.continues || lines.unterminated) rows.text(`"${endOf(lines)}`);
    else rows.bytes(endOfRow);
  }
}

const behindSeverity = bySeverity((severity) => Buffer.from(`${severity}","text":"`));
const endOfRow = Buffer.from('"}\n');

function countingHead({ seq, time }: PlainLines, common: string): CountingHead {
  return new CountingHead([`{"seq":${seq}`, `,"time":"${time.slice(0, -1)}`, `Z",${common},"severity":"`]);
}

function headOf(seq: number, time: string, common: string): string {
  return `{"seq":${seq},"time":"${time}",${common},`;
}

/** Said only if it is so: a line longer than the capture bound is several, each with its own number. */
function endOf({ continues, unterminated }: { readonly continues: boolean; readonly unterminated: boolean }): string {
  return `${continues ? ',"continues":true' : ''}${unterminated ? ',"unterminated":true' : ''}}\n`;
}
