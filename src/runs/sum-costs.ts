// What several runs cost, added up by workflow, step, model or label. Pure. A cost that is not known is part of each sum it belongs to, so
// that no sum looks smaller than what was paid.
import { type CostBasis, sumUsd, weakestBasis } from '../core/cost.ts';
import { labelValue } from '../core/labels.ts';
import { tokensOf, totalTokens } from './model-use.ts';
import type { RunState } from './run-state.ts';
import type { Cost } from './run-view.ts';

export const costKeys = ['workflow', 'step', 'model'] as const;
/** Or the value of a label. */
export type CostKey = (typeof costKeys)[number] | `label:${string}`;

export type CostSum = Cost & {
  /** The workflow, `workflow / step`, the model, or the value of the label. */
  readonly name: string;
  readonly runs: number;
  /** Of a step they are not known by themselves: null. */
  readonly tokens: number | null;
};

export type CostSums = { readonly total: CostSum; readonly groups: readonly CostSum[] };

/** The name of what a run cost beside its models: nobody reported which one it was. */
export const unnamedModel = '(model not reported)';

type Part = {
  readonly name: string;
  readonly costUsd: number;
  readonly costBasis: CostBasis;
  readonly tokens: number | undefined;
};

/** @returns the groups, the most expensive first */
export function sumCosts(runs: readonly RunState[], by: CostKey): CostSums {
  const groups = new Map<string, Part[]>();
  for (const run of runs) {
    for (const part of partsOf(run, by)) groups.set(part.name, [...(groups.get(part.name) ?? []), part]);
  }
  const sums = [...groups].map(([name, parts]) => sumOf(name, parts));
  const total = sumOf(
    'total',
    runs.map(({ workflow, costUsd, costBasis, models }) => ({
      ...{ name: workflow, costUsd, costBasis, tokens: totalTokens(models) },
    })),
  );
  return { total, groups: sums.toSorted((a, b) => b.costAtLeastUsd - a.costAtLeastUsd || compare(a.name, b.name)) };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The name of the runs without the label. */
export const unlabelled = '(no label)';

/** Each group once for each run. */
function partsOf(run: RunState, by: CostKey): readonly Part[] {
  const { workflow, costUsd, costBasis, models } = run;
  switch (by) {
    case 'workflow':
      return [{ name: workflow, costUsd, costBasis, tokens: totalTokens(models) }];
    case 'step':
      return run.steps
        .filter(({ attempts }) => attempts.length > 0)
        .map((step) => ({
          ...{ name: `${workflow} / ${step.id}`, costUsd: step.costUsd, costBasis: step.costBasis, tokens: undefined },
        }));
    case 'model':
      return modelParts(run);
    default: {
      const name = labelValue(run.labels, by.slice('label:'.length)) ?? unlabelled;
      return [{ name, costUsd, costBasis, tokens: totalTokens(models) }];
    }
  }
}

function modelParts({ costUsd, costBasis, models }: RunState): readonly Part[] {
  const named = Object.values(models).map(
    (use): Part => ({
      name: use.model,
      costUsd: use.costUsd,
      // A call of a model is never free: 0 is that of a model without a known price.
      costBasis: use.costUsd === 0 && tokensOf(use) > 0 ? 'unknown' : costBasis === 'unknown' ? 'known' : costBasis,
      tokens: tokensOf(use),
    }),
  );
  const rest = sumUsd([costUsd, ...named.map((part) => -part.costUsd)]);
  const isUnknown = costBasis === 'unknown' && !named.some((part) => part.costBasis === 'unknown');
  if (rest <= 0 && !isUnknown) return named;
  return [...named, { name: unnamedModel, costUsd: Math.max(0, rest), costBasis, tokens: 0 }];
}

function sumOf(name: string, parts: readonly Part[]): CostSum {
  const costAtLeastUsd = sumUsd(parts.map(({ costUsd }) => costUsd));
  const costBasis = weakestBasis(parts.map((part) => part.costBasis));
  const tokens = parts.map((part) => part.tokens);
  return {
    name,
    runs: parts.length,
    costUsd: costBasis === 'unknown' ? null : costAtLeastUsd,
    costBasis,
    costAtLeastUsd,
    tokens: tokens.includes(undefined) ? null : tokens.reduce<number>((sum, count) => sum + (count ?? 0), 0),
  };
}
