// RFC 4180: a header, CRLF line ends, fields quoted where they hold a quote, a comma, CR or LF.
// Output is written by programs nobody vouches for, and CSV is opened in spreadsheets: a field that a spreadsheet would take for
// a formula gets an apostrophe in front, as OWASP's "CSV Injection" advises. `exact` leaves it out; ndjson is exact always.

import type { JournalRecord } from '../../core/record.ts';
import { isoOfNs } from '../../core/time.ts';
import type { FormatWriter } from './export-format.ts';
import { printedLines } from './printed-lines.ts';

export const csvColumns = ['seq', 'time', 'run', 'step', 'attempt', 'kind', 'stream', 'severity', 'text'] as const;

/**
 * @param ansi whether `text` is as it was printed, and not as it was seen at its end
 * @param exact leave fields that look like a formula as they are
 */
export function createCsvFormat(runId: string, ansi: boolean, exact: boolean): FormatWriter {
  const row = (fields: readonly (string | number | undefined)[]): string =>
    `${fields.map((field) => csvField(field, exact)).join(',')}\r\n`;

  function rowsOf(record: JournalRecord): string {
    const about = [runId, record.subject?.step, record.subject?.attempt];
    if (record.kind === 'event') {
      const { type, ...fields } = record.event;
      return row([record.seq, isoOfNs(record.timeNs), ...about, type, '', '', JSON.stringify(fields)]);
    }
    const common = [...about, 'line', record.stream].map((field) => csvField(field, exact)).join(',');
    let rows = '';
    for (const { seq, time, severity, text } of printedLines(record, ansi))
      rows += `${seq},${time},${common},${severity},${csvField(text, exact)}\r\n`;
    return rows;
  }

  return {
    head: row(csvColumns),
    *records(records) {
      for (const record of records) yield rowsOf(record);
    },
    end: () => [],
  };
}

function csvField(field: string | number | undefined, exact: boolean): string {
  if (typeof field === 'number') return String(field);
  const text = field ?? '';
  const safe = !exact && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
