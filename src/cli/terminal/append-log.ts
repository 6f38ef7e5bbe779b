// Lines for an output that nothing can be taken back from: a CI log, a file, a pipe. A line that has no end yet, such as a question, is
// written as far as it is there, and continued if nothing else was written meanwhile; else it comes again, whole, when it ends with more
// than was written.
// Used by plain-view.ts.
import { createLineJoiner } from '../../core/join-lines.ts';
import type { JournalRecord, OutputRecord } from '../../core/record.ts';

/** A line that does not end is written as it is then: the state of a bar, which a log shows in no other way. */
const maxOpenNs = 10_000_000_000n;

export type AppendLog = {
  /** The text to append for a batch of records. */
  readonly add: (records: readonly JournalRecord[]) => string;
  readonly end: () => string;
};

export function createAppendLog(options: {
  /** The lines of a record, without line ends; none of what is not shown. */
  readonly linesOf: (record: JournalRecord) => readonly string[];
  /** Whole lines to print before those of a record; asked once, for a record that has lines. */
  readonly beforeOf?: ((record: JournalRecord) => readonly string[]) | undefined;
  /** What is written before a line that is written while it has no end, and is not written again when it is continued. */
  readonly headOf: (record: OutputRecord) => string;
  /** The first line of a record as it is written while it has no end; empty if it is not shown. */
  readonly openTextOf: (record: OutputRecord) => string;
}): AppendLog {
  const { linesOf, beforeOf = () => [], headOf, openTextOf } = options;
  const joiner = createLineJoiner({ maxOpenNs });
  /** What is at the end without a line end, as far as it was written. */
  let open: { readonly source: string; readonly text: string } | undefined;
  /** By source, what was written of a line before something else was. */
  const interrupted = new Map<string, string>();

  const completionOf = (record: JournalRecord): string | undefined => {
    if (open === undefined || record.kind === 'event' || sourceOf(record) !== open.source) return undefined;
    const text = openTextOf(record);
    return text.startsWith(open.text) ? text.slice(open.text.length) : undefined;
  };

  /** Whether all of the first line was written before: as a part, or before something else came. */
  const isFirstWritten = (record: OutputRecord): boolean => {
    const source = sourceOf(record);
    const written = interrupted.get(source);
    interrupted.delete(source);
    return isLineEnd(record) || (written !== undefined && openTextOf(record).trimEnd() === written.trimEnd());
  };

  /** The lines of a record with their line ends; the first one may complete what is written without one. */
  const writeWhole = (record: JournalRecord): string => {
    const lines = linesOf(record);
    const [first, ...others] = record.kind === 'output' && isFirstWritten(record) ? lines.slice(1) : lines;
    if (first === undefined) return '';
    const before = beforeOf(record);
    const rest = before.length === 0 ? completionOf(record) : undefined;
    const isInterrupted = open !== undefined && rest === undefined;
    if (open !== undefined && isInterrupted) interrupted.set(open.source, open.text);
    open = undefined;
    return `${isInterrupted ? '\n' : ''}${[...before, rest ?? first, ...others].join('\n')}\n`;
  };

  /** An open line that nobody has seen yet, such as a question beside a bar; else more of the one that is already written. */
  const writeOpen = (): string => {
    const lines = joiner.open();
    const isNew = (record: OutputRecord): boolean => {
      const source = sourceOf(record);
      return source !== open?.source && !interrupted.has(source) && openTextOf(record) !== '';
    };
    const fresh = lines.find(isNew);
    const next = fresh ?? lines.find((record) => sourceOf(record) === open?.source);
    if (next === undefined) return '';
    const text = openTextOf(next);
    if (open !== undefined && fresh !== undefined) interrupted.set(open.source, open.text);
    const before = fresh === undefined ? (open?.text ?? '') : '';
    // A bar that was redrawn cannot be drawn over here.
    if (!text.startsWith(before)) return '';
    const lineBreak = open !== undefined && fresh !== undefined ? '\n' : '';
    open = { source: sourceOf(next), text };
    return `${lineBreak}${before === '' ? headOf(next) : ''}${text.slice(before.length)}`;
  };

  return {
    add: (records) => records.flatMap(joiner.add).map(writeWhole).join('') + writeOpen(),
    end() {
      const rest = joiner.end().map(writeWhole).join('');
      return open === undefined ? rest : `${rest}\n`;
    },
  };
}

function isLineEnd({ continues, bytes }: OutputRecord): boolean {
  return continues && (bytes[0] === 0x0a || (bytes[0] === 0x0d && bytes[1] === 0x0a));
}

function sourceOf({ stream, subject }: OutputRecord): string {
  return `${stream} ${subject?.attempt} ${subject?.step}`;
}
