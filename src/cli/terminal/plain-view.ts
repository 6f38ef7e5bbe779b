// The view of a run without a terminal: in a CI log, a file or a pipe. Each line once, nothing redrawn. A line that has no end
// yet, such as a question, is written as far as it is there, and continued if nothing else was written meanwhile.
// Every line begins with the step's name, so that output cannot pass for a command of the CI system (`::set-env` and the like).

import { formatDuration } from '../../core/duration.ts';
import { type EventRecord, type JournalRecord, linesOf, type OutputRecord } from '../../core/record.ts';
import { msOfNs } from '../../core/time.ts';
import { describeEvent } from '../../runs/describe-event.ts';
import { emptyRunState } from '../../runs/run-state.ts';
import { createAppendLog } from './append-log.ts';
import { createLineRows } from './line-rows.ts';
import type { View } from './live-view.ts';
import { sanitizeLine } from './sanitize.ts';
import { outcomeGlyph, safe } from './step-text.ts';
import type { Glyphs, Style } from './style.ts';
import { isFailure, summaryOf } from './summary.ts';

export type PlainStream = {
  readonly write: (text: string) => boolean;
  readonly once: (event: 'drain' | 'close' | 'error', listener: () => void) => unknown;
  readonly off: (event: 'drain' | 'close' | 'error', listener: () => void) => unknown;
};

export type PlainViewOptions = {
  readonly out: PlainStream;
  readonly style: Style;
  readonly glyphs: Glyphs;
  /** Whether lines that steps print are shown, and not only how steps stand. */
  readonly output?: boolean;
  /** Unix milliseconds; injected by tests. */
  readonly now?: () => number;
};

/** Log viewers break lines themselves; only tables have to end somewhere. */
const summaryColumns = 160;

export function createPlainView({ out, style, glyphs, output = true, now = Date.now }: PlainViewOptions): View {
  let state = emptyRunState();
  const rows = createLineRows(style.colour);
  const headOf = ({ timeNs }: JournalRecord): string => `${style.dim(timeOf(timeNs))} `;
  const isShown = (record: OutputRecord): boolean => output && record.stream !== 'debug' && !saysWhyFailed(record);

  const linesFor = (record: JournalRecord): readonly string[] => {
    const name = safe(record.subject?.step ?? 'run');
    if (record.kind === 'event') {
      const text = stateChange(record, style, glyphs);
      return text === undefined ? [] : [`${headOf(record)}${name} ${text}`];
    }
    if (!isShown(record)) return [];
    const prefix = `${headOf(record)}${style.dim(`${name} | `)}`;
    return rows.rowsOf(record).flatMap((each) => each.map((row) => prefix + row));
  };

  const log = createAppendLog({
    linesOf: linesFor,
    headOf,
    openTextOf: (record) => (isShown(record) ? openText(record, style) : ''),
  });

  return {
    update(records, next) {
      state = next;
      const text = log.add(records);
      if (text === '' || out.write(text)) return undefined;
      return drained(out);
    },
    close(extras = {}) {
      const rest = log.end();
      if (rest !== '') out.write(rest);
      const lines = summaryOf(state, { columns: summaryColumns, nowMs: now(), style, glyphs, extras });
      out.write(`\n${lines.join('\n')}\n`);
    },
  };
}

/** The first line of a record as it is written while it has no end: after the name of its step, without colours. */
function openText(record: OutputRecord, style: Style): string {
  const [line] = linesOf(record);
  if (line === undefined) return '';
  return style.dim(`${safe(record.subject?.step ?? 'run')} | `) + sanitizeLine(line.bytes.toString('utf8'), false);
}

/** What stepspan says of an attempt that failed; the summary says it, or the line about the next attempt. */
function saysWhyFailed(record: OutputRecord): boolean {
  if (record.stream !== 'system' || record.severity !== 'error') return false;
  return /^(?:failure|error|timeout): /.test(record.bytes.toString('utf8', 0, 16));
}

/** Of the day, in UTC, as logs of machines have it. */
function timeOf(timeNs: bigint): string {
  return new Date(msOfNs(timeNs)).toISOString().slice(11, 19);
}

/** The events that change the state of a run or a step; the others are in the journal. */
function stateChange({ event }: EventRecord, style: Style, glyphs: Glyphs): string | undefined {
  const said = safe(describeEvent(event));
  switch (event.type) {
    case 'run.started':
    case 'attempt.started':
    case 'run.resumed':
    case 'stall.cleared':
      return `${style.cyan(glyphs.running)} ${said}`;
    case 'step.retrying':
      return `${style.yellow(glyphs.retrying)} ${said}`;
    case 'step.waiting':
      return `${style.yellow(glyphs.waiting)} ${said}`;
    case 'step.finished':
      // Why it failed is shown at the end, once, with its last lines.
      if (isFailure(event.outcome) && !event.tolerated)
        return `${outcomeGlyph(event.outcome, false, glyphs, style)} ${event.outcome.kind} after ${formatDuration(event.durationMs)}`;
      return `${outcomeGlyph(event.outcome, event.tolerated, glyphs, style)} ${said}`;
    case 'run.paused':
      return `${style.yellow(glyphs.paused)} ${said}`;
    case 'run.cancelling':
    case 'run.suspended':
    case 'step.expectation_unmet':
    case 'run.budget_warned':
    case 'run.budget_exceeded':
    case 'stall.detected':
    case 'process.orphaned':
    case 'claude.rate_limited':
    case 'claude.permission_denied':
    case 'journal.lost':
    case 'journal.recovered':
      return `${style.yellow('!')} ${said}`;
    default:
      return undefined;
  }
}

/** Resolves when the stream takes more, or never will: a reader that has gone must not hold up the run. */
function drained(out: PlainStream): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      for (const event of ['drain', 'close', 'error'] as const) out.off(event, done);
      resolve();
    };
    for (const event of ['drain', 'close', 'error'] as const) out.once(event, done);
  });
}
