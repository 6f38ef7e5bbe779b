// A small model of a terminal: what is on its rows after a text was written to it. Used by seen.ts only.
// It has `screenRows` rows and keeps what scrolls off them, has no right margin (a line is as long as it was printed), and takes
// a line feed as the end of a line, as pipes have it. Sequences that neither move the cursor nor erase nor colour do nothing.
import { type Escape, escapeAt } from './ansi.ts';
import { safeLink } from './link.ts';
import {
  clearRow,
  deleteCells,
  eraseCells,
  insertCells,
  type Look,
  newRow,
  plainLook,
  type Row,
  writeTab,
  writeText,
} from './row.ts';
import { nextSgr } from './sgr.ts';

/** Rows that can be reached upward. The tallest redraws known (a pull of many layers, a test runner's list) stay below it. */
export const screenRows = 100;
/**
 * No jump goes further than this behind the end of a row: programs jump to column 999 to find the edge of the screen, and lines
 * are not to be filled with spaces for it. Wider than the terminals that people have.
 */
const maxJump = 256;
/** A move by more is a move to the edge. */
const maxCount = 10_000;
/**
 * Cells that sequences may move and erase, for each character of the text and in all. A screen of 200 columns takes 70 a
 * character; past the bound, which only a text made for it reaches, they do nothing.
 */
const workPerCharacter = 100;
const workAtLeast = 1_000_000;

export type ScreenOptions = {
  /** SGR parameters in force at the start. */
  readonly sgr: string;
  /** Whether colours and links are kept. */
  readonly isStyled: boolean;
  /** The row on which the text begins: the first for a whole text, the last for one line, above which others were printed. */
  readonly startRow: number;
};

export type Screen = {
  /** From the first row ever written; one that was never touched is undefined. */
  readonly rows: readonly (Row | undefined)[];
  /** The row that the cursor is on, and its column there. */
  readonly cursorRow: number;
  readonly cursorColumn: number;
  /** SGR parameters in force at the end. */
  readonly sgr: string;
};

/** Everything up to the next control character is text. */
const control = /[\x00-\x1f\x7f-\x9f]/g;

type State = {
  readonly rows: (Row | undefined)[];
  readonly options: ScreenOptions;
  top: number;
  row: number;
  column: number;
  look: Look;
  saved: { readonly row: number; readonly column: number };
  work: number;
};

export function drawText(text: string, options: ScreenOptions): Screen {
  const state: State = {
    rows: [],
    options,
    top: 0,
    row: options.startRow,
    column: 0,
    look: options.sgr === '' ? plainLook : { sgr: options.sgr, link: undefined },
    saved: { row: options.startRow, column: 0 },
    work: Math.max(workAtLeast, text.length * workPerCharacter),
  };
  for (let at = 0; at < text.length; ) {
    control.lastIndex = at;
    const end = control.test(text) ? control.lastIndex - 1 : text.length;
    if (end > at) write(state, text.slice(at, end));
    if (end === text.length) break;
    const sequence = escapeAt(text, end);
    at = sequence?.end ?? end + 1;
    if (sequence === undefined) applyControl(state, text.charCodeAt(end));
    else applyEscape(state, sequence);
  }
  return { rows: state.rows, cursorRow: state.row, cursorColumn: state.column, sgr: state.look.sgr };
}

function rowAt(state: State): Row {
  const found = state.rows[state.row];
  if (found !== undefined) return found;
  while (state.rows.length < state.row) state.rows.push(undefined);
  const row = newRow();
  state.rows[state.row] = row;
  return row;
}

function write(state: State, text: string): void {
  const row = rowAt(state);
  // Erased or another row, it may end far before the cursor; it is not filled up over any width.
  state.column = writeText(row, Math.min(state.column, Math.max(maxJump, row.width)), text, state.look);
}

function applyControl(state: State, code: number): void {
  switch (code) {
    case 0x08:
      state.column = Math.max(0, state.column - 1);
      return;
    case 0x09:
      state.column = writeTab(rowAt(state), state.column);
      return;
    // LF, VT and FF.
    case 0x0a:
    case 0x0b:
    case 0x0c:
      lineFeed(state);
      state.column = 0;
      return;
    case 0x0d:
      state.column = 0;
      return;
    default:
      // Bell, NUL, DEL and the rest: nobody sees anything of them.
      return;
  }
}

function lineFeed(state: State): void {
  state.row += 1;
  if (state.row >= state.top + screenRows) state.top = state.row - screenRows + 1;
  // So that a row that stays empty is one nevertheless.
  rowAt(state);
}

