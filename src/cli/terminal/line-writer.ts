// Output of a run for people on a terminal: each line after the name of its step, harmless, stderr and events told apart.
import { type JournalRecord, linesOf } from '../../event/record.ts';
import { describeEvent } from '../../state/describe-event.ts';
import { sanitizeLine } from './sanitize.ts';
import { safe } from './step-text.ts';
import type { Style } from './style.ts';

/** So many colours for names, so that neighbours differ; a step keeps its colour over the run. */
type Paint = (text: string) => string;

/** @returns a function that gives the text for a batch of records */
export function createLineWriter(style: Style): (records: readonly JournalRecord[]) => readonly string[] {
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
  return (records) => (records.length === 0 ? [] : [records.map(textOf).join('')]);
}
