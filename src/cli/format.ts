// Numbers for people: durations, money, sizes, counts, ages; and tables of them. Pure.
import { type CostBasis, costText } from '../core/cost.ts';
import { fillText, fitText, textWidth } from './terminal/width.ts';

/** `0.4s`, `12s`, `1m 04s`, `2h 03m`, `3d 04h`: two units at most, and tenths only where they matter. */
export function formatDuration(ms: number): string {
  const tenths = Math.floor(Math.max(0, ms) / 100);
  if (tenths < 100) return `${(tenths / 10).toFixed(1)}s`;
  const seconds = Math.floor(Math.max(0, ms) / 1000);
  if (seconds < 60) return `${seconds}s`;
  const two = (value: number): string => String(value).padStart(2, '0');
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m ${two(seconds % 60)}s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours}h ${two(minutes % 60)}m`;
  return `${Math.floor(hours / 24)}d ${two(hours % 24)}h`;
}

/** How long ago, in one unit: `now`, `40s ago`, `3h ago`, `12d ago`. */
export function formatAge(ms: number): string {
  if (ms < 1000) return 'now';
  if (ms < 60_000) return `${Math.floor(ms / 1000)}s ago`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)}m ago`;
  if (ms < 86_400_000) return `${Math.floor(ms / 3_600_000)}h ago`;
  return `${Math.floor(ms / 86_400_000)}d ago`;
}

/** Four decimals below a dollar, as model calls cost fractions of a cent. */
export function formatMoney(usd: number): string {
  return `$${usd.toFixed(usd < 1 ? 4 : 2)}`;
}

/** The cost of a run, a step or an attempt; '' for one that cost nothing. */
export function formatCost({
  costUsd,
  costBasis,
}: {
  readonly costUsd: number;
  readonly costBasis: CostBasis;
}): string {
  return costUsd > 0 || costBasis === 'unknown' ? costText(costUsd, costBasis, formatMoney) : '';
}

/** Powers of 1024, as `du -h` has them: `0 B`, `1.5 MiB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

/** `1,234,567`. The same in every locale, since scripts read it too. */
export function formatCount(count: number): string {
  return Math.round(count).toLocaleString('en-US');
}

/** `1 line`, `2,000 lines`. */
export function formatCounted(count: number, noun: string, plural = `${noun}s`): string {
  return `${formatCount(count)} ${count === 1 ? noun : plural}`;
}

export type Column = { readonly head: string; readonly side?: 'left' | 'right' };

/**
 * Rows under heads, columns as wide as their widest cell, two spaces between.
 * @param width columns of the terminal; longer rows are cut. Infinity where there is none
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
