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
