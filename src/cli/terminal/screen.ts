// Redrawing some lines in place at the bottom of a terminal, with other lines printed above them for good.
// Knows widths and cursor movements, and nothing of what it draws. Only relative movements, so the scrollback stays whole.
import { textWidth } from '../../text/width.ts';

export type TerminalStream = {
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
  readonly writableNeedDrain?: boolean;
  readonly write: (text: string) => boolean;
};

export type Screen = {
  /** Prints `above` for good and draws `lines` below it, in place of what was drawn last. */
  readonly draw: (lines: readonly string[], above?: readonly string[]) => void;
  /** Takes what was drawn away and shows the cursor again. May be called more than once. */
  readonly clear: () => void;
};

const hideCursor = '\x1b[?25l';
const showCursor = '\x1b[?25h';
/** Synchronized output: terminals that know it show a frame whole, others ignore it. */
const beginFrame = '\x1b[?2026h';
const endFrame = '\x1b[?2026l';
const clearLine = '\x1b[K';
const clearBelow = '\x1b[J';

const defaultColumns = 80;
const defaultRows = 24;

/** The size of a terminal. One without a size says 0, as under `script` or in some containers. */
export function sizeOf(out: Pick<TerminalStream, 'columns' | 'rows'>): {
  readonly columns: number;
  readonly rows: number;
} {
  return { columns: out.columns || defaultColumns, rows: out.rows || defaultRows };
}

export function createScreen(out: TerminalStream): Screen {
  let drawn: readonly string[] = [];
  let active = false;

  /** Up to the first line of the frame. A terminal that became narrower has wrapped the lines, so they take more rows now. */
  const toTop = (): string => {
    const { columns } = sizeOf(out);
    const rows = drawn.reduce((sum, line) => sum + Math.max(1, Math.ceil(textWidth(line) / columns)), 0);
    // What has scrolled out cannot be reached; the cursor stops at the top row in any case.
    return rows === 0 ? '\r' : `\r\x1b[${rows}A`;
  };

  return {
    draw(lines, above = []) {
      // Cleared before it is written: after a line as wide as the terminal, clearing would take its last character.
      const text = [...above, ...lines].map((line) => `${clearLine}${line}\n`).join('');
      // What is printed for good may be wider than the terminal, and must not end among the remains of the old frame.
      const fresh = above.length === 0 ? '' : clearBelow;
      out.write(`${beginFrame}${active ? '' : hideCursor}${toTop()}${fresh}${text}${clearBelow}${endFrame}`);
      active = true;
      drawn = lines;
    },
    clear() {
      if (!active) return;
      out.write(`${toTop()}${clearBelow}${showCursor}`);
      active = false;
      drawn = [];
    },
  };
}
