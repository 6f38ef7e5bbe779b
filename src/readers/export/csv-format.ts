// RFC 4180: a header, CRLF line ends, fields quoted where they hold a quote, a comma, CR or LF.
// Output is written by programs nobody vouches for, and CSV is opened in spreadsheets: a field that a spreadsheet would take for
// a formula gets an apostrophe in front, as OWASP's "CSV Injection" advises. `exact` leaves it out; ndjson is exact always.

import type { JournalRecord, OutputRecord } from '../../core/record.ts';
import { isoOfNs } from '../../core/time.ts';
import type { FormatWriter } from './export-format.ts';
import { bySeverity, isPlainText, PlainLines, printedLines } from './printed-lines.ts';
import { CountingHead, RowBuffer } from './row-buffer.ts';

export const csvColumns = ['seq', 'time', 'run', 'step', 'attempt', 'kind', 'stream', 'severity', 'text'] as const;

/**
 * @param ansi whether `text` is as it was printed, and not as it was seen at its end
 * @param exact leave fields that look like a formula as they are
 */
export function createCsvFormat(runId: string, ansi: boolean, exact: boolean): FormatWriter {
  const row = (fields: readonly (string | number | undefined)[]): string =>
    `${fields.map((field) => csvField(field, exact)).join(',')}\r\n`;

  function addRecord(rows: RowBuffer, record: JournalRecord): void {
    const about = [runId, record.subject?.step, record.subject?.attempt];
    if (record.kind === 'event') {
      const { type, ...fields } = record.event;
      rows.text(row([record.seq, isoOfNs(record.timeNs), ...about, type, '', '', JSON.stringify(fields)]));
      return;
    }
    const common = [...about, 'line', record.stream].map((field) => csvField(field, exact)).join(',');
    if (isPlainText(record)) addPlainLines(rows, record, common);
    else
      for (const { seq, time, severity, text } of printedLines(record, ansi))
        rows.text(`${seq},${time},${common},${severity},${csvField(text, exact)}\r\n`);
  }

  function addPlainLines(rows: RowBuffer, record: OutputRecord, common: string): void {
    const lines = new PlainLines(record);
    const quote = lines.finderOf('"');
    const comma = lines.finderOf(',');
    let head: CountingHead | undefined;
    rows.readFrom(record.bytes);
    while (lines.next()) {
      if (head?.count() !== true)
        head = new CountingHead([`${lines.seq}`, `,${lines.time.slice(0, -1)}`, `Z,${common},`]);
      rows.bytes(head.bytes);
      const isFormula = !exact && lines.isAtStart(formulaStarts);
      if (isFormula || quote.isIn()) {
        rows.text(`${lines.severity},${csvField(lines.text(), exact)}\r\n`);
        continue;
      }
      const isQuoted = comma.isIn();
      rows.bytes((isQuoted ? behindSeverityQuoted : behindSeverity)[lines.severity]);
      rows.line(lines.start, lines.end);
      rows.bytes(isQuoted ? endOfRowQuoted : endOfRow);
    }
  }

  const rows = new RowBuffer();

  return {
    head: row(csvColumns),
    *records(records) {
      for (const record of records) {
        addRecord(rows, record);
        yield* rows.full();
      }
      yield* rows.end();
    },
    end: () => [],
  };
}

const behindSeverity = bySeverity((severity) => Buffer.from(`${severity},`));
const behindSeverityQuoted = bySeverity((severity) => Buffer.from(`${severity},"`));
const endOfRow = Buffer.from('\r\n');
const endOfRowQuoted = Buffer.from('"\r\n');

/** What a spreadsheet takes for the start of a formula. */
const formulaStarts = '=+-@\t\r';

function csvField(field: string | number | undefined, exact: boolean): string {
  if (typeof field === 'number') return String(field);
  const text = field ?? '';
  const safe = !exact && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
