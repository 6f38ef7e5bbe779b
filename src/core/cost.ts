// How well a sum of money is known, and how it reads. Everything that adds up or shows a cost does it here.

import { plural } from './units.ts';
import { unreachable } from './unreachable.ts';

/**
 * `known`: Claude Code reported it. `estimated`: part of it was calculated from prices. `unknown`: a part was not
 * reported, so the sum beside it is the least that was paid.
 */
export type CostBasis = 'known' | 'estimated' | 'unknown';

const ranks: Readonly<Record<CostBasis, number>> = { known: 0, estimated: 1, unknown: 2 };

/** The basis of a sum is that of its weakest part; a sum of nothing is known. */
export function weakestBasis(bases: Iterable<CostBasis>): CostBasis {
  let weakest: CostBasis = 'known';
  for (const basis of bases) if (ranks[basis] > ranks[weakest]) weakest = basis;
  return weakest;
}

/** A hundred-millionth of a dollar is less than one token of any model costs; finer digits come from binary fractions alone. */
const usdDecimals = 8;

/** An amount as it was paid: without the digits that sums of binary fractions leave, as in 0.055799999999999995. */
export function roundUsd(usd: number): number {
  return Number(usd.toFixed(usdDecimals));
}

/** Every sum of money is made here. */
export function sumUsd(amounts: Iterable<number>): number {
  let sum = 0;
  for (const amount of amounts) sum += amount;
  return roundUsd(sum);
}

/** `$0`, `$0.0042`, `$1.27`; `<$0.0001` for less. Four decimals below ten cents, as a call of a model costs fractions of one. */
export function formatUsd(usd: number): string {
  if (usd === 0) return '$0';
  if (usd < 0.00005) return '<$0.0001';
  return `$${usd.toFixed(usd < 0.09995 ? 4 : 2)}`;
}

/** What a budget counts: `$5.00` or `3,000,000 tokens`. */
export function formatSpending(amount: number, unit: 'USD' | 'tokens'): string {
  return unit === 'USD' ? formatUsd(amount) : plural(amount, 'token');
}

/** A cost in words. An unknown one is never shown as an amount alone. */
export function formatCost(costUsd: number, costBasis: CostBasis): string {
  switch (costBasis) {
    case 'known':
      return formatUsd(costUsd);
    case 'estimated':
      return `~${formatUsd(costUsd)}`;
    case 'unknown':
      return costUsd > 0 ? `${formatUsd(costUsd)} + unknown` : 'cost unknown';
    default:
      return unreachable(costBasis);
  }
}
