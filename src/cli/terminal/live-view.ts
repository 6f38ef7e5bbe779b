// The view of a run on a terminal: the list of steps, redrawn in place, and on request what the steps print above it.
// Is fed batches of records and the state after them. Draws at a bounded rate, however fast they come, and holds a bounded
// number of lines between two frames; what it leaves out it counts, and the journal has it.
import type { JournalRecord } from '../../core/record.ts';
import { formatCount } from '../../core/units.ts';
import type { History } from '../../runs/estimate.ts';
import { emptyRunState, type RunState } from '../../runs/run-state.ts';
import { fitText } from '../../text/width.ts';
import { frameOf } from './frame.ts';
import { createLineRows } from './line-rows.ts';
import { createScreen, sizeOf, type TerminalStream } from './screen.ts';
import { safe } from './step-text.ts';
import type { Glyphs, Style } from './style.ts';
import { type SummaryExtras, summaryOf } from './summary.ts';

export type View = {
  /** Takes the next records and the state after them. A promise is back-pressure: feed no more until it has resolved. */
  readonly update: (records: readonly JournalRecord[], state: RunState) => void | Promise<void>;
  /** Shows a line above the view. Left out by a view that prints lines anyway: they go to standard error then. */
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

export type LiveView = View & {
  /** Draws now, whatever the rate says. */
  readonly redraw: () => void;
};

export function createLiveView(options: LiveViewOptions): LiveView {
  const { out, style, glyphs, history = new Map(), output = false, rate = defaultRate, now = Date.now } = options;
  const screen = createScreen(out);
  let state = emptyRunState();
  let above: string[] = [];
  let leftOut = 0;
  let last = '';
  let closed = false;

  const size = () => sizeOf(out);

  const redraw = (): void => {
    if (closed) return;
    const { columns, rows } = size();
    const open = output ? openLines(columns, Math.floor(rows / 2)) : [];
    const lines = [
      ...open,
      ...frameOf(state, { columns, rows: rows - open.length, nowMs: now(), style, glyphs, history }),
    ];
    const frame = lines.join('\n');
    if (frame === last && above.length === 0) return;
    const skipped =
      leftOut === 0
        ? []
        : [style.dim(`${glyphs.more} ${formatCount(leftOut)} lines left out here; stepspan tail has them`)];
    screen.draw(lines, [...skipped, ...above]);
    last = frame;
    above = [];
    leftOut = 0;
  };
  const tick = (): void => {
    // A terminal that does not take what was drawn, as over a slow line, gets the next frame when it has.
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
  // Whatever ends the process, the terminal must not be left without a cursor.
  process.on('exit', screen.clear);

  const printed = createLineRows(style.colour);
  const prefixOf = (record: JournalRecord): string => style.dim(`${safe(record.subject?.step ?? 'run')} | `);
  /** Lines that are not ended grow in place above the list. */
  const openLines = (columns: number, most: number): readonly string[] =>
    printed
      .open()
      .filter(({ record }) => record.stream !== 'debug')
      .slice(-most)
      .map(({ record, rows }) => fitText(prefixOf(record) + (rows.at(-1) ?? ''), columns));

  const add = (record: JournalRecord): void => {
    if (record.kind === 'event' || record.stream === 'debug') return;
    const prefix = prefixOf(record);
    leftOut += Math.max(0, record.lineCount - maxLinesAFrame);
    for (const rows of printed.rowsOf(record, maxLinesAFrame)) above.push(...rows.map((row) => prefix + row));
    if (above.length > maxLinesAFrame) {
      leftOut += above.length - maxLinesAFrame;
      above = above.slice(-maxLinesAFrame);
    }
  };

  return {
    update(records, next) {
      state = next;
      if (output) for (const record of records) for (const whole of printed.add(record)) add(whole);
    },
    redraw,
    note(text) {
      above.push(style.dim(text));
    },
    close(extras = {}) {
      if (closed) return;
      // Lines that came since the last frame are part of what was printed.
      for (const rest of printed.end()) add(rest);
      if (above.length > 0) redraw();
      closed = true;
      clearInterval(timer);
      out.off('resize', onResize);
      process.off('exit', screen.clear);
      screen.clear();
      const lines = summaryOf(state, { columns: size().columns, nowMs: now(), style, glyphs, extras });
      // What the steps printed is above it and would run into its table.
      out.write(`${output ? '\n' : ''}${lines.join('\n')}\n`);
    },
  };
}
