// The part of a run's output that the page holds: a run of consecutive lines that slides over the journal. Pure.
// Whatever the length of the run, no more than `windowLines` are held; what slides out is asked for again by its number.
import { endSeq, joinLines, type OutputLine } from './line.ts';

export type OutputWindow = {
  readonly lines: readonly OutputLine[];
  /** No wanted line lies before the first one held. */
  readonly atStart: boolean;
  /** The last line held is the newest wanted one, so that what comes live belongs behind it. */
  readonly atEnd: boolean;
};

/** About 300 bytes a line: 1.5 MB. Ten screens each way even on a tall monitor, so a fast wheel does not outrun requests. */
export const windowLines = 5_000;
/** Asked for at once: two fit beside what is on the screen without anything visible sliding out. */
export const chunkLines = 1_000;
/** A request goes out when so few lines are left between the screen and an edge. */
export const marginLines = 400;

export const emptyWindow: OutputWindow = { lines: [], atStart: false, atEnd: false };

/** The number of the last line or piece that is held; -1 for none. A row that grew may have it, whatever its place. */
export function heldUpTo(window: OutputWindow): number {
  return window.lines.reduce((last, line) => Math.max(last, endSeq(line)), -1);
}

/** Lines already held are not taken twice: a range and the live tail may overlap. */
export function appendLines(window: OutputWindow, lines: readonly OutputLine[], atEnd: boolean): OutputWindow {
  const last = heldUpTo(window);
  const fresh = lines.filter((line) => line.seq > last);
  if (fresh.length === 0) return window.atEnd === atEnd ? window : { ...window, atEnd };
  const all = joinLines(window.lines, fresh);
  const over = Math.max(0, all.length - windowLines);
  return { lines: over === 0 ? all : all.slice(over), atStart: window.atStart && over === 0, atEnd };
}

export function prependLines(window: OutputWindow, lines: readonly OutputLine[], atStart: boolean): OutputWindow {
  const first = window.lines[0]?.seq ?? Number.POSITIVE_INFINITY;
  const fresh = lines.filter((line) => line.seq < first);
  const all = joinLines([], [...fresh, ...window.lines]);
  const kept = all.slice(0, windowLines);
  return { lines: kept, atStart, atEnd: window.atEnd && kept.length === all.length };
}

/**
 * Live lines while somebody reads further up: they are taken until the window is full. Then the window is no longer at the
 * end, and nothing that is being read moves.
 */
export function appendBehind(window: OutputWindow, lines: readonly OutputLine[]): OutputWindow {
  if (!window.atEnd) return window;
  if (window.lines.length + lines.length > windowLines) return { ...window, atEnd: false };
  return appendLines(window, lines, true);
}

/** The index of the line with this number or a piece with it, or of the next one after it; the last one if none is after it. */
export function indexOfSeq(window: OutputWindow, seq: number): number {
  const at = indexAtOrBehind(window, seq);
  if (window.lines[at]?.seq === seq) return at;
  const grown = window.lines.findIndex((line) => line.lastSeq !== undefined && line.seq < seq && seq <= line.lastSeq);
  return grown === -1 ? at : grown;
}

function indexAtOrBehind(window: OutputWindow, seq: number): number {
  let low = 0;
  let high = window.lines.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((window.lines[middle]?.seq ?? 0) < seq) low = middle + 1;
    else high = middle;
  }
  return Math.max(0, Math.min(low, window.lines.length - 1));
}
