// The last line of a step that says something, and the last lines of its output: as they were seen, then cut. Pure.
import type { OutputRecord, Stream } from '../core/record.ts';
import { condense, isPlain, isRedrawn, type Run, seenLine, seenText, seenTextRows } from '../text/seen.ts';

/** A last line longer than this, in characters, is of no use on a screen; the journal has all of it. */
export const lastLineLength = 512;

/** What a step has printed of a line that is not ended yet, shortened to what a terminal would need to draw on. */
export type OpenLine = { readonly stream: Stream; readonly text: string };

export type LastLine = { readonly lastLine: string; readonly openLine: OpenLine | undefined };

/** Rows above an unfinished line that it may still draw on. */
const openRows = 20;
/** Shorter ones are kept as they were printed. */
const condenseFrom = 2_000;

/**
 * Of a longer line only so much is drawn, in UTF-16 units, at each piece of it: the model of a terminal takes a second for 5 MB, and
 * lines without an end may have any length. Hundreds of states of a bar.
 */
const drawnLength = 8_000;

/** As many bytes of UTF-8 hold `drawnLength` units at least. */
const drawnBytes = 3 * drawnLength;

const CR = 0x0d;

/** Plain text is what it leaves on a terminal, so it is drawn for nothing. */
function isLong(raw: string): boolean {
  return raw.length >= condenseFrom && !isPlain(raw);
}

/** What may still be seen of a long line: the last redraws, or the beginning of the text after the last one. */
function drawnPart(raw: string): string {
  if (raw.length <= drawnLength) return raw;
  const firstOfLast = raw.indexOf('\r', raw.length - drawnLength);
  if (firstOfLast !== -1) return raw.slice(firstOfLast);
  const behindLast = raw.lastIndexOf('\r') + 1;
  return raw.slice(behindLast, behindLast + drawnLength);
}

/** The same of a piece that follows what is open. Of a long piece only the bytes that matter are decoded. */
function drawnPartOf(open: string, piece: Buffer): string {
  if (piece.length <= drawnBytes) return drawnPart(open + piece.toString('utf8'));
  const cr = piece.lastIndexOf(CR);
  if (cr >= piece.length - drawnBytes) return drawnPart(piece.toString('utf8', piece.length - drawnBytes));
  const behindLast = cr === -1 ? open.slice(open.lastIndexOf('\r') + 1) : '';
  if (behindLast.length >= drawnLength) return behindLast.slice(0, drawnLength);
  return `${behindLast}${piece.toString('utf8', cr + 1, cr + 1 + drawnBytes)}`.slice(0, drawnLength);
}

/** The last line that is not blank, after the lines of a record; the one before where all of them are. */
export function foldLastLine(before: LastLine, record: OutputRecord): LastLine {
  const { bytes } = record;
  const open = record.continues && before.openLine?.stream === record.stream ? before.openLine.text : '';
  let openLine = before.openLine?.stream === record.stream ? undefined : before.openLine;
  let lastLine: string | undefined;
  let end = bytes.length;
  while (end > 0 && lastLine === undefined) {
    const isOpen = end === bytes.length && record.unterminated;
    if (!isOpen && bytes[end - 1] === 0x0a) end -= 1;
    const start = end === 0 ? 0 : bytes.lastIndexOf(0x0a, end - 1) + 1;
    const raw = drawnPartOf(start === 0 ? open : '', bytes.subarray(start, end));
    if (isOpen) openLine = { stream: record.stream, text: isLong(raw) ? condense(raw, openRows) : raw };
    lastLine = seenLine(raw)
      .split('\n')
      .findLast((row) => row.trim() !== '');
    end = start;
  }
  return { lastLine: lastLine === undefined ? before.lastLine : cutLine(lastLine), openLine };
}

/** The end of a text that grows, as it was printed or shortened to what leaves the same on a terminal. Plain data. */
export type TextEnd = {
  readonly text: string;
  /** The source whose last line is not ended. */
  readonly open: string | undefined;
};

export const noText: TextEnd = { text: '', open: undefined };

/** Rows that programs redraw lie above the last lines, so more is kept than is shown. */
const keptRows = 100;

/**
 * The end of the text after the lines of a record. Only the record's own end is looked at, so it costs nothing on long output.
 * @param maxLength in UTF-16 units; up to twice that is kept
 */
export function appendOutput(before: TextEnd, record: OutputRecord, maxLength: number): TextEnd {
  const source = `${record.stream} ${record.subject?.attempt} ${record.subject?.step}`;
  const isContinued = before.open === source && record.continues;
  let text = `${before.text}${before.open === undefined || isContinued ? '' : '\n'}${endOf(record)}`;
  if (text.length > 2 * maxLength) text = shorten(text, maxLength);
  // Rows of any length: their beginning is given up.
  if (text.length > 2 * maxLength) text = `…${text.slice(-maxLength)}`;
  return { text, open: record.unterminated ? source : undefined };
}

/** The model of a terminal is asked only if something was drawn again, as it is slow on long output. */
function shorten(text: string, maxLength: number): string {
  if (isRedrawn(text)) return condense(text.slice(-4 * maxLength), keptRows);
  const begin = text.slice(-maxLength).indexOf('\n');
  return text.slice(begin === -1 ? -maxLength : begin + 1 - maxLength);
}

/** Oldest first, without colours, each cut to `maxLength`. */
export function lastLinesOf({ text }: TextEnd, limit: number, maxLength = lastLineLength): readonly string[] {
  if (text === '') return [];
  const lines = seenText(withoutEnd(text)).split('\n').slice(-limit);
  return lines.map((line) => cutLine(line, maxLength));
}

/** The same lines in runs of one look. */
export function lastRowsOf({ text }: TextEnd, limit: number): readonly (readonly Run[])[] {
  return text === ''
    ? []
    : seenTextRows(withoutEnd(text))
        .slice(-limit)
        .map((runs) => cutRuns(runs));
}

function withoutEnd(text: string): string {
  return text.endsWith('\n') ? text.slice(0, -1) : text;
}

function endOf(record: OutputRecord): string {
  if (record.lineCount <= keptRows) return record.bytes.toString('utf8');
  let start = record.bytes.length;
  for (let lines = 0; lines <= keptRows && start > 0; lines++) start = record.bytes.lastIndexOf(0x0a, start - 1);
  return record.bytes.toString('utf8', Math.max(0, start) + 1);
}

const cutMark = ' … ';

/** Without its middle if it is longer: an error is at the beginning of a line, or at the end of one that never ended before. */
function cutLine(line: string, maxLength = lastLineLength): string {
  return cutRuns([{ sgr: '', text: line, link: undefined }], maxLength)
    .map(({ text }) => text)
    .join('');
}

function cutRuns(runs: readonly Run[], maxLength = lastLineLength): readonly Run[] {
  const total = runs.reduce((sum, { text }) => sum + text.length, 0);
  if (total <= maxLength) return runs;
  const headLength = Math.ceil((maxLength - cutMark.length) / 2);
  const tailLength = maxLength - cutMark.length - headLength;
  const head = sliceRuns(runs, 0, headLength);
  const tail = sliceRuns(runs, total - tailLength, total);
  return [...head, { sgr: '', text: cutMark, link: undefined }, ...tail];
}

function sliceRuns(runs: readonly Run[], from: number, to: number): readonly Run[] {
  let at = 0;
  return runs.flatMap((run) => {
    const start = at;
    at += run.text.length;
    const text = run.text.slice(Math.max(0, from - start), Math.max(0, to - start)).toWellFormed();
    return text === '' ? [] : [{ ...run, text }];
  });
}
