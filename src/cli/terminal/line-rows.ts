// Lines of output as rows of a terminal, for every view that prints them: whole lines from the pieces they were recorded in, as they were
// seen, and with the colours that a line before them in the same step and stream left on.
import { createLineJoiner } from '../../core/join-lines.ts';
import { type JournalRecord, linesOf, type OutputRecord } from '../../core/record.ts';
import { fitText } from '../../text/width.ts';
import { terminalRows } from './sanitize.ts';

export type LineRows = {
  /** Takes the next record of a journal. @returns what can be printed for good in its place: events, and lines that are whole */
  readonly add: (record: JournalRecord) => readonly JournalRecord[];
  /** The rows of each line of such a record, in order; of its last lines only if it has more than `most`. */
  readonly rowsOf: (record: OutputRecord, most?: number) => readonly (readonly string[])[];
  /** The lines that are not ended, each with what is seen of it now. */
  readonly open: () => readonly { readonly record: OutputRecord; readonly rows: readonly string[] }[];
  /** What is left open at the end. */
  readonly end: () => readonly OutputRecord[];
  /** Takes over the colours that records before the first shown one left on. */
  readonly skip: (record: JournalRecord) => void;
};

export function createLineRows(colour: boolean): LineRows {
  const joiner = createLineJoiner({ isFiltered: true });
  /** SGR parameters in force, by source. */
  const inForce = new Map<string, string>();
  const rowsOf = (record: OutputRecord, most = Number.POSITIVE_INFINITY): readonly (readonly string[])[] => {
    const source = sourceOf(record);
    let sgr = inForce.get(source) ?? '';
    const lines: (readonly string[])[] = [];
    let skip = record.lineCount - most;
    for (const { bytes, unterminated } of linesOf(record)) {
      skip -= 1;
      if (skip >= 0) continue;
      const drawn = terminalRows(bytes.toString('utf8'), colour, sgr);
      sgr = drawn.sgr;
      // What follows the last line end and shows nothing, as a sequence that shows the cursor again, is not a line.
      const isNothing = unterminated && drawn.rows.every((row) => row === '');
      if (!isNothing) lines.push(drawn.rows.map(cutRow));
    }
    inForce.set(source, sgr);
    return lines;
  };
  return {
    add: joiner.add,
    rowsOf,
    open: () =>
      joiner.open().map((record) => ({
        record,
        rows: terminalRows(record.bytes.toString('utf8'), colour, inForce.get(sourceOf(record))).rows,
      })),
    end: joiner.end,
    skip(record) {
      if (record.kind === 'output') rowsOf(record);
    },
  };
}

/** A row is shown up to some screens of text; the export has all of it. */
const maxRowLength = 16 * 1024;

function cutRow(row: string): string {
  return row.length > maxRowLength ? fitText(row, maxRowLength) : row;
}

/** Two attempts are two processes: one knows nothing of the other's colours. */
function sourceOf({ stream, subject }: OutputRecord): string {
  return `${stream} ${subject?.attempt} ${subject?.step}`;
}
