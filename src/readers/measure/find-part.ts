// Finds the step and the attempt that a record is about in the state of its run.
import type { EventRecord } from '../../core/record.ts';
import type { AttemptState, RunState, StepState } from '../../runs/index.ts';

export function findStep(state: RunState, id: string): StepState | undefined {
  return state.steps.find((step) => step.id === id);
}

export function findAttempt(state: RunState, { subject }: EventRecord): AttemptState | undefined {
  if (subject === undefined) return undefined;
  return findStep(state, subject.step)?.attempts.find((attempt) => attempt.number === subject.attempt);
}
