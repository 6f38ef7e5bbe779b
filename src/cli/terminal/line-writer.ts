// Output of a run for people on a terminal: each line after the name of its step, harmless, stderr and events told apart. The newest
// line that has no end yet stands last and is drawn again as it grows. Used by tail.
import { createLineJoiner } from '../../event/join-lines.ts';
import { type JournalRecord, linesOf, type OutputRecord } from '../../event/record.ts';
import { describeEvent } from '../../state/describe-event.ts';
import { sanitizeLine } from './sanitize.ts';
import { safe } from './step-text.ts';
import type { Style } from './style.ts';

/** So many colours for names, so that neighbours differ; a step keeps its colour over the run. */
type Paint = (text: string) => string;

export type LineWriter = {
  /** The text for a batch of records, which may be those that a filter has left. */
  readonly write: (records: readonly JournalRecord[]) => readonly string[];
  /** What is left to write when nothing more comes. */
  readonly end: () => readonly string[];
};

const eraseRow = '\r\x1b[K';

/** @param columns of the terminal now: a row that wraps could not be erased */
export function createLineWriter(style: Style, columns: () => number): LineWriter {
  const joiner = createLineJoiner({ isFiltered: true });
  let isDrawn = false;
  const paints: readonly Paint[] = [style.cyan, style.green, style.yellow];
  const byStep = new Map<string, Paint>();
  const paintOf = (step: string): Paint => {
    const paint = byStep.get(step) ?? paints[byStep.size % paints.length] ?? style.dim;
    byStep.set(step, paint);
    return paint;
  };
  const textOf = (record: JournalRecord): string => {
    const step = record.subject?.step;
    const name = step === undefined ? style.dim('run') : paintOf(step)(safe(step));
    if (record.kind === 'event') return `${name} ${style.dim(`- ${safe(describeEvent(record.event))}`)}\n`;
    const mark = record.stream === 'stderr' ? style.red('|') : style.dim('|');
    let text = '';
    for (const { bytes } of linesOf(record))
      text += `${name} ${mark} ${sanitizeLine(bytes.toString('utf8'), style.colour)}\n`;
    return text;
  };
  /** Cut to the row, and without colours, which a cut could leave open. */
  const drawOpen = (record: OutputRecord): string => {
    const step = safe(record.subject?.step ?? 'run');
    const text = `${step} | ${sanitizeLine(record.bytes.toString('utf8'), false)}`;
    return text.length < columns() ? text : `${text.slice(0, Math.max(1, columns() - 2)).toWellFormed()}…`;
  };
  const textFor = (whole: readonly JournalRecord[]): readonly string[] => {
    const newest = joiner
      .open()
      .reduce<OutputRecord | undefined>(
        (last, record) => (last === undefined || record.seq > last.seq ? record : last),
        undefined,
      );
    const text = `${isDrawn ? eraseRow : ''}${whole.map(textOf).join('')}${newest === undefined ? '' : drawOpen(newest)}`;
    isDrawn = newest !== undefined;
    return text === '' ? [] : [text];
  };
  return {
    write: (records) => (records.length === 0 ? [] : textFor(records.flatMap(joiner.add))),
    end: () => textFor(joiner.end()),
  };
}
