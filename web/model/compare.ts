// Two runs side by side: the same step in both, and by how much it differs. Pure.
import { formatUsd } from '../../src/core/cost.ts';
import { formatDuration } from '../../src/core/duration.ts';
import { formatShortCount, plural } from '../../src/core/units.ts';
import { type Run, type RunRow, type Step, stepState } from './run.ts';

export type ComparedStep = {
  readonly id: string;
  readonly name: string;
  readonly left: Step | undefined;
  readonly right: Step | undefined;
  /** Milliseconds that the right run took longer; undefined if one of the two has no duration. */
  readonly durationDelta: number | undefined;
  /** Undefined if one of the two costs is only partly known. */
  readonly costDelta: number | undefined;
  readonly changed: boolean;
};

type Costed = Pick<Step, 'costAtLeastUsd' | 'costBasis'>;

/** How much more the right one cost. */
export function costDelta(left: Costed | undefined, right: Costed | undefined): number | undefined {
  if (left?.costBasis === 'unknown' || right?.costBasis === 'unknown') return undefined;
  return (right?.costAtLeastUsd ?? 0) - (left?.costAtLeastUsd ?? 0);
}

/** By how much a run differs from an earlier one, in words; what is equal or not known is left out. */
export function differences(run: RunRow, earlier: RunRow): readonly string[] {
  const time = (run.durationMs ?? 0) - (earlier.durationMs ?? 0);
  const money = costDelta(earlier, run) ?? 0;
  return [
    ...inWords(time, formatDuration, 'longer', 'shorter'),
    ...inWords(money, formatUsd, 'more', 'less'),
    ...inWords(run.tokens - earlier.tokens, (tokens) => `${formatShortCount(tokens)} tokens`, 'more', 'less'),
    ...inWords(run.totalSteps - earlier.totalSteps, (steps) => plural(steps, 'step'), 'more', 'less'),
  ];
}

function inWords(delta: number, format: (value: number) => string, more: string, less: string): readonly string[] {
  if (format(Math.abs(delta)) === format(0)) return [];
  return [`${format(Math.abs(delta))} ${delta > 0 ? more : less}`];
}

/** In the order of the left run; steps that only the right one has come last. */
export function compareSteps(left: Run, right: Run): readonly ComparedStep[] {
  const ids = [...new Set([...left.steps, ...right.steps].map((step) => step.id))];
  return ids.map((id) => {
    const a = left.steps.find((step) => step.id === id);
    const b = right.steps.find((step) => step.id === id);
    const bothRan = typeof a?.durationMs === 'number' && typeof b?.durationMs === 'number';
    return {
      id,
      name: b?.name ?? a?.name ?? id,
      left: a,
      right: b,
      durationDelta: bothRan ? (b.durationMs ?? 0) - (a.durationMs ?? 0) : undefined,
      costDelta: costDelta(a, b),
      changed: (a && stepState(a)) !== (b && stepState(b)),
    };
  });
}
