// What a sum of money rests on, and how it is worded. Pure; used by everything that shows a cost.

/**
 * `known`: Claude Code reported it. `estimated`: part of it was calculated from prices. `unknown`: nobody reported a part
 * of it, so the sum that stands beside it is the least that was paid.
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

/**
 * A cost in words. An unknown one is never shown as an amount alone.
 * @param money how the caller writes an amount
 */
export function costText(usd: number, basis: CostBasis, money: (usd: number) => string): string {
  switch (basis) {
    case 'known':
      return money(usd);
    case 'estimated':
      return `~${money(usd)}`;
    case 'unknown':
      return usd > 0 ? `${money(usd)} + unknown` : 'cost unknown';
  }
}
