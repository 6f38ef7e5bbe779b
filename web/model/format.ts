// Times and numbers as the page shows them: the forms that every reader of a run shares, with a dash for what is not known. Pure.
import { type CostBasis, formatCost, formatUsd } from '../../src/core/cost.ts';
import { formatAge, formatDuration } from '../../src/core/duration.ts';
import { formatBytes, formatShortCount } from '../../src/core/units.ts';

const unknown = '–';

export function duration(ms: number | null | undefined): string {
  return ms === undefined || ms === null || !Number.isFinite(ms) ? unknown : formatDuration(ms);
}

export function money(usd: number | undefined): string {
  return usd === undefined ? unknown : formatUsd(usd);
}

export function cost(of: { readonly costAtLeastUsd: number; readonly costBasis: CostBasis }): string {
  return formatCost(of.costAtLeastUsd, of.costBasis);
}

export function count(value: number | undefined, orElse = unknown): string {
  return value === undefined ? orElse : formatShortCount(value);
}

export function bytes(value: number | undefined): string {
  return value === undefined ? unknown : formatBytes(value);
}

export function age(fromMs: number | undefined, nowMs: number): string {
  return fromMs === undefined ? unknown : formatAge(nowMs - fromMs);
}

/** `15:04:07` in the time zone of who watches. */
export function timeOfDay(ms: number): string {
  const date = new Date(ms);
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) => String(part).padStart(2, '0')).join(':');
}

export function fullTime(ms: number | undefined): string {
  return ms === undefined ? '' : new Date(ms).toLocaleString();
}
