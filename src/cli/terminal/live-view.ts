// The view of a run on a terminal: the list of its steps, redrawn in place, and on request what the steps print above it. Called by
// watch-run.ts with batches of records and the state after them. It draws at a bounded rate, however fast they come, and holds a
// bounded number of lines between two frames; it counts what it leaves out, and the journal has it.
import type { JournalRecord } from '../../core/record.ts';
import { formatCount } from '../../core/units.ts';
import type { History } from '../../runs/estimate.ts';
import { viewRun } from '../../runs/make-view.ts';
import { emptyRunState, type RunState } from '../../runs/run-state.ts';
import type { RunView } from '../../runs/run-view.ts';
import { fitText } from '../../text/width.ts';
import { frameOf } from './frame.ts';
import { createLineRows } from './line-rows.ts';
import { createScreen, sizeOf, type TerminalStream } from './screen.ts';
import { safe } from './step-text.ts';
import type { Glyphs, Style } from './style.ts';
import { type SummaryExtras, summaryOf } from './summary.ts';

export type View = {
  /** Takes the next records and the state after them. A promise is back-pressure: wait for it before the next call. */
  readonly update: (records: readonly JournalRecord[], state: RunState) => void | Promise<void>;
  /** Shows a line above the view. A view that prints lines anyway does not have it: they go to standard error then. */
  readonly note?: (text: string) => void;
  /** Ends the view with the closing summary. */
  readonly close: (extras?: SummaryExtras) => void;
};

export type LiveViewOptions = {
  readonly out: TerminalStream & Pick<NodeJS.EventEmitter, 'on' | 'off'>;
  readonly style: Style;
  readonly glyphs: Glyphs;
  readonly history?: History;
  /** Whether lines that steps print are shown above the list. */
  readonly output?: boolean;
  /** Frames a second. */
  readonly rate?: number;
  /** Unix milliseconds; injected by tests. */
  readonly now?: () => number;
};

/** Ten frames a second look smooth for numbers and cost under 1 % of a core. */
const defaultRate = 10;
/** Between two frames nobody can read more than a few screens. */
const maxLinesAFrame = 500;
/** The estimate in the view of a run whose state does not change is renewed this often. */
const viewForMs = 1000;

export type LiveView = View & {
  /** Draws now, whatever the rate is. */
  readonly redraw: () => void;
  /** Shows lines above the list as they are. */
  readonly print: (lines: readonly string[]) => void;
  /** The last line, below the list: what is typed. */
  readonly prompt: (text: string | undefined) => void;
};

export function createLiveView(options: LiveViewOptions): LiveView {
  const { out, style, glyphs, history = new Map(), output = false, rate = defaultRate, now = Date.now } = options;
  const screen = createScreen(out);
  const printed = createPrintedLines(style, glyphs);
  const viewOf = createViewMaker(history);
  let state = emptyRunState();
  let last = '';
  let closed = false;
  let prompt: string | undefined;

  const redraw = (): void => {
    if (closed) return;
    const { columns, rows } = sizeOf(out);
    const nowMs = now();
    const open = output ? printed.open(columns, Math.floor(rows / 2)) : [];
    const typed = prompt === undefined ? [] : [fitEnd(prompt, columns)];
    const left = rows - open.length - typed.length;
    const frame = frameOf(viewOf(state, nowMs), { columns, rows: left, nowMs, style, glyphs });
    const lines = [...open, ...frame, ...typed];
    const text = lines.join('\n');
    if (text === last && printed.isEmpty()) return;
    screen.draw(lines, printed.take());
    last = text;
  };
  const tick = (): void => {
    // A terminal that has not taken the last frame yet, as over a slow line, gets the next one when it has.
    if (out.writableNeedDrain !== true) redraw();
  };
  const onResize = (): void => {
    last = '';
    tick();
  };
  const timer = setInterval(tick, 1000 / rate);
  // The view must not keep a program alive that has nothing else to do.
  timer.unref();
  out.on('resize', onResize);
  // Whatever ends the process, the terminal must get its cursor back.
  process.on('exit', screen.clear);

  return {
    update(records, next) {
      state = next;
      if (output) for (const record of records) printed.add(record);
    },
    redraw,
    note: printed.note,
    print: printed.print,
    prompt(text) {
      if (prompt === text) return;
      prompt = text;
      tick();
    },
    close(extras = {}) {
      if (closed) return;
      // Lines that came since the last frame are part of the output.
      printed.end();
      if (!printed.isEmpty()) redraw();
      closed = true;
      clearInterval(timer);
      out.off('resize', onResize);
      process.off('exit', screen.clear);
      screen.clear();
      const lines = summaryOf(state, { columns: sizeOf(out).columns, nowMs: now(), style, glyphs, extras });
      // A blank line keeps the output of the steps apart from the table.
      out.write(`${output ? '\n' : ''}${lines.join('\n')}\n`);
    },
  };
}

