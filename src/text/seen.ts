// The text of output as a person saw it at its end: carriage returns, backspaces, erasures and moves of the cursor are carried
// out, so that of a bar or a spinner the last state is left. Everything that cuts, searches, compares or passes on output takes
// its text from here, and cuts afterwards. The bytes in the journal stay as they were printed.
//
// What leaves nothing: modes, titles, character sets, control characters (bell, NUL, DEL, C1). Tabs stay tabs. Bytes that are
// not UTF-8 come as U+FFFD from the decoder, and half a surrogate pair becomes U+FFFD here.
import { type Row, type Run, runsOf, textOfRow } from './row.ts';
import { drawText, type Screen, screenRows } from './screen.ts';

export type { Run } from './row.ts';

/** All that can change what is seen: control characters but tab and line feed. */
const active = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/;
/** A line feed behind a carriage return ends a line, and overwrites nothing. */
const activeButCrlf = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]|\r(?!\n)/;

/** A carriage return that ends no line, a backspace, a move of the cursor. */
const redrawing = /\r(?!\n)|\x08|\x1b\[[\d;]*[A-HJKf]|\x1b[M78]/;

/** Whether a text draws over what it has drawn before, so that its beginning may be gone at its end. */
export function isRedrawn(text: string): boolean {
  return redrawing.test(text);
}

/** Whether what is seen of a text is the text itself. */
export function isPlain(text: string): boolean {
  return !active.test(text);
}

/** Whether any of these bytes of UTF-8 can make what was seen another text than what was printed. Cheap, and for many lines at once. */
export function mayBeRedrawn(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  for (; at + 4 <= bytes.length; at += 4) {
    // Four bytes at once: the high bit of one that is below 0x20, is 0x7f, or is not ASCII gets set, and maybe of its neighbour.
    const four = view.getInt32(at);
    if (((four - 0x20202020) | (four + 0x01010101) | four) & HIGH_BITS && redraws(bytes, at, at + 4)) return true;
  }
  return redraws(bytes, at, bytes.length);
}

const HIGH_BITS = 0x80808080;

function redraws(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at++) {
    const byte = bytes[at] ?? 0;
    if (byte < 0x20 ? byte !== 0x0a && byte !== 0x09 : byte === 0x7f) return true;
    // U+0080 to U+009F.
    if (byte === 0xc2 && (bytes[at + 1] ?? 0) < 0xa0) return true;
  }
  return false;
}

/**
 * A whole text of many lines, as all of a step's output is. Rows that were moved to and drawn again have their last state.
 * Linear in time. A text that nothing redraws is returned as it is.
 */
export function seenText(raw: string): string {
  const text = raw.isWellFormed() ? raw : raw.toWellFormed();
  if (!active.test(text)) return text;
  if (!activeButCrlf.test(text)) return text.replaceAll('\r\n', '\n');
  const screen = drawText(text, { sgr: '', isStyled: false, startRow: 0 });
  return rowsDrawn(screen).map(textOf).join('\n');
}

/** The rows of the same text with their colours and links. */
export function seenTextRows(raw: string): readonly (readonly Run[])[] {
  const screen = drawText(raw.toWellFormed(), { sgr: '', isStyled: true, startRow: 0 });
  return rowsDrawn(screen).map((row) => (row === undefined ? [] : runsOf(row)));
}

/**
 * A shorter text that leaves the same on a terminal: its last rows, their colours, and the cursor where it was. For who keeps
 * the end of a text that grows: `condense(a) + b` is seen as `a + b` is, as long as `b` moves up no further than `maxRows`.
 */
export function condense(raw: string, maxRows: number): string {
  const screen = drawText(raw.toWellFormed(), { sgr: '', isStyled: true, startRow: 0 });
  const rows = rowsDrawn(screen).slice(-maxRows);
  const up = Math.max(0, Math.min(rows.length - 1, rowsDrawn(screen).length - 1 - screen.cursorRow));
  const text = rows.map((row) => (row === undefined ? '' : styledText(runsOf(row)))).join('\n');
  const place = `${up === 0 ? '' : `\x1b[${up}A`}\x1b[${screen.cursorColumn + 1}G`;
  return `${text}${place}${screen.sgr === '' ? '' : `\x1b[${screen.sgr}m`}`;
}

/** Runs as text with SGR sequences. Colours are ended at its end; links are left out. */
export function styledText(runs: readonly Run[]): string {
  return runs.map(({ sgr, text }) => (sgr === '' ? text : `\x1b[${sgr}m${text}\x1b[0m`)).join('');
}

/**
 * One line without its line end. Where it moved up, as programs do that redraw several rows, the rows that hold text then, joined by
 * line feeds. What lines before it had put there is not known here, so a row that the line leaves alone is not in it.
 */
export function seenLine(raw: string): string {
  const text = raw.isWellFormed() ? raw : raw.toWellFormed();
  if (!active.test(text)) return text;
  if (text.indexOf('\r') === text.length - 1 && !activeButCrlf.test(text.slice(0, -1))) return text.slice(0, -1);
  return rowsWithText(drawLine(text, '', false))
    .map(textOfRow)
    .join('\n');
}

export type SeenRows = {
  /** At least one. Each is the text in it, in runs of one look. */
  readonly rows: readonly (readonly Run[])[];
  /** SGR parameters in force behind the line; colours carry on into the next line of the same source. */
  readonly sgr: string;
};

/**
 * The same line with its colours and its links to http and https, for a terminal.
 * @param sgr parameters in force before it
 */
export function seenRows(raw: string, sgr = ''): SeenRows {
  const text = raw.isWellFormed() ? raw : raw.toWellFormed();
  if (!active.test(text)) return { rows: [text === '' ? [] : [{ sgr, text, link: undefined }]], sgr };
  const screen = drawLine(text, sgr, true);
  const rows = rowsWithText(screen).map(runsOf);
  return { rows: rows.length === 0 ? [[]] : rows, sgr: screen.sgr };
}

function drawLine(text: string, sgr: string, isStyled: boolean): Screen {
  return drawText(text, { sgr, isStyled, startRow: screenRows - 1 });
}

function rowsWithText({ rows }: Screen): readonly Row[] {
  return rows.filter((row): row is Row => !isEmpty(row));
}

/** Rows below the cursor that hold nothing were drawn and erased. */
function rowsDrawn({ rows, cursorRow }: Screen): readonly (Row | undefined)[] {
  let end = rows.length;
  while (end > cursorRow + 1 && isEmpty(rows[end - 1])) end -= 1;
  return Array.from({ length: end }, (_, at) => rows[at]);
}

function isEmpty(row: Row | undefined): boolean {
  return row === undefined || row.width === 0;
}

function textOf(row: Row | undefined): string {
  return row === undefined ? '' : textOfRow(row);
}
