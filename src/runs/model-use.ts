// Adding up tokens and cost by model. Pure; knows nothing of steps or runs.

import type { ModelUsage } from '../core/claude-event.ts';
import { sumUsd } from '../core/cost.ts';
import type { TokensByModel } from './run-state.ts';

/** The four token counts in one; they do not overlap. */
export function tokensOf(use: ModelUsage): number {
  return use.inputTokens + use.outputTokens + use.cacheReadTokens + use.cacheCreationTokens;
}

/** Tokens of all models together. */
export function totalTokens(models: TokensByModel): number {
  return Object.values(models).reduce((sum, use) => sum + tokensOf(use), 0);
}

/** Cost of all models together, in USD. */
export function totalCost(models: TokensByModel): number {
  return sumUsd(Object.values(models).map((use) => use.costUsd));
}

/** One sum per model. The order of `uses` sets the order of the result, so equal input has equal floating point sums. */
export function sumByModel(uses: Iterable<ModelUsage>): TokensByModel {
  // A Map, since a model may be called `__proto__` by who controls the output.
  const sums = new Map<string, ModelUsage>();
  for (const use of uses) {
    const sum = sums.get(use.model);
    sums.set(use.model, sum === undefined ? use : addUse(sum, use));
  }
  return Object.fromEntries(sums);
}

function addUse(a: ModelUsage, b: ModelUsage): ModelUsage {
  return {
    model: a.model,
    inputTokens: a.inputTokens + b.inputTokens,
    outputTokens: a.outputTokens + b.outputTokens,
    cacheReadTokens: a.cacheReadTokens + b.cacheReadTokens,
    cacheCreationTokens: a.cacheCreationTokens + b.cacheCreationTokens,
    costUsd: sumUsd([a.costUsd, b.costUsd]),
  };
}
