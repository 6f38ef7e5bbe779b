// Turns lines into rows of a terminal of a given width: wrapped or cut, with the hits of a search marked. Pure.
// The rows hold text, SGR and links only, and none is wider than the terminal: so nothing that is written can move it.

import { escapeRegExp } from '../../src/text/regexp.ts';
import { cellWidth } from '../../src/text/width.ts';
import { plainText, type Run } from './ansi-line.ts';

export type Row = {
  /** What is written to the terminal for this row. */
  readonly ansi: string;
  /** True for all rows of a wrapped line but its first. */
  readonly continued: boolean;
};

export type PaintOptions = {
  readonly columns: number;
  readonly wrap: boolean;
  /** Columns that are scrolled away at the left; of use without wrapping only. */
  readonly offset: number;
  readonly search: RegExp | undefined;
};

/** Black on yellow in the 256 colours that no theme changes, so that a hit can be read in light and dark. */
const hitSgr = '38;5;16;48;5;221';

export function paintLine(runs: readonly Run[], options: PaintOptions): readonly Row[] {
  const { columns, wrap, offset } = options;
  const isHit = hitTest(runs, options.search);
  const hasMoreRows = runs.some((run) => run.text === '\n');
  const rows: Row[] = [];
  let ansi = '';
  let column = 0;
  let skipped = 0;
  let index = 0;
  let open = '';
  const endRow = (): void => {
    rows.push({ ansi: open === '' ? ansi : `${ansi}${closed}`, continued: rows.length > 0 });
    ansi = '';
    open = '';
    column = 0;
  };
  for (const run of runs) {
    for (const char of run.text) {
      if (char === '\n') {
        index += 1;
        skipped = 0;
        endRow();
        continue;
      }
      const width = cellWidth(char.codePointAt(0) ?? 0);
      const hit = isHit(index);
      index += char.length;
      if (!wrap && skipped < offset) {
        skipped += width;
        continue;
      }
      if (column + width > columns) {
        if (!wrap) {
          // The rest of the row is out of sight.
          if (hasMoreRows) continue;
          endRow();
          return rows;
        }
        endRow();
      }
      const wanted = `${hit ? hitSgr : run.sgr}|${run.link ?? ''}`;
      if (wanted !== open && !(wanted === '|' && open === '')) {
        ansi += open === '' ? '' : closed;
        ansi += opening(hit ? hitSgr : run.sgr, run.link);
        open = wanted === '|' ? '' : wanted;
      }
      ansi += char;
      column += width;
    }
  }
  endRow();
  return rows;
}

const closed = '\x1b[0m\x1b]8;;\x1b\\';

/** Dimmed text is drawn in the palette's grey: half of the page's own colour cannot be read. */
function opening(wanted: string, link: string | undefined): string {
  const sgr = wanted === '2' ? '90' : wanted;
  return `${sgr === '' ? '' : `\x1b[${sgr}m`}${link === undefined ? '' : `\x1b]8;;${link}\x1b\\`}`;
}

/** So many hits are marked in one line; a search for a single letter is not to cost more than the line. */
const maxHitsPerLine = 500;

function hitTest(runs: readonly Run[], search: RegExp | undefined): (index: number) => boolean {
  if (search === undefined) return () => false;
  const text = plainText(runs);
  const ranges: [number, number][] = [];
  for (const found of text.matchAll(search)) {
    if (found[0] !== '') ranges.push([found.index, found.index + found[0].length]);
    if (ranges.length >= maxHitsPerLine) break;
  }
  let at = 0;
  return (index) => {
    while (at < ranges.length && index >= (ranges[at]?.[1] ?? 0)) at += 1;
    const range = ranges[at];
    return range !== undefined && index >= range[0];
  };
}

/** As the server reads it (`/…/i` or the text itself), for marking hits; undefined if it is empty or cannot be read. */
export function searchPattern(text: string): RegExp | undefined {
  if (text === '') return undefined;
  const literal = /^\/(.+)\/([isuv]*)$/s.exec(text);
  try {
    if (literal !== null) return new RegExp(literal[1] ?? '', `${literal[2]}g`);
    return new RegExp(escapeRegExp(text), 'g');
  } catch {
    return undefined;
  }
}
