// What is on the screen: which lines, as which rows, for a place in the window and a size of the terminal. Pure.
import { parseLine } from './ansi-line.ts';
import type { OutputLine } from './line.ts';
import { paintLine } from './paint.ts';
import { indexOfSeq, type OutputWindow } from './window.ts';

export type ScreenRow = {
  readonly ansi: string;
  readonly line: OutputLine;
  /** False for what a wrapped line goes on with: its number stands beside its first row only. */
  readonly first: boolean;
};

export type ScreenOptions = {
  readonly rows: number;
  readonly columns: number;
  readonly wrap: boolean;
  readonly offset: number;
  readonly search: RegExp | undefined;
};

/** From the top: as many rows as there is room for. Where the window ends first, the screen is filled from its end. */
export function screenFrom(window: OutputWindow, topSeq: number, options: ScreenOptions): readonly ScreenRow[] {
  const rows: ScreenRow[] = [];
  for (let at = indexOfSeq(window, topSeq); at < window.lines.length && rows.length < options.rows; at++)
    rows.push(...rowsOf(window.lines[at], options));
  if (rows.length < options.rows && window.lines.length > 0) return screenAtEnd(window, options);
  return rows.slice(0, options.rows);
}

/** The newest lines, the last one at the bottom. */
export function screenAtEnd(window: OutputWindow, options: ScreenOptions): readonly ScreenRow[] {
  const blocks: (readonly ScreenRow[])[] = [];
  let count = 0;
  for (let at = window.lines.length - 1; at >= 0 && count < options.rows; at--) {
    const block = rowsOf(window.lines[at], options);
    blocks.unshift(block);
    count += block.length;
  }
  return blocks.flat().slice(-options.rows);
}

function rowsOf(line: OutputLine | undefined, options: ScreenOptions): readonly ScreenRow[] {
  if (line === undefined) return [];
  return paintLine(parseLine(line.text).runs, options).map(({ ansi, continued }) => ({
    ansi,
    line,
    first: !continued,
  }));
}
