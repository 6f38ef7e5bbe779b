// What the graph says of a step: in its node, in its tooltip, and to a screen reader. Pure.
import { formatElapsed } from '../../src/core/duration.ts';
import { cost, duration } from '../model/format.ts';
import { elapsedMs, type RunState, type Step, type StepState, stateWord, stepState } from '../model/run.ts';

/** A step that makes no progress looks like that, whatever its own state. */
export function seenState(step: Step): StepState | RunState {
  switch (step.waitsFor?.kind) {
    case 'stall':
      return 'stuck';
    case 'pause':
      return 'paused';
    case 'limit':
      return 'waiting';
    case 'question':
      return 'waiting_for_you';
    default:
      return stepState(step);
  }
}

/** As much as fits into a node at its font size. */
export function shortName(name: string): string {
  return name.length > 21 ? `${name.slice(0, 20)}…` : name;
}

/** As much as fits into a node at the font size of its second line. */
const detailChars = 22;

/** The second line of a node: for an active step how long it takes and what it waits for, or else does. */
export function detailOf(step: Step, nowMs: number): string {
  const { outcome, waitsFor, activity, kind, attempts } = step;
  const doing = outcome === null ? (waitsFor?.cause ?? activity) : '';
  if (doing !== '') {
    const text = `${tookOf(step, nowMs)} · ${doing}`;
    return text.length > detailChars ? `${text.slice(0, detailChars - 1)}…` : text;
  }
  const tries = attempts.length > 1 ? `, ${attempts.length} attempts` : '';
  return `${kind === 'claude' ? 'Claude · ' : ''}${tookOf(step, nowMs)}${tries}`;
}

function tookOf(step: Step, nowMs: number): string {
  const state = stepState(step);
  if (state === 'planned' || state === 'skip' || state === 'reused') return stateWord(state);
  const took = elapsedMs(step, nowMs);
  return state === 'running' && took !== undefined ? formatElapsed(took) : duration(took);
}

/** What there is to know of it at a glance, as names and values. */
export function factsOf(
  step: Step,
  names: ReadonlyMap<string, string>,
  nowMs: number,
): readonly (readonly [string, string])[] {
  const { outcome, waitsFor } = step;
  const took = elapsedMs(step, nowMs);
  const facts: readonly (readonly [string, string])[] = [
    ['State', stateWord(seenState(step))],
    ['Why', outcome === null || outcome.kind === 'success' ? '' : outcome.message],
    ['Waits for', waitsFor === null ? '' : waitsFor.cause],
    ['Now', outcome === null ? step.activity : ''],
    ['Time', step.startedAt === null ? '' : duration(took)],
    ['Cost', step.kind === 'claude' && step.startedAt !== null ? cost(step) : ''],
    ['Attempts', step.maxAttempts > 1 ? `${step.attemptCount} of at most ${step.maxAttempts}` : ''],
    ['When', step.when],
    ['After', step.needs.map((id) => names.get(id) ?? id).join(', ')],
    ['Warnings', step.warning],
  ];
  return facts.filter(([, value]) => value !== '');
}

/** Begins with what is seen, so that a person who speaks to the page can say it. */
export function spokenOf(step: Step, nowMs: number): string {
  const rest = [
    stateWord(seenState(step)),
    step.outcome === null || step.outcome.kind === 'success' ? '' : step.outcome.message,
    step.warning === '' ? '' : `warnings: ${step.warning}`,
    step.when === '' ? '' : `when ${step.when}`,
    shortName(step.name) === step.name ? '' : step.name,
  ];
  return [`${shortName(step.name)} ${detailOf(step, nowMs)}`, ...rest.filter((text) => text !== '')].join(', ');
}
