// The value of `--budget`: an amount in US dollars, a number of tokens, or none. Pure.
import { InvalidArgumentError } from 'commander';
import type { NewBudget } from '../library/index.ts';

export const budgetHelp =
  'what this run and those before it may cost together, in place of what the workflow says: 5 (US dollars), 3000000tokens, none; may be given once for each';

/** @param before of the flag where it was given before */
export function parseBudget(text: string, before: NewBudget = {}): NewBudget {
  if (text === 'none') return { usd: null, tokens: null };
  const [, amount = '', unit = ''] = /^(\d+(?:\.\d+)?)\s*(usd|tokens)?$/i.exec(text.trim()) ?? [];
  const value = Number(amount);
  const isTokens = unit.toLowerCase() === 'tokens';
  if (amount === '' || !(value > 0) || (isTokens && !Number.isSafeInteger(value))) {
    throw new InvalidArgumentError('Write an amount above 0 such as 5 (US dollars) or 3000000tokens, or none.');
  }
  return isTokens ? { ...before, tokens: value } : { ...before, usd: value };
}