/** Makes the view of a state once, and not for each of ten frames a second. */
function createViewMaker(history: History): (state: RunState, nowMs: number) => RunView {
  let made: { readonly state: RunState; readonly atMs: number; readonly view: RunView } | undefined;
  return (state, nowMs) => {
    if (made?.state !== state || nowMs - made.atMs >= viewForMs)
      made = { state, atMs: nowMs, view: viewRun(state, { nowMs, isWriterGone: false, history }) };
    return made.view;
  };
}

type PrintedLines = {
  readonly add: (record: JournalRecord) => void;
  readonly note: (text: string) => void;
  readonly print: (lines: readonly string[]) => void;
  /** Adds what has no line end yet. */
  readonly end: () => void;
  readonly isEmpty: () => boolean;
  /** The lines since the last call, and how many were left out before them. */
  readonly take: () => readonly string[];
  /** Lines without an end, which grow in place above the list. */
  readonly open: (columns: number, most: number) => readonly string[];
};

/** What is printed above the list between two frames. */
function createPrintedLines(style: Style, glyphs: Glyphs): PrintedLines {
  const rowsOfLines = createLineRows(style.colour);
  let lines: string[] = [];
  let leftOut = 0;
  const prefixOf = (record: JournalRecord): string => style.dim(`${safe(record.subject?.step ?? 'run')} | `);
  const addWhole = (record: JournalRecord): void => {
    if (record.kind === 'event' || record.stream === 'debug') return;
    const prefix = prefixOf(record);
    leftOut += Math.max(0, record.lineCount - maxLinesAFrame);
    for (const rows of rowsOfLines.rowsOf(record, maxLinesAFrame)) lines.push(...rows.map((row) => prefix + row));
    leftOut += Math.max(0, lines.length - maxLinesAFrame);
    lines = lines.slice(-maxLinesAFrame);
  };
  return {
    add(record) {
      for (const whole of rowsOfLines.add(record)) addWhole(whole);
    },
    note: (text) => void lines.push(style.dim(text)),
    print: (more) => void lines.push(...more),
    end() {
      for (const rest of rowsOfLines.end()) addWhole(rest);
    },
    isEmpty: () => lines.length === 0,
    take() {
      const count = leftOut;
      const taken = lines;
      leftOut = 0;
      lines = [];
      if (count === 0) return taken;
      return [style.dim(`${glyphs.more} ${formatCount(count)} lines left out here; stepspan tail has them`), ...taken];
    },
    open: (columns, most) =>
      rowsOfLines
        .open()
        .filter(({ record }) => record.stream !== 'debug')
        .slice(-most)
        .map(({ record, rows }) => fitText(prefixOf(record) + (rows.at(-1) ?? ''), columns)),
  };
}

/** The end of what is typed is what a person looks at. */
function fitEnd(text: string, columns: number): string {
  const room = Math.max(1, columns - 1);
  return text.length <= room ? text : text.slice(-room);
}