function applyEscape(state: State, sequence: Escape): void {
  switch (sequence.kind) {
    case 'csi':
      if (/^[0-9;:]*$/.test(sequence.params)) applyCsi(state, sequence.params, sequence.final);
      return;
    case 'string': {
      const hyperlink = state.options.isStyled ? /^8;[^;]*;(.*)$/s.exec(sequence.content) : null;
      if (hyperlink !== null) state.look = { sgr: state.look.sgr, link: safeLink(hyperlink[1] ?? '') };
      return;
    }
    case 'short':
      applyShort(state, sequence.final);
      return;
  }
}

function applyShort(state: State, final: string): void {
  switch (final) {
    case '7':
      state.saved = { row: state.row - state.top, column: state.column };
      return;
    case '8':
      restore(state);
      return;
    case 'D':
      lineFeed(state);
      return;
    case 'E':
      state.column = 0;
      lineFeed(state);
      return;
    case 'M':
      moveRows(state, -1);
      return;
    case 'c':
      eraseScreen(state);
      state.look = plainLook;
      moveTo(state, 0, 0);
      return;
    default:
      return;
  }
}

function applyCsi(state: State, params: string, final: string): void {
  if (final === 'm') {
    if (state.options.isStyled) state.look = { sgr: nextSgr(state.look.sgr, params), link: state.look.link };
    return;
  }
  const [first = 0, second = 0] = params
    .split(';', 2)
    .map((text) => Math.min(Number.parseInt(text, 10) || 0, maxCount));
  const count = Math.max(1, first);
  switch (final) {
    case 'A':
      moveRows(state, -count);
      return;
    case 'B':
    case 'e':
      moveRows(state, count);
      return;
    case 'C':
    case 'a':
      moveTo(state, state.row - state.top, state.column + count);
      return;
    case 'D':
      moveTo(state, state.row - state.top, state.column - count);
      return;
    case 'E':
      state.column = 0;
      moveRows(state, count);
      return;
    case 'F':
      state.column = 0;
      moveRows(state, -count);
      return;
    case 'G':
    case '`':
      moveTo(state, state.row - state.top, count - 1);
      return;
    case 'd':
      moveTo(state, count - 1, state.column);
      return;
    case 'H':
    case 'f':
      moveTo(state, count - 1, Math.max(1, second) - 1);
      return;
    case 's':
      state.saved = { row: state.row - state.top, column: state.column };
      return;
    case 'u':
      restore(state);
      return;
    case 'J':
      eraseDisplay(state, first);
      return;
    case 'K':
      eraseLine(state, first);
      return;
    case 'X':
      erase(state, state.column, state.column + count);
      return;
    case 'P':
      editRow(state, (row) => deleteCells(row, state.column, count));
      return;
    case '@':
      editRow(state, (row) => insertCells(row, state.column, Math.min(count, maxJump)));
      return;
    default:
      return;
  }
}

/** Without scrolling: at the first and the last row the cursor stays. */
function moveRows(state: State, by: number): void {
  moveTo(state, state.row - state.top + by, state.column);
}

function moveTo(state: State, row: number, column: number): void {
  state.row = state.top + Math.min(Math.max(row, 0), screenRows - 1);
  const furthest = Math.max(maxJump, state.rows[state.row]?.width ?? 0);
  state.column = Math.min(Math.max(column, 0), furthest);
}

function restore(state: State): void {
  moveTo(state, state.saved.row, state.saved.column);
}

function eraseLine(state: State, mode: number): void {
  if (mode === 0) erase(state, state.column, Number.POSITIVE_INFINITY);
  else if (mode === 1) erase(state, 0, state.column + 1);
  else if (mode === 2) erase(state, 0, Number.POSITIVE_INFINITY);
}

/** What has scrolled off the screen stays, also where a program clears that too (mode 3): it was seen. */
function eraseDisplay(state: State, mode: number): void {
  if (mode === 2) eraseScreen(state);
  if (mode !== 0 && mode !== 1) return;
  eraseLine(state, mode);
  if (mode === 0) state.rows.length = Math.min(state.rows.length, state.row + 1);
  else clearRows(state, state.row);
}

function eraseScreen(state: State): void {
  clearRows(state, state.rows.length);
}

function clearRows(state: State, end: number): void {
  for (let at = state.top; at < end; at++) {
    const row = state.rows[at];
    if (row !== undefined) clearRow(row);
  }
}

function erase(state: State, from: number, to: number): void {
  const row = state.rows[state.row];
  if (row !== undefined && state.work > 0) state.work -= eraseCells(row, from, to);
}

function editRow(state: State, edit: (row: Row) => void): void {
  const row = state.rows[state.row];
  if (row === undefined || state.work <= 0) return;
  state.work -= row.width;
  edit(row);
}
