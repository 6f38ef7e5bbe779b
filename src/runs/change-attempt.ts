// Changing one attempt of a step without changing the step given. Apart from the folds, since both of a step's folds need it.
import type { AttemptState, StepState } from './run-state.ts';

/** Changes one attempt; a step without that attempt stays as it is. */
export function changeAttempt(
  step: StepState,
  number: number,
  change: (attempt: AttemptState) => AttemptState,
): StepState {
  const index = step.attempts.findIndex((attempt) => attempt.number === number);
  const attempt = step.attempts[index];
  return attempt === undefined ? step : { ...step, attempts: step.attempts.with(index, change(attempt)) };
}
