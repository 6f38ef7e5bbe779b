// How far a run is, in the numbers that people and metrics are shown. Pure. What is still to come is estimate.ts's.
import { isReused } from '../core/outcome.ts';
import type { StepCounts } from '../core/units.ts';
import type { RunState, StepState } from './run-state.ts';

export type Progress = {
  /** The step that runs now (of several the one that came up first), or undefined between steps. */
  readonly currentStep: string | undefined;
  readonly steps: StepCounts;
  /** 0 to 100. Never goes down over a run, and is 100 exactly when the run has finished. */
  readonly progress: number;
  /** Mean over the steps that ran to an end, in milliseconds; undefined before the first has. */
  readonly averageStepDurationMs: number | undefined;
};

/**
 * How many of the planned steps are done, and the share of those that have ended: a step that is skipped is not done, and
 * nothing of it is still to come. Steps no plan named are left out, or the share could fall.
 */
export function progressOf(state: RunState): Progress {
  const planned = state.steps.filter((step) => step.planned);
  const ends = planned.flatMap(({ phase }) => (phase.kind === 'finished' ? [phase.outcome] : []));
  const reused = ends.filter(isReused).length;
  const skipped = ends.filter(({ kind }) => kind === 'skip').length - reused;
  const ran = planned.flatMap((step) =>
    step.phase.kind === 'finished' && step.attempts.length > 0 ? [step.phase.durationMs] : [],
  );
  return {
    currentStep: currentSteps(state)[0]?.id,
    steps: {
      totalSteps: planned.length,
      completedSteps: ends.length - skipped,
      reusedSteps: reused,
      skippedSteps: skipped,
    },
    progress: percent(state, ends.length, planned.length),
    averageStepDurationMs: ran.length === 0 ? undefined : ran.reduce((sum, ms) => sum + ms, 0) / ran.length,
  };
}

/** Steps that have come up and not ended, the one that came up first in front. */
export function currentSteps(state: RunState): readonly StepState[] {
  return state.steps
    .filter(({ phase: { kind } }) => kind === 'running' || kind === 'retrying' || kind === 'waiting')
    .sort((a, b) => Number((a.startedNs ?? 0n) - (b.startedNs ?? 0n)));
}

/** When the run continues, if all that is active waits for the end of a limit: the earliest of these ends. */
export function waitingUntilNs(state: RunState): bigint | undefined {
  if (state.phase.kind !== 'running') return undefined;
  const ends = currentSteps(state).map(({ phase }) => (phase.kind === 'waiting' ? phase.untilNs : undefined));
  if (ends.length === 0 || ends.includes(undefined)) return undefined;
  return ends.reduce((first, end) => (end !== undefined && first !== undefined && end < first ? end : first));
}

/** Below 100 until the run itself has ended: between its last step and its end it still closes its books. */
function percent(state: RunState, ended: number, total: number): number {
  if (state.phase.kind === 'finished') return 100;
  return total === 0 ? 0 : Math.min(99, (ended / total) * 100);
}
