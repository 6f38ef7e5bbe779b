// Two runs side by side: the same step in both, and by how much it differs. Pure.
import type { RunView, StepView } from './run-view.ts';

export type ComparedStep = {
  readonly id: string;
  readonly name: string;
  readonly left: StepView | undefined;
  readonly right: StepView | undefined;
  /** Milliseconds that the right run took longer; undefined where one of the two has no duration. */
  readonly durationDelta: number | undefined;
  /** Undefined where one of the two costs is not known whole. */
  readonly costDelta: number | undefined;
  readonly changed: boolean;
};

type Costed = Pick<StepView, 'costUsd' | 'costBasis'>;

/** How much more the right one cost. */
export function costDelta(left: Costed | undefined, right: Costed | undefined): number | undefined {
  if (left?.costBasis === 'unknown' || right?.costBasis === 'unknown') return undefined;
  return (right?.costUsd ?? 0) - (left?.costUsd ?? 0);
}

/** In the order of the left run; steps that only the right one has come last. */
export function compareSteps(left: RunView, right: RunView): readonly ComparedStep[] {
  const ids = [...new Set([...left.stepList, ...right.stepList].map((step) => step.id))];
  return ids.map((id) => {
    const a = left.stepList.find((step) => step.id === id);
    const b = right.stepList.find((step) => step.id === id);
    const bothRan = a?.durationMs !== undefined && b?.durationMs !== undefined;
    return {
      id,
      name: b?.name ?? a?.name ?? id,
      left: a,
      right: b,
      durationDelta: bothRan ? (b.durationMs ?? 0) - (a.durationMs ?? 0) : undefined,
      costDelta: costDelta(a, b),
      changed: a?.status !== b?.status,
    };
  });
}
