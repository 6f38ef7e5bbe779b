// The view of a run without a terminal: in a CI log, a file or a pipe. Each line once, nothing redrawn. A line without an end yet,
// such as a question, is written as far as it has come, and continued unless something else was written in between. Every line
// begins with the step's name. In the log of a CI job, output is in groups that fold, one for each stretch in which the same steps
// run, and what changes the state of a step is printed between them.

import { formatDuration } from '../../core/duration.ts';
import { isReused, messageOf } from '../../core/outcome.ts';
import { type EventRecord, type JournalRecord, linesOf, type OutputRecord } from '../../core/record.ts';
import { msOfNs } from '../../core/time.ts';
import { describeEvent } from '../../runs/describe-event.ts';
import { emptyRunState, type RunState } from '../../runs/run-state.ts';
import { createAppendLog } from './append-log.ts';
import { asItIs, type CiLog, type Place, type Problem } from './ci-log.ts';
import { createLineRows } from './line-rows.ts';
import type { View } from './live-view.ts';
import { createLogGroups } from './log-groups.ts';
import { sanitizeLine } from './sanitize.ts';
import { outcomeGlyph, safe } from './step-text.ts';
import type { Glyphs, Style } from './style.ts';
import { isFailure, type SummaryExtras, summaryOf } from './summary.ts';

export type PlainStream = {
  readonly write: (text: string) => boolean;
  readonly once: (event: 'drain' | 'close' | 'error', listener: () => void) => unknown;
  readonly off: (event: 'drain' | 'close' | 'error', listener: () => void) => unknown;
};

export type PlainViewOptions = {
  readonly out: PlainStream;
  readonly style: Style;
  readonly glyphs: Glyphs;
  /** Whether lines that steps print are shown, and not only the states of steps. */
  readonly output?: boolean;
  /** Of the CI system in whose log the view is. */
  readonly ci?: CiLog | undefined;
  /** Where in the code a line of output says that something failed. */
  readonly placeOf?: (lines: readonly string[]) => Place | undefined;
  /** Unix milliseconds; injected by tests. */
  readonly now?: () => number;
};

/** Log viewers wrap lines themselves; tables need a width. */
const summaryColumns = 160;

export function createPlainView(options: PlainViewOptions): View {
  const { out, style, glyphs, output = true, ci, placeOf = () => undefined, now = Date.now } = options;
  let state = emptyRunState();
  const groups = ci && createLogGroups(ci);
  const inert = ci?.inert ?? asItIs;
  const rows = createLineRows(style.colour);
  const headOf = ({ timeNs }: JournalRecord): string => `${style.dim(timeOf(timeNs))} `;
  const isShown = (record: OutputRecord): boolean => output && record.stream !== 'debug' && !repeatsEvent(record);

  const linesFor = (record: JournalRecord): readonly string[] => {
    const name = safe(record.subject?.step ?? 'run');
    if (record.kind === 'event') {
      groups?.follow(record);
      if (output && isReportedByLine(record)) return [];
      const text = stateChange(record, state.runId, style, glyphs);
      return text === undefined ? [] : [inert(`${headOf(record)}${name} ${text}`)];
    }
    if (!isShown(record)) return [];
    const prefix = `${headOf(record)}${style.dim(`${name} | `)}`;
    return rows.rowsOf(record).flatMap((each) => each.map((row) => inert(prefix + row)));
  };

  const log = createAppendLog({
    linesOf: linesFor,
    beforeOf: groups?.before,
    headOf,
    // The log of a job is passed on by lines.
    openTextOf: (record) => (isShown(record) && ci === undefined ? openText(record, style) : ''),
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
      const lines = summaryOf(state, { columns: summaryColumns, nowMs: now(), style, glyphs, extras }).map(inert);
      const head = ci?.headline?.(safe(state.workflow)) ?? '';
      const problems = ci?.problem === undefined ? [] : problemsOf(state, extras, placeOf).map(ci.problem);
      const closing = [...(groups?.end(now()) ?? []), head, ...lines, ...problems];
      out.write(`${closing.join('\n')}\n`);
    },
  };
}

