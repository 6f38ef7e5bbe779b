// Output of a run for people on a terminal: each line after the name of its step, harmless, stderr and events marked. A line
// that is not ended grows in place below the others.
import type { JournalRecord, OutputRecord } from '../../core/record.ts';
import { isoOfNs } from '../../core/time.ts';
import { describeEvent } from '../../runs/describe-event.ts';
import { fitText } from '../../text/width.ts';
import { createLineRows } from './line-rows.ts';
import { createScreen, sizeOf, type TerminalStream } from './screen.ts';
import { safe } from './step-text.ts';
import type { Style } from './style.ts';

/** So many colours for names, so that neighbours differ; a step keeps its colour over the run. */
type Paint = (text: string) => string;

export type LineWriterOptions = {
  readonly style: Style;
  /** Whether lines stand behind the name of their step. */
  readonly hasPrefix: boolean;
  /** Whether lines stand behind their time. */
  readonly hasTime: boolean;
};

export type LineWriter = {
  /** The text for a batch of records. */
  readonly write: (records: readonly JournalRecord[]) => readonly string[];
  /** The text that ends what is open. */
  readonly end: () => readonly string[];
  /** Takes over the colours that records before the first shown one left on. */
  readonly skip: (record: JournalRecord) => void;
};

/** @param size of the terminal; undefined without a terminal: then a line is written when it is whole */
export function createLineWriter(
  { style, hasPrefix, hasTime }: LineWriterOptions,
  size: Pick<TerminalStream, 'columns' | 'rows'> | undefined,
): LineWriter {
  const paints: readonly Paint[] = [style.cyan, style.green, style.yellow];
  const byStep = new Map<string, Paint>();
  const paintOf = (step: string): Paint => {
    const paint = byStep.get(step) ?? paints[byStep.size % paints.length] ?? style.dim;
    byStep.set(step, paint);
    return paint;
  };
  const lines = createLineRows(style.colour);
  const prefixOf = (record: JournalRecord, timeNs: bigint): string => {
    const time = hasTime ? `${style.dim(isoOfNs(timeNs))} ` : '';
    if (!hasPrefix) return time;
    const step = record.subject?.step;
    const name = step === undefined ? style.dim('run') : paintOf(step)(safe(step));
    if (record.kind === 'event') return `${time}${name} ${style.dim('-')} `;
    return `${time}${name} ${record.stream === 'stderr' ? style.red('|') : style.dim('|')} `;
  };
  const textsOf = (record: JournalRecord): readonly string[] => {
    if (record.kind === 'event')
      return [`${prefixOf(record, record.timeNs)}${style.dim(safe(describeEvent(record.event)))}`];
    return lines
      .rowsOf(record)
      .flatMap((rows, at) => rows.map((row) => prefixOf(record, record.timeNs + BigInt(at)) + row));
  };

  let drawn = '';
  const screen = createScreen({
    get columns() {
      return size?.columns;
    },
    write(text) {
      drawn += text;
      return true;
    },
  });
  const openTexts = (): readonly string[] =>
    lines
      .open()
      .map(({ record, rows }: { record: OutputRecord; rows: readonly string[] }) =>
        fitText(prefixOf(record, record.timeNs) + (rows.at(-1) ?? ''), sizeOf(size ?? {}).columns),
      );
  let hasOpen = false;
  /** @param open what is below and is drawn again with the next text */
  const draw = (above: readonly string[], open: readonly string[]): readonly string[] => {
    if (above.length === 0 && open.length === 0 && !hasOpen) return [];
    if (size === undefined || (open.length === 0 && !hasOpen))
      return above.length === 0 ? [] : [above.map((text) => `${text}\n`).join('')];
    hasOpen = open.length > 0;
    if (hasOpen) screen.draw(open, above);
    else {
      screen.clear();
      drawn += above.map((text) => `${text}\n`).join('');
    }
    const text = drawn;
    drawn = '';
    return [text];
  };

  return {
    write: (records) => draw(records.flatMap(lines.add).flatMap(textsOf), size === undefined ? [] : openTexts()),
    end: () => draw(lines.end().flatMap(textsOf), []),
    skip: lines.skip,
  };
}
