// One line of output as the page holds it, how its pieces become one, and which lines a filter wants. Pure.
import { type Severity, type Stream, severities, streams } from '../../src/text/stream.ts';
import type { RunRoute } from '../route.ts';

export type OutputLine = {
  /** Of its first piece. */
  readonly seq: number;
  /** Of its last piece, if it came in several. */
  readonly lastSeq?: number;
  /** Counts the lines of the run, from 1. Missing until it is known, and of the raw protocol of Claude Code. */
  readonly number?: number;
  /** Unix milliseconds. */
  readonly timeMs: number;
  readonly step: string | undefined;
  readonly attempt: number | undefined;
  readonly stream: Stream;
  readonly severity: Severity;
  readonly text: string;
  /** It continues a line of its step and stream that came before. */
  readonly continues?: true;
  /** It has no line end yet: more of it may come. */
  readonly unterminated?: true;
};

/** A bar that redraws itself for hours is one line; what counts of it is the end. The journal has all of it. */
const maxRowChars = 64 * 1024;

/** The number of the last piece of a line. */
export function endSeq(line: OutputLine): number {
  return line.lastSeq ?? line.seq;
}

/**
 * The rows with more lines behind them. A piece that continues an open row is added to it, so that the row grows in its place.
 * Rows that did not change are the same objects.
 */
export function joinLines(rows: readonly OutputLine[], lines: readonly OutputLine[]): readonly OutputLine[] {
  const all = [...rows];
  for (const line of lines) {
    const at = line.continues === true ? openRowOf(all, line) : -1;
    const open = all[at];
    if (open === undefined) all.push(line);
    else all[at] = joined(open, line);
  }
  return all;
}

/** Of lines of one source only the last one can be open. */
function openRowOf(rows: readonly OutputLine[], { step, attempt, stream }: OutputLine): number {
  const at = rows.findLastIndex((row) => row.stream === stream && row.step === step && row.attempt === attempt);
  return rows[at]?.unterminated === true ? at : -1;
}

function joined(row: OutputLine, piece: OutputLine): OutputLine {
  const { unterminated: _, ...rest } = row;
  const text = row.text + piece.text;
  return {
    ...rest,
    lastSeq: endSeq(piece),
    severity: severities.indexOf(piece.severity) > severities.indexOf(row.severity) ? piece.severity : row.severity,
    text: text.length > maxRowChars ? `…${text.slice(1 - maxRowChars).toWellFormed()}` : text,
    ...(piece.unterminated && { unterminated: true }),
  };
}

/** A line is wanted when each list that is not empty has its value. */
export type OutputFilter = {
  readonly steps: readonly string[];
  readonly streams: readonly Stream[];
  readonly severities: readonly Severity[];
};

export const everything: OutputFilter = { steps: [], streams: [], severities: [] };

/** What is shown at first: all but the raw protocol of Claude Code, which says the same again and is for finding mistakes. */
export const usual: OutputFilter = { ...everything, streams: streams.filter((stream) => stream !== 'debug') };

/** What the address chooses. */
export function filterOfRoute({ steps = [], streams = usual.streams, severities = [] }: RunRoute): OutputFilter {
  return { steps, streams, severities };
}

export type StreamChoice = Stream | 'output' | 'all';

export function isChosen({ streams: chosen }: OutputFilter, choice: StreamChoice): boolean {
  if (choice === 'all') return chosen.length === 0;
  if (choice === 'output') return chosen === usual.streams;
  return chosen !== usual.streams && chosen.includes(choice);
}

/** A stream is added to those that were chosen one by one, or taken from them; without any, the usual ones are shown. */
export function chooseStream({ streams: chosen }: OutputFilter, choice: StreamChoice): readonly Stream[] {
  if (choice === 'all') return everything.streams;
  if (choice === 'output') return usual.streams;
  const next = chosen === usual.streams ? [choice] : toggled(chosen, choice);
  return next.length === 0 ? usual.streams : next;
}

export function wants(filter: OutputFilter, line: OutputLine): boolean {
  return (
    allows(filter.steps, line.step) && allows(filter.streams, line.stream) && allows(filter.severities, line.severity)
  );
}

export function isEverything(filter: OutputFilter): boolean {
  return filterQuery(filter) === '';
}

/** As the API takes it: the name once for each value of a list. */
export function filterQuery(filter: OutputFilter): string {
  const params = new URLSearchParams();
  for (const step of filter.steps) params.append('step', step);
  for (const stream of filter.streams) params.append('stream', stream);
  for (const severity of filter.severities) params.append('severity', severity);
  return params.toString();
}

/** The list with the value where it was not in it, without it where it was. */
export function toggled<T>(list: readonly T[], value: T): readonly T[] {
  return list.includes(value) ? list.filter((one) => one !== value) : [...list, value];
}

function allows<T>(list: readonly T[], value: T | undefined): boolean {
  return list.length === 0 || (value !== undefined && list.includes(value));
}
