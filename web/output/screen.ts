// What is on the screen: which lines, as which rows, for a place in the window and a size of the terminal. Pure.
import { type ParsedLine, parseLine, plainText, type Run } from './ansi-line.ts';
import type { Folded, FoldHead } from './folds.ts';
import { fieldsOf } from './json-line.ts';
import type { OutputLine } from './line.ts';
import { paintLine } from './paint.ts';
import { indexOfSeq, type OutputWindow } from './window.ts';

export type ScreenRow = {
  readonly ansi: string;
  readonly line: OutputLine;
  /** False for all rows of a wrapped line but its first, which alone has its number beside it. */
  readonly first: boolean;
  /** The line stands for others that it can hide. */
  readonly fold?: FoldHead;
};

export type ScreenOptions = {
  readonly rows: number;
  readonly columns: number;
  readonly wrap: boolean;
  readonly offset: number;
  readonly search: RegExp | undefined;
  /** Whether lines that are JSON objects are shown as their fields. */
  readonly fields: boolean;
  readonly heads: Folded['heads'];
};

/** So many lines before the first one on the screen are looked at for colours that are on there. */
const lookBack = 1_000;
/** From here on nothing that was set before counts. */
const reset = /\x1b\[0?m/;

/** From the top: as many rows as there is room for. If the window ends first, the screen is filled from its end. */
export function screenFrom(window: OutputWindow, topSeq: number, options: ScreenOptions): readonly ScreenRow[] {
  const rows = rowsFrom(window, indexOfSeq(window, topSeq), options);
  if (rows.length < options.rows && window.lines.length > 0) return screenAtEnd(window, options);
  return rows.slice(0, options.rows);
}

/** With a line in the middle, or as near to it as the ends of the window allow. */
export function screenAround(window: OutputWindow, seq: number, options: ScreenOptions): readonly ScreenRow[] {
  const at = indexOfSeq(window, seq);
  let first = at;
  for (let above = 0; first > 0; first--) {
    above += rowsOf(window.lines[first - 1], options, '').rows.length;
    if (above > options.rows / 2) break;
  }
  return screenFrom(window, window.lines[first]?.seq ?? seq, options);
}

/** The newest lines, the last one at the bottom. */
export function screenAtEnd(window: OutputWindow, options: ScreenOptions): readonly ScreenRow[] {
  let at = window.lines.length;
  for (let count = 0; at > 0 && count < options.rows; at--)
    count += rowsOf(window.lines[at - 1], options, '').rows.length;
  return rowsFrom(window, at, { ...options, rows: Number.POSITIVE_INFINITY }).slice(-options.rows);
}

/** Colours carry on over line ends within a step and stream, also where lines of others stand between. */
function rowsFrom(window: OutputWindow, first: number, options: ScreenOptions): readonly ScreenRow[] {
  const inForce = new Map<string, string>();
  const rows: ScreenRow[] = [];
  for (let at = first; at < window.lines.length && rows.length < options.rows; at++) {
    const line = window.lines[at];
    if (line === undefined) continue;
    const source = sourceOf(line);
    const drawn = rowsOf(line, options, inForce.get(source) ?? sgrBefore(window.lines, at, source));
    inForce.set(source, drawn.sgr);
    rows.push(...drawn.rows);
  }
  return rows;
}

/** SGR parameters in force before a line, from the lines of its source shortly before it. */
function sgrBefore(lines: readonly OutputLine[], index: number, source: string): string {
  const found: string[] = [];
  for (let at = index - 1; at >= Math.max(0, index - lookBack); at--) {
    const line = lines[at];
    if (line === undefined || !line.text.includes('\x1b[') || sourceOf(line) !== source) continue;
    found.push(line.text);
    if (reset.test(line.text)) break;
  }
  return found.reduceRight((sgr, text) => parseLine(text, sgr).sgr, '');
}

function sourceOf({ step, attempt, stream }: OutputLine): string {
  return `${stream} ${attempt} ${step}`;
}

function rowsOf(
  line: OutputLine | undefined,
  options: ScreenOptions,
  before: string,
): { readonly rows: readonly ScreenRow[]; readonly sgr: string } {
  if (line === undefined) return { rows: [], sgr: '' };
  const head = options.heads.get(line.seq);
  const fold = head === undefined ? {} : { fold: head };
  const { runs, sgr } = shownLine(line, head, options, before);
  return {
    rows: paintLine(runs, options).map(({ ansi, continued }) => ({ ansi, line, first: !continued, ...fold })),
    sgr,
  };
}

/** As it was printed; the title of a group in place of the command that begins it; the fields of an object. */
function shownLine(
  line: OutputLine,
  head: FoldHead | undefined,
  { fields, search }: ScreenOptions,
  before: string,
): ParsedLine {
  const parsed = parseLine(line.text, before);
  if (head !== undefined && (head.kind === 'group' || !head.isOpen))
    return { runs: headRuns(parsed, head), sgr: parsed.sgr };
  const runs = fields ? fieldsOf(line) : undefined;
  if (runs === undefined) return parsed;
  // A hit is shown where it was found.
  const isHit =
    search !== undefined && plainText(parsed.runs).search(search) !== -1 && plainText(runs).search(search) === -1;
  return isHit ? parsed : { runs, sgr: parsed.sgr };
}

function headRuns({ runs }: ParsedLine, { kind, title, hidden, isOpen }: FoldHead): readonly Run[] {
  if (kind === 'stack') {
    const indent = /^\s*/.exec(plainText(runs))?.[0] ?? '';
    return [{ sgr: '2', text: `${indent}… ${hidden + 1} more frames`, link: undefined }];
  }
  const name = { sgr: '1', text: title, link: undefined };
  return isOpen
    ? [name]
    : [name, { sgr: '2', text: `  ${hidden === 1 ? '1 line' : `${hidden} lines`}`, link: undefined }];
}
