// One row of the model of a terminal. A row that is only written at its end is kept as runs of text, which is what nearly every
// row is; the first writing elsewhere turns it into cells. Used by screen.ts.
import { cellWidth } from './width.ts';

/** Characters of one look, in a row. */
export type Run = {
  /** SGR parameters in force, such as `1;31`; '' for none. */
  readonly sgr: string;
  readonly text: string;
  /** An address that may be linked to: http or https. */
  readonly link: string | undefined;
};

export type Look = Pick<Run, 'sgr' | 'link'>;

export const plainLook: Look = { sgr: '', link: undefined };

/** A cell that was erased or never written is undefined; one that a wide character or a tab before it covers is ''. */
type Cell = string | undefined;

export type Row = {
  runs: Run[];
  /** Columns up to the last one written. */
  width: number;
  cells: Cells | undefined;
};

type Cells = { readonly chars: Cell[]; readonly looks: Look[] };

const tabWidth = 8;
const ascii = /^[\x20-\x7e]*$/;

export function newRow(): Row {
  return { runs: [], width: 0, cells: undefined };
}

export function clearRow(row: Row): void {
  row.runs = [];
  row.width = 0;
  row.cells = undefined;
}

/** @param text without control characters @returns the column behind it */
export function writeText(row: Row, column: number, text: string, look: Look): number {
  if (row.cells === undefined && column === row.width) {
    append(row, text, look);
    row.width += ascii.test(text) ? text.length : widthOf(text);
    return row.width;
  }
  const cells = cellsOf(row);
  let at = column;
  for (const char of text) {
    const width = ascii.test(char) ? 1 : cellWidth(char.codePointAt(0) ?? 0);
    if (width === 0) {
      addMark(cells.chars, at, char);
      continue;
    }
    put(cells, at, char, look);
    if (width === 2) put(cells, at + 1, '', look);
    at += width;
  }
  row.width = Math.max(row.width, at);
  return at;
}

/** To the next tab stop. A tab at the end of a row stays one, so that columns of a table stay apart; one over text only moves. */
export function writeTab(row: Row, column: number): number {
  const next = column + tabWidth - (column % tabWidth);
  if (column !== row.width) return next;
  if (row.cells === undefined) append(row, '\t', plainLook);
  else {
    put(row.cells, column, '\t', plainLook);
    for (let at = column + 1; at < next; at++) put(row.cells, at, '', plainLook);
  }
  row.width = next;
  return next;
}

/** Erases from one column up to, not including, another. @returns the number of cells that were touched */
export function eraseCells(row: Row, from: number, to: number): number {
  if (from >= row.width || from >= to) return 0;
  if (from === 0 && to >= row.width) {
    clearRow(row);
    return 1;
  }
  const { chars, looks } = cellsOf(row);
  breakAt(chars, from);
  if (to >= row.width) {
    truncate(row, chars, from);
    return 1;
  }
  breakAt(chars, to);
  chars.fill(undefined, from, to);
  looks.fill(plainLook, from, to);
  return to - from;
}

/** Takes cells out, and what follows them moves up. */
export function deleteCells(row: Row, from: number, count: number): void {
  if (from >= row.width) return;
  const { chars, looks } = cellsOf(row);
  breakTabs(chars);
  breakAt(chars, from);
  breakAt(chars, from + count);
  chars.splice(from, count);
  looks.splice(from, count);
  truncate(row, chars, chars.length);
}

/** Makes room for cells, and what follows them moves on. */
export function insertCells(row: Row, from: number, count: number): void {
  if (from >= row.width) return;
  const { chars, looks } = cellsOf(row);
  breakTabs(chars);
  breakAt(chars, from);
  chars.splice(from, 0, ...Array.from<Cell>({ length: count }));
  looks.splice(from, 0, ...Array.from({ length: count }, () => plainLook));
  row.width = chars.length;
}

/** The text of the row, from its first column to the last one written. */
export function runsOf(row: Row): readonly Run[] {
  if (row.cells === undefined) return row.runs;
  const made: Row = newRow();
  const { chars, looks } = row.cells;
  for (let at = 0; at < row.width; at++) append(made, chars[at] ?? ' ', looks[at] ?? plainLook);
  return made.runs;
}

export function textOfRow(row: Row): string {
  return runsOf(row)
    .map((run) => run.text)
    .join('');
}

function append(row: Row, text: string, look: Look): void {
  const last = row.runs.at(-1);
  if (last === undefined || last.sgr !== look.sgr || last.link !== look.link) {
    if (text !== '') row.runs.push({ sgr: look.sgr, text, link: look.link });
  } else row.runs[row.runs.length - 1] = { sgr: look.sgr, text: last.text + text, link: look.link };
}

function widthOf(text: string): number {
  let width = 0;
  for (const char of text) width += cellWidth(char.codePointAt(0) ?? 0);
  return width;
}

/** The row as cells from here on. Costs its width once, until it is cleared. */
function cellsOf(row: Row): Cells {
  if (row.cells !== undefined) return row.cells;
  const chars: Cell[] = [];
  const looks: Look[] = [];
  for (const { text, sgr, link } of row.runs) {
    const look = { sgr, link };
    for (const char of text) {
      const width = char === '\t' ? tabWidth - (chars.length % tabWidth) : cellWidth(char.codePointAt(0) ?? 0);
      if (width === 0) addMark(chars, chars.length, char);
      for (let part = 0; part < width; part++) {
        chars.push(part === 0 ? char : '');
        looks.push(look);
      }
    }
  }
  row.cells = { chars, looks };
  row.runs = [];
  return row.cells;
}

function put({ chars, looks }: Cells, at: number, char: string, look: Look): void {
  // Filled one by one: an array with holes would be slow from then on.
  while (chars.length < at) {
    chars.push(undefined);
    looks.push(plainLook);
  }
  // The second cell of a wide character is put behind its first, and breaks what it covers, not its own character.
  if (char !== '') breakAt(chars, at);
  breakAt(chars, at + 1);
  chars[at] = char;
  looks[at] = look;
}

/** A mark belongs to the character before it. */
function addMark(chars: Cell[], at: number, mark: string): void {
  let owner = at - 1;
  while (owner > 0 && chars[owner] === '') owner -= 1;
  const char = chars[owner];
  if (char !== undefined && char !== '\t') chars[owner] = char + mark;
}

/** Where a column falls inside of a wide character or a tab, that becomes spaces: it is about to lose a part. */
function breakAt(chars: Cell[], at: number): void {
  if (chars[at] !== '') return;
  let first = at;
  while (first > 0 && chars[first] === '') first -= 1;
  for (let cell = first; cell < chars.length && (cell === first || chars[cell] === ''); cell++) chars[cell] = ' ';
}

/** Tabs that move become spaces, as they would reach to another stop. */
function breakTabs(chars: Cell[]): void {
  for (let at = 0; at < chars.length; at++) if (chars[at] === '\t') breakAt(chars, at + 1);
  for (let at = 0; at < chars.length; at++) if (chars[at] === '\t') chars[at] = ' ';
}

/** Ends the row at a column, and before it at the last cell that was written. */
function truncate(row: Row, chars: Cell[], end: number): void {
  let width = end;
  while (width > 0 && chars[width - 1] === undefined) width -= 1;
  if (width === 0) {
    clearRow(row);
    return;
  }
  chars.length = width;
  if (row.cells !== undefined) row.cells.looks.length = width;
  row.width = width;
}
