// One step of a run in one line: its sign, and what it does or waits for. Called by the live view, the summary and `show`; takes
// the view of the step, so that the terminal says the same as the page and the API. Pure.

import { formatElapsed } from '../../core/duration.ts';
import { countFindings } from '../../core/finding.ts';
import { messageOf, type Outcome } from '../../core/outcome.ts';
import { unreachable } from '../../core/unreachable.ts';
import { oneLine } from '../../runs/describe-event.ts';
import type { StepView, Wait } from '../../runs/run-view.ts';
import { sanitizeLine } from './sanitize.ts';
import type { Glyphs, Style } from './style.ts';

/** A sign, coloured by the state of the step. */
export function stepGlyph(
  { state, waitsFor, outcome, tolerated, findings }: StepView,
  glyphs: Glyphs,
  style: Style,
): string {
  switch (state) {
    case 'planned':
      return style.dim(glyphs.planned);
    case 'running':
      if (waitsFor?.kind === 'pause') return style.yellow(glyphs.paused);
      return waitsFor === null ? style.cyan(glyphs.running) : style.yellow(glyphs.running);
    case 'retrying':
      return style.yellow(glyphs.retrying);
    case 'waiting':
      return style.yellow(glyphs.waiting);
    case 'finished':
      if (outcome === null) return style.dim(glyphs.planned);
      // Green alone would say that everything was done.
      if (outcome.kind === 'success' && countFindings(findings) > 0) return style.yellow(glyphs.success);
      return outcomeGlyph(outcome, tolerated, glyphs, style);
    default:
      return unreachable(state);
  }
}

/** @param tolerated a failure after which the workflow continues is a warning */
export function outcomeGlyph(outcome: Outcome, tolerated: boolean, glyphs: Glyphs, style: Style): string {
  const bad = tolerated ? style.yellow : style.red;
  switch (outcome.kind) {
    case 'success':
      return style.green(glyphs.success);
    case 'failure':
    case 'error':
      return bad(glyphs.failure);
    case 'timeout':
      return bad(glyphs.timeout);
    case 'cancellation':
      return style.yellow(glyphs.cancellation);
    case 'skip':
      return style.dim(glyphs.skip);
    default:
      return unreachable(outcome);
  }
}

/** What a person most wants to know of the step now: what it waits for, what it does, or why it ended. */
export function stepText(step: StepView, nowMs: number, style: Style): string {
  if (step.state === 'finished') return finishedText(step, style);
  if (step.waitsFor === null) return safe(step.activity).trim();
  const failure = step.attempts.at(-1)?.outcome;
  const why = step.state === 'waiting' && failure ? `: ${safe(messageOf(failure))}` : '';
  return style.yellow(`${waitText(step.waitsFor, nowMs)}${why}`);
}

function waitText({ kind, since, until, cause }: Wait, nowMs: number): string {
  const forText = since === null ? '' : ` for ${formatElapsed(Math.max(0, nowMs - Date.parse(since)))}`;
  switch (kind) {
    case 'retry':
      return until === null
        ? safe(cause)
        : `in ${formatElapsed(Math.max(0, Date.parse(until) - nowMs))}: ${safe(cause)}`;
    case 'limit':
      return until === null ? `waits for the end of a ${safe(cause)}${forText}` : waitingText(until, nowMs);
    case 'question':
      return `waits for ${safe(cause)}${forText}`;
    case 'stall':
      return `stalled (${safe(cause)})${forText}`;
    case 'pause':
      return safe(cause);
    default:
      return unreachable(kind);
  }
}

function finishedText({ outcome, tolerated, warning }: StepView, style: Style): string {
  const text = outcome === null ? '' : safe(messageOf(outcome)) + (tolerated ? ' (may fail)' : '');
  const warned = warning === '' ? '' : style.yellow(`with warnings: ${safe(warning)}`);
  return [text, warned].filter((part) => part !== '').join('; ');
}

/** Such as `waits until 14:05:00Z, 1 h 12 m left`. */
export function waitingText(until: string, nowMs: number): string {
  const isToday = until.slice(0, 10) === new Date(nowMs).toISOString().slice(0, 10);
  const time = isToday ? until.slice(11, 19) : until.slice(0, 19);
  return `waits until ${time}Z, ${formatElapsed(Date.parse(until) - nowMs)} left`;
}

/** Text from outside as one harmless line without colours. */
export function safe(text: string, limit?: number): string {
  return sanitizeLine(oneLine(text, limit), false);
}
