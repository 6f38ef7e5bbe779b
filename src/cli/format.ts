// The cost of something, and tables, as several commands print them. Pure.
import { formatCost } from '../core/cost.ts';
import type { Cost } from '../runs/run-view.ts';
import { fillText, fitText, textWidth } from '../text/width.ts';

/** The cost of a run, a step or an attempt; '' for one that cost nothing. */
export function costCell({ costAtLeastUsd, costBasis }: Cost): string {
  return costAtLeastUsd > 0 || costBasis === 'unknown' ? formatCost(costAtLeastUsd, costBasis) : '';
}

export type Column = { readonly head: string; readonly side?: 'left' | 'right' };

/**
 * Rows under heads, columns as wide as their widest cell, two spaces between.
 * @param width columns of the terminal; longer rows are cut. Infinity if there is no terminal
 */
export function formatTable(columns: readonly Column[], rows: readonly (readonly string[])[], width: number): string[] {
  const widths = columns.map(({ head }, index) =>
    Math.max(textWidth(head), ...rows.map((row) => textWidth(row[index] ?? ''))),
  );
  const line = (cells: readonly string[]): string => {
    const filled = columns.map(({ side = 'left' }, index) => fillText(cells[index] ?? '', widths[index] ?? 0, side));
    const text = filled.join('  ').trimEnd();
    return width === Number.POSITIVE_INFINITY ? text : fitText(text, width);
  };
  return [line(columns.map(({ head }) => head)), ...rows.map(line)];
}
