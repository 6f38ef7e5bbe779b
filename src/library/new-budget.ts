// Another budget for a run that continues an earlier one. As the workflow's own, it is for all of them together.
import { formatSpending } from '../core/cost.ts';
import type { Workflow } from '../workflow/index.ts';
import type { Resumable } from './resume.ts';

/** US dollars and tokens of all kinds. What is left out stays as the workflow has it; null takes the limit away. */
export type NewBudget = { readonly usd?: number | null; readonly tokens?: number | null };

export type WithBudget =
  | { readonly ok: true; readonly workflow: Workflow }
  /** One sentence: why it cannot be, and what to do. */
  | { readonly ok: false; readonly message: string };

/** @param used what the runs before have used */
export function withBudget(workflow: Workflow, used: Resumable['usedBefore'], given: NewBudget): WithBudget {
  const limits = [
    { unit: 'USD', limit: chosen(given.usd, workflow.budget.usd), isWhole: false, used: used.usd },
    { unit: 'tokens', limit: chosen(given.tokens, workflow.budget.tokens), isWhole: true, used: used.tokens },
  ] as const;
  for (const { unit, limit, isWhole, used } of limits) {
    if (limit === undefined) continue;
    if (!(limit > 0) || !Number.isFinite(limit) || (isWhole && !Number.isInteger(limit))) {
      const message = `${limit} ${unit} is not a budget; give ${isWhole ? 'a whole number of tokens' : 'an amount'} above 0`;
      return { ok: false, message };
    }
    if (used >= limit) {
      const message = `the earlier runs have used ${formatSpending(used, unit)}, so a budget of ${formatSpending(limit, unit)} leaves nothing; give more than that`;
      return { ok: false, message };
    }
  }
  const [usd, tokens] = limits;
  return { ok: true, workflow: { ...workflow, budget: { usd: usd.limit, tokens: tokens.limit } } };
}

function chosen(given: number | null | undefined, written: number | undefined): number | undefined {
  return given === undefined ? written : (given ?? undefined);
}