/** GitHub shows so many errors of one step of a job. */
const shownProblems = 10;

/** Of each failed step, why it failed, and where in the code if one of its last lines says so. */
function problemsOf(
  state: RunState,
  { lastLines }: SummaryExtras,
  placeOf: (lines: readonly string[]) => Place | undefined,
): readonly Problem[] {
  const found = state.steps.flatMap(({ id, name, phase }) => {
    if (phase.kind !== 'finished' || phase.tolerated || !isFailure(phase.outcome)) return [];
    const title = `${safe(state.workflow)}: ${safe(name)}`;
    return [{ title, message: safe(messageOf(phase.outcome)), place: placeOf(lastLines?.get(id) ?? []) }];
  });
  return found.slice(0, shownProblems);
}

/** The first line of a record as it is written while it has no end: after the name of its step, without colours. */
function openText(record: OutputRecord, style: Style): string {
  const [line] = linesOf(record);
  if (line === undefined) return '';
  return style.dim(`${safe(record.subject?.step ?? 'run')} | `) + sanitizeLine(line.bytes.toString('utf8'), false);
}

/** Events of Claude Code that a readable line of its step reports as well. */
function isReportedByLine({ event }: EventRecord): boolean {
  return event.type === 'claude.permission_denied' || event.type === 'claude.rate_limited';
}

/** Lines of stepspan that repeat what the line of an event or the summary says: why an attempt failed, the next one, a skip. */
function repeatsEvent({ stream, severity, bytes }: OutputRecord): boolean {
  if (stream !== 'system') return false;
  const text = bytes.toString('utf8', 0, 64).trimEnd();
  if (severity === 'error') return /^(?:failure|error|timeout|cancellation): /.test(text);
  return /^(?:skipped|reused): /.test(text) || /^attempt \d+ of \d+ in [^,]+$/.test(text);
}

/** The time of day in UTC, as in other logs of machines. */
function timeOf(timeNs: bigint): string {
  return new Date(msOfNs(timeNs)).toISOString().slice(11, 19);
}

/** The events that change the state of a run or a step; the others are in the journal. */
function stateChange({ event }: EventRecord, runId: string, style: Style, glyphs: Glyphs): string | undefined {
  const text = safe(describeEvent(event));
  switch (event.type) {
    case 'run.started':
    case 'attempt.started':
    case 'run.resumed':
    case 'stall.cleared':
    case 'claude.answered':
    case 'step.answered':
    case 'claude.told':
    case 'claude.interrupted':
      return `${style.cyan(glyphs.running)} ${text}`;
    case 'step.retrying':
      return `${style.yellow(glyphs.retrying)} ${text}`;
    case 'step.waiting':
      return `${style.yellow(glyphs.waiting)} ${text}`;
    case 'step.finished':
      // Why it failed is shown at the end, once, with its last lines.
      if (isFailure(event.outcome) && !event.tolerated)
        return `${outcomeGlyph(event.outcome, false, glyphs, style)} ${event.outcome.kind} after ${formatDuration(event.durationMs)}`;
      if (event.outcome.kind === 'skip')
        return `${outcomeGlyph(event.outcome, false, glyphs, style)} ${isReused(event.outcome) ? 'reused' : 'skipped'}: ${safe(event.outcome.message)}`;
      return `${outcomeGlyph(event.outcome, event.tolerated, glyphs, style)} ${text}`;
    case 'claude.asked':
    case 'step.asked':
      return `${style.yellow('!')} ${text}; answer with \`stepspan answer ${runId}\``;
    case 'run.paused':
      return `${style.yellow(glyphs.paused)} ${text}`;
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
      return `${style.yellow('!')} ${text}`;
    default:
      return undefined;
  }
}

/** Resolves when the stream takes more, or never will: a reader that is gone must not hold up the run. */
function drained(out: PlainStream): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      for (const event of ['drain', 'close', 'error'] as const) out.off(event, done);
      resolve();
    };
    for (const event of ['drain', 'close', 'error'] as const) out.once(event, done);
  });
}
