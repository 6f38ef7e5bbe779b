// The cost of something, and tables, as several commands print them. Pure.
import { formatCost } from '../core/cost.ts';
import type { Cost } from '../runs/run-view.ts';
import { fillText, fitText, textWidth } from '../text/width.ts';

/** The cost of a run, a step or an attempt; '' for one that cost nothing. */
export function costCell({ costAtLeastUsd, costBasis }: Cost): string {
  return costAtLeastUsd > 0 || costBasis === 'unknown' ? formatCost(costAtLeastUsd, costBasis) : '';
}

export type Column = {
  readonly head: string;
  readonly side?: 'left' | 'right';
  /** Cut on a narrow terminal, so that the last column can be read. */
  readonly canShrink?: boolean;
};

const gap = 2;
/** A narrow terminal shows at least this much of the last column, and of a column that shrinks. */
const leastLast = 30;
const leastShrunk = 12;

/**
 * Rows under heads, columns as wide as their widest cell, two spaces between.
 * @param width columns of the terminal; there, columns without any value are left out, and longer rows are cut. Infinity if there
 * is no terminal
 */
export function formatTable(columns: readonly Column[], rows: readonly (readonly string[])[], width: number): string[] {
  const isTerminal = width !== Number.POSITIVE_INFINITY;
  const cellsOf = columns.map(({ head, side = 'left', canShrink = false }, index) => {
    const cells = rows.map((row) => row[index] ?? '');
    return { head, side, canShrink, cells, width: Math.max(textWidth(head), ...cells.map(textWidth)) };
  });
  const filled = cellsOf.filter(({ cells }) => !isTerminal || rows.length === 0 || cells.some((cell) => cell !== ''));
  const last = filled.at(-1)?.width ?? 0;
  const whole = filled.reduce((sum, column) => sum + column.width + gap, -gap);
  let excess = whole - last + Math.min(last, leastLast) - width;
  const shown = filled.map((column) => {
    if (!column.canShrink || excess <= 0) return column;
    const shrunk = Math.min(column.width, Math.max(leastShrunk, column.width - excess));
    excess -= column.width - shrunk;
    return { ...column, width: shrunk };
  });
  const line = (cells: readonly string[]): string => {
    const texts = shown.map((column, index) => fillText(cells[index] ?? '', column.width, column.side));
    const text = texts.join(' '.repeat(gap)).trimEnd();
    return isTerminal ? fitText(text, width) : text;
  };
  return [
    line(shown.map(({ head }) => head)),
    ...rows.map((_row, at) => line(shown.map(({ cells }) => cells[at] ?? ''))),
  ];
}
