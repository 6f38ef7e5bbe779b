// The live list of steps as lines for a screen of a given size. Pure; called by the live view. No line is wider than the screen and
// there are fewer lines than rows; a line of its own counts the steps that do not fit.

import { formatDuration, formatElapsed } from '../../core/duration.ts';
import { formatStepCounts } from '../../core/units.ts';
import { unreachable } from '../../core/unreachable.ts';
import { durationOfRun } from '../../runs/make-view.ts';
import { isActive, type RunView, type StepView } from '../../runs/run-view.ts';
import { fillText, fitText, textWidth } from '../../text/width.ts';
import { costCell } from '../format.ts';
import { safe, stepGlyph, stepText, waitingText } from './step-text.ts';
import type { Glyphs, Style } from './style.ts';

export type FrameOptions = {
  readonly columns: number;
  readonly rows: number;
  /** Unix milliseconds. */
  readonly nowMs: number;
  readonly style: Style;
  readonly glyphs: Glyphs;
};

/** Longer names of steps are cut, or one name would leave no place for what the steps print. */
const maxNameColumns = 28;
const timeColumns = 9;
/** As wide as `~$0.0312`; a cost in words gets more room. */
const costColumns = 8;
/** Below this width the cost of a step is left out, below half of it the last line as well. */
const narrowColumns = 48;

export function frameOf(run: RunView, options: FrameOptions): string[] {
  // The row below the last line stays free for the cursor, or the screen would scroll at every frame.
  const room = Math.max(1, options.rows - 1);
  const { shown, hidden } = chooseSteps(run.steps, room - 1);
  const nameColumns = Math.min(
    maxNameColumns,
    Math.max(4, Math.floor(options.columns / 3)),
    Math.max(0, ...shown.map((step) => textWidth(safe(step.name)))),
  );
  const lines = shown.map((step) => stepLine(step, nameColumns, options));
  if (hidden.length > 0) lines.push(hiddenLine(hidden, options));
  lines.push(totalLine(run, options));
  return lines.slice(-room).map((line) => fitText(line, options.columns));
}

/**
 * The steps that fit in `room` lines, in the order of the plan; with a line kept for the count of the others.
 * Active steps are chosen first, then failed ones, then those to come, then the ones that ended last.
 */
export function chooseSteps(
  steps: readonly StepView[],
  room: number,
): { readonly shown: readonly StepView[]; readonly hidden: readonly StepView[] } {
  if (steps.length <= room) return { shown: steps, hidden: [] };
  const ranked = steps
    .map((step, index) => ({ step, rank: rankOf(step, index) }))
    .sort((a, b) => a.rank[0] - b.rank[0] || a.rank[1] - b.rank[1])
    .slice(0, Math.max(0, room - 1));
  const chosen = new Set(ranked.map(({ step }) => step));
  return { shown: steps.filter((step) => chosen.has(step)), hidden: steps.filter((step) => !chosen.has(step)) };
}

function rankOf({ state, outcome, endedAt }: StepView, index: number): readonly [number, number] {
  switch (state) {
    case 'running':
    case 'retrying':
    case 'waiting':
      return [0, index];
    case 'planned':
      return [2, index];
    case 'finished': {
      const hasFailed = outcome?.kind !== 'success' && outcome?.kind !== 'skip';
      return hasFailed ? [1, index] : [3, endedAt === null ? 0 : -Date.parse(endedAt)];
    }
    default:
      return unreachable(state);
  }
}

function stepLine(step: StepView, nameColumns: number, options: FrameOptions): string {
  const { columns, nowMs, style, glyphs } = options;
  const name = fillText(safe(step.name), nameColumns);
  const time = timeText(step, nowMs);
  const parts = [`${stepGlyph(step, glyphs, style)} ${step.state === 'planned' ? style.dim(name) : name}`];
  parts.push(fillText(time, timeColumns, 'right'));
  if (columns >= narrowColumns)
    parts.push(style.dim(fillText(costCell(step), Math.max(costColumns, costCell(step).length), 'right')));
  if (columns >= narrowColumns / 2) parts.push(` ${stepText(step, nowMs, style)}`);
  return parts.join(' ').trimEnd();
}

function timeText({ state, durationMs, startedAt }: StepView, nowMs: number): string {
  if (durationMs !== null) return formatDuration(durationMs);
  if (state === 'planned' || startedAt === null) return '';
  return formatElapsed(Math.max(0, nowMs - Date.parse(startedAt)));
}

function hiddenLine(hidden: readonly StepView[], { style, glyphs }: FrameOptions): string {
  const ended = hidden.filter(({ state }) => state === 'finished').length;
  const planned = hidden.filter(({ state }) => state === 'planned').length;
  const counts = [
    [ended, 'ended'],
    [hidden.length - ended - planned, 'running'],
    [planned, 'to come'],
  ] as const;
  const words = counts.flatMap(([count, what]) => (count === 0 ? [] : [`${count} ${what}`]));
  return style.dim(`${glyphs.more} ${hidden.length} more: ${words.join(', ')}`);
}

function totalLine(run: RunView, { nowMs, style }: FrameOptions): string {
  const durationMs = durationOfRun(run, nowMs);
  const parts = [
    style.bold(safe(run.workflow) || 'run'),
    statusText(run, nowMs, style),
    isActive(run.state) ? formatElapsed(durationMs) : formatDuration(durationMs),
    `${formatStepCounts(run)} steps`,
    costCell(run),
    remainingText(run, nowMs),
  ];
  return parts.filter((part) => part !== '').join('  ');
}

function statusText({ runId, state, since, until, cause }: RunView, nowMs: number, style: Style): string {
  switch (state) {
    case 'running':
      return '';
    case 'waiting_for_you':
      return style.yellow(`waits for you: \`stepspan answer ${runId}\``);
    case 'waiting':
      return style.yellow(until === null ? `waits for ${safe(cause)}` : waitingText(until, nowMs));
    case 'stuck': {
      const forMs = since === null ? 0 : Math.max(0, nowMs - Date.parse(since));
      return style.red(`stuck: ${safe(cause)} for ${formatElapsed(forMs)}`);
    }
    case 'paused':
      return style.yellow(safe(cause));
    case 'cancelling':
      return style.yellow(`cancelling (${safe(cause)})`);
    case 'over_budget':
    case 'abandoned':
      return style.red(safe(cause));
    default:
      return state;
  }
}

function remainingText({ estimatedCompletion, estimateBasis }: RunView, nowMs: number): string {
  if (estimatedCompletion === null) return '';
  const remainingMs = Date.parse(estimatedCompletion) - nowMs;
  // Below a second the estimate is less certain than it looks.
  if (remainingMs < 1000) return '';
  return `about ${formatElapsed(remainingMs)} left${estimateBasis === 'history' ? '' : '?'}`;
}
