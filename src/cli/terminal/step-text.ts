// How one step is shown in one line: its sign, its time and what it is doing. Pure; where on the screen is others' business.

import { formatElapsed } from '../../core/duration.ts';
import { countFindings } from '../../core/finding.ts';
import { messageOf, type Outcome } from '../../core/outcome.ts';
import { isoOfNs, msOfNs } from '../../core/time.ts';
import { unreachable } from '../../core/unreachable.ts';
import { oneLine } from '../../runs/describe-event.ts';
import { describeFindings } from '../../runs/describe-findings.ts';
import { findingsOfStep, type RunState, type StepState } from '../../runs/run-state.ts';
import { sanitizeLine } from './sanitize.ts';
import type { Glyphs, Style } from './style.ts';

/** A sign, coloured by the state of the step. */
export function stepGlyph(step: StepState, run: RunState, glyphs: Glyphs, style: Style): string {
  switch (step.phase.kind) {
    case 'planned':
      return style.dim(glyphs.planned);
    case 'running':
      if (run.phase.kind === 'paused' && run.phase.now) return style.yellow(glyphs.paused);
      return step.stall === undefined ? style.cyan(glyphs.running) : style.yellow(glyphs.running);
    case 'retrying':
      return style.yellow(glyphs.retrying);
    case 'waiting':
      return style.yellow(glyphs.waiting);
    case 'finished':
      // Green alone would say that all was done.
      if (step.phase.outcome.kind === 'success' && countFindings(findingsOfStep(step)) > 0)
        return style.yellow(glyphs.success);
      return outcomeGlyph(step.phase.outcome, step.phase.tolerated, glyphs, style);
    default:
      return unreachable(step.phase);
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

/** What a person most wants to know of the step now: why it is stuck, what it waits for, or what it printed last. */
export function stepDoing(step: StepState, nowMs: number, style: Style): string {
  const { phase } = step;
  switch (phase.kind) {
    case 'planned':
      return '';
    case 'retrying': {
      const inMs = Math.max(0, msOfNs(phase.untilNs) - nowMs);
      return style.yellow(`attempt ${phase.nextAttempt} in ${formatElapsed(inMs)}: ${safe(messageOf(phase.outcome))}`);
    }
    case 'waiting':
      return style.yellow(`${waitingText(phase.untilNs, nowMs)}: ${safe(messageOf(phase.outcome))}`);
    case 'finished':
      return finishedText(step, phase, style);
    case 'running':
      return runningText(step, nowMs, style);
    default:
      return unreachable(phase);
  }
}

function runningText(step: StepState, nowMs: number, style: Style): string {
  const { stall, activity } = step;
  if (stall !== undefined) {
    const forMs = stall.forMs + Math.max(0, nowMs - msOfNs(stall.sinceNs));
    return style.yellow(`stalled (${stall.cause.replaceAll('_', ' ')}) for ${formatElapsed(forMs)}`);
  }
  const last = safe(step.lastLine).trim();
  switch (activity.kind) {
    case 'none':
    case 'model':
      return last;
    case 'tool':
      return last.startsWith(activity.tool) ? style.cyan(last) : `${style.cyan(safe(activity.tool))} ${last}`;
    case 'api_retry':
      return style.yellow(`API retry ${activity.attempt}: ${safe(activity.error)}`);
    case 'rate_limited':
      return style.yellow(`rate limited${activity.resetsAt === undefined ? '' : ` until ${safe(activity.resetsAt)}`}`);
    default:
      return unreachable(activity);
  }
}

function finishedText(step: StepState, phase: Extract<StepState['phase'], { kind: 'finished' }>, style: Style): string {
  const found = findingsOfStep(step);
  const warnings = countFindings(found) === 0 ? '' : style.yellow(`with warnings: ${safe(describeFindings(found))}`);
  const text = safe(messageOf(phase.outcome)) + (phase.tolerated ? ' (may fail)' : '');
  return text === '' ? warnings : `${text}${warnings === '' ? '' : `; ${warnings}`}`;
}

/** Such as `waits until 14:05:00Z, 1 h 12 m left`. */
export function waitingText(untilNs: bigint, nowMs: number): string {
  const iso = isoOfNs(untilNs);
  const isToday = iso.slice(0, 10) === new Date(nowMs).toISOString().slice(0, 10);
  const time = isToday ? iso.slice(11, 19) : iso.slice(0, 19);
  return `waits until ${time}Z, ${formatElapsed(msOfNs(untilNs) - nowMs)} left`;
}

/** Text from outside as one harmless line without colours. */
export function safe(text: string, limit?: number): string {
  return sanitizeLine(oneLine(text, limit), false);
}
