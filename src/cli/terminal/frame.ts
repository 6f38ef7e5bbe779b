// The live list as lines of a screen of a given size: pure, so that it can be tested without a terminal. No line is wider than
// the screen and there are fewer lines than rows; what has no place is counted in a line of its own.

import { formatDuration, formatElapsed } from '../../core/duration.ts';
import { type Estimate, estimate, type History } from '../../runs/estimate.ts';
import { progressOf, waitingUntilNs } from '../../runs/progress.ts';
import type { RunState, StepState } from '../../runs/run-state.ts';
import { runDurationMs, stepDurationMs } from '../../runs/totals.ts';
import { fillText, fitText, textWidth } from '../../text/width.ts';
import { costCell } from '../format.ts';
import { safe, stepDoing, stepGlyph, waitingText } from './step-text.ts';
import type { Glyphs, Style } from './style.ts';

export type FrameOptions = {
  readonly columns: number;
  readonly rows: number;
  /** Unix milliseconds. */
  readonly nowMs: number;
  readonly style: Style;
  readonly glyphs: Glyphs;
  readonly history: History;
};

/** Names of steps are cut here, or one long name would leave no place for what the steps print. */
const maxNameColumns = 28;
const timeColumns = 9;
/** As wide as `~$0.0312`; a cost in words is given more room. */
const costColumns = 8;
/** Below this width the cost of a step is left out, below half of it the last line as well. */
const narrowColumns = 48;

export function frameOf(state: RunState, options: FrameOptions): string[] {
  // The row below the last line stays free for the cursor, or the screen would scroll at every frame.
  const room = Math.max(1, options.rows - 1);
  const { shown, hidden } = chooseSteps(state.steps, room - 1);
  const nameColumns = Math.min(
    maxNameColumns,
    Math.max(4, Math.floor(options.columns / 3)),
    Math.max(0, ...shown.map((step) => textWidth(safe(step.name)))),
  );
  const lines = shown.map((step) => stepLine(step, state, nameColumns, options));
  if (hidden.length > 0) lines.push(hiddenLine(hidden, options));
  lines.push(totalLine(state, options));
  return lines.slice(-room).map((line) => fitText(line, options.columns));
}

/**
 * The steps that fit in `room` lines, in the order of the plan; with a line kept for the count of the others.
 * First those that run, then those that went wrong, then what comes next, then what ended last.
 */
export function chooseSteps(
  steps: readonly StepState[],
  room: number,
): { readonly shown: readonly StepState[]; readonly hidden: readonly StepState[] } {
  if (steps.length <= room) return { shown: steps, hidden: [] };
  const ranked = steps
    .map((step, index) => ({ step, rank: rankOf(step, index) }))
    .sort((a, b) => a.rank[0] - b.rank[0] || a.rank[1] - b.rank[1])
    .slice(0, Math.max(0, room - 1));
  const chosen = new Set(ranked.map(({ step }) => step));
  return { shown: steps.filter((step) => chosen.has(step)), hidden: steps.filter((step) => !chosen.has(step)) };
}

function rankOf(step: StepState, index: number): readonly [number, number] {
  switch (step.phase.kind) {
    case 'running':
    case 'retrying':
    case 'waiting':
      return [0, index];
    case 'planned':
      return [2, index];
    case 'finished': {
      const well = step.phase.outcome.kind === 'success' || step.phase.outcome.kind === 'skip';
      return well ? [3, -Number(step.phase.endedNs / 1_000_000n)] : [1, index];
    }
  }
}

function stepLine(step: StepState, state: RunState, nameColumns: number, options: FrameOptions): string {
  const { columns, nowMs, style, glyphs } = options;
  const name = fillText(safe(step.name), nameColumns);
  const time = timeText(step, nowMs);
  const parts = [`${stepGlyph(step, state, glyphs, style)} ${step.phase.kind === 'planned' ? style.dim(name) : name}`];
  parts.push(fillText(time, timeColumns, 'right'));
  if (columns >= narrowColumns)
    parts.push(style.dim(fillText(costCell(step), Math.max(costColumns, costCell(step).length), 'right')));
  if (columns >= narrowColumns / 2) parts.push(` ${stepDoing(step, nowMs, style)}`);
  return parts.join(' ').trimEnd();
}

function timeText(step: StepState, nowMs: number): string {
  if (step.phase.kind === 'planned') return '';
  const ms = stepDurationMs(step, nowMs);
  return step.phase.kind === 'finished' ? formatDuration(ms) : formatElapsed(ms);
}

function hiddenLine(hidden: readonly StepState[], { style, glyphs }: FrameOptions): string {
  const ended = hidden.filter((step) => step.phase.kind === 'finished').length;
  const going = hidden.filter(
    ({ phase: { kind } }) => kind === 'running' || kind === 'retrying' || kind === 'waiting',
  ).length;
  const toCome = hidden.length - ended - going;
  const counts = [
    [ended, 'ended'],
    [going, 'running'],
    [toCome, 'to come'],
  ] as const;
  const words = counts.flatMap(([count, what]) => (count === 0 ? [] : [`${count} ${what}`]));
  return style.dim(`${glyphs.more} ${hidden.length} more: ${words.join(', ')}`);
}

function totalLine(state: RunState, { nowMs, style, history }: FrameOptions): string {
  const { completedSteps, totalSteps } = progressOf(state);
  const parts = [
    style.bold(safe(state.workflow) || 'run'),
    phaseText(state, style, nowMs),
    state.phase.kind === 'finished'
      ? formatDuration(state.phase.durationMs)
      : formatElapsed(runDurationMs(state, nowMs)),
    `${completedSteps}/${totalSteps} steps`,
    costCell(state),
    remainingText(estimate(state, history, nowMs)),
  ];
  return parts.filter((part) => part !== '').join('  ');
}

function phaseText(state: RunState, style: Style, nowMs: number): string {
  switch (state.phase.kind) {
    case 'paused':
      return style.yellow(`paused by ${safe(state.phase.by)}`);
    case 'cancelling':
      return style.yellow(`cancelling (${safe(state.phase.by)})`);
    case 'finished':
      return state.phase.outcome.kind;
    case 'unknown':
      return '';
    case 'running': {
      const untilNs = waitingUntilNs(state);
      return untilNs === undefined ? '' : style.yellow(waitingText(untilNs, nowMs));
    }
  }
}

function remainingText(left: Estimate | undefined): string {
  // Below a second the estimate is less certain than it looks.
  if (left === undefined || left.remainingMs < 1000) return '';
  return `about ${formatElapsed(left.remainingMs)} left${left.basis === 'history' ? '' : '?'}`;
}
