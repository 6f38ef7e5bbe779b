// What a run may cost, over all steps, attempts and resumes. Pure: it counts and returns the limits that were crossed.
import type { ModelUsage } from '../../core/claude-event.ts';
import type { EventOf } from '../../core/event.ts';
import type { Budget } from '../../workflow/workflow.ts';
import { tokensOf } from '../claude/index.ts';

/** The share of a budget at which people are warned, once. The alert rule for budgets uses the same number. */
export const budgetWarningShare = 0.8;

export type BudgetCrossing =
  | EventOf<'run.budget_uncertain'>
  | EventOf<'run.budget_warned'>
  | EventOf<'run.budget_exceeded'>;

export type BudgetMeter = {
  /**
   * Sets what one attempt has used so far. Later calls for the same key replace it, so that the number of Claude Code's result
   * line replaces an estimate.
   * @returns the limits that this crossed, each at most once per run
   */
  readonly update: (key: string, used: Used) => readonly BudgetCrossing[];
  readonly usedUsd: () => number;
  readonly usedTokens: () => number;
  /** USD that may still be spent; undefined without a limit in USD. Never negative. */
  readonly remainingUsd: () => number | undefined;
};

export type Used = {
  readonly usd: number;
  readonly tokens: number;
  readonly estimated: boolean;
  /** Why more than this may have been used. */
  readonly unknown?: string | undefined;
};

/** All tokens that were paid for, cache reads among them: a person sees them as used. */
export function countTokens(models: readonly ModelUsage[]): number {
  return models.reduce((sum, use) => sum + tokensOf(use), 0);
}

export function createBudgetMeter(budget: Budget): BudgetMeter {
  const attempts = new Map<string, Used>();
  let warned = false;
  let exceeded = false;
  let weakened = false;
  const total = (pick: (used: Used) => number): number => [...attempts.values()].reduce((sum, u) => sum + pick(u), 0);
  const usedUsd = (): number => total((used) => used.usd);
  const usedTokens = (): number => total((used) => used.tokens);

  return {
    usedUsd,
    usedTokens,
    remainingUsd: () => (budget.usd === undefined ? undefined : Math.max(0, budget.usd - usedUsd())),
    update(key, used) {
      attempts.set(key, used);
      const crossings: BudgetCrossing[] = [];
      const usd = usedUsd();
      const tokens = usedTokens();
      const hasLimit = budget.usd !== undefined || budget.tokens !== undefined;
      if (used.unknown !== undefined && hasLimit && !weakened) {
        weakened = true;
        crossings.push({ type: 'run.budget_uncertain', reason: used.unknown });
      }
      const share = Math.max(shareOf(usd, budget.usd), shareOf(tokens, budget.tokens));
      if (share >= budgetWarningShare && !warned) {
        warned = true;
        crossings.push({ type: 'run.budget_warned', usedUsd: usd, usedTokens: tokens, share });
      }
      if (share >= 1 && !exceeded) {
        exceeded = true;
        const inUsd = budget.usd !== undefined && usd >= budget.usd;
        crossings.push({
          type: 'run.budget_exceeded',
          unit: inUsd ? 'USD' : 'tokens',
          used: inUsd ? usd : tokens,
          limit: inUsd ? budget.usd : (budget.tokens ?? 0),
          estimated: [...attempts.values()].some((each) => each.estimated),
        });
      }
      return crossings;
    },
  };
}

/** A limit of 0 is used up by the first cent, not before it. */
function shareOf(used: number, limit: number | undefined): number {
  if (limit === undefined || used === 0) return 0;
  return limit === 0 ? 1 : used / limit;
}
