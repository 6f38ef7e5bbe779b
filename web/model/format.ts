// Numbers as people read them: one form for each, used by every view, so that columns line up and never jump. Pure.
import { type CostBasis, costText } from '../../src/core/cost.ts';

/** `820 ms`, `4.2 s`, `3 m 05 s`, `2 h 04 m`, `3 d 2 h`. */
export function duration(ms: number | undefined): string {
  if (ms === undefined || !Number.isFinite(ms)) return '–';
  if (ms < 0) return '0 s';
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m ${pad(seconds % 60)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 1440) return `${Math.floor(minutes / 60)} h ${pad(minutes % 60)} m`;
  return `${Math.floor(minutes / 1440)} d ${Math.floor((minutes % 1440) / 60)} h`;
}

/** A running clock changes each second, so it shows no tenths: `7 s`, `1 m 12 s`. */
export function clock(ms: number): string {
  return ms < 60_000 ? `${Math.floor(Math.max(0, ms) / 1000)} s` : duration(ms);
}

/** `$0.0042`, `$1.27`, `$340`. Four digits below ten cents: model calls cost that little. */
export function money(usd: number | undefined): string {
  if (usd === undefined) return '–';
  if (usd === 0) return '$0';
  if (usd < 0.1) return `$${usd.toFixed(4)}`;
  return usd < 100 ? `$${usd.toFixed(2)}` : `$${Math.round(usd)}`;
}

/** A cost; `cost unknown`, and never $0, where nobody reported one. */
export function cost({ costUsd, costBasis }: { readonly costUsd: number; readonly costBasis: CostBasis }): string {
  return costText(costUsd, costBasis, money);
}

/** `950`, `12.4k`, `3.10M`. */
export function count(value: number | undefined): string {
  if (value === undefined) return '–';
  if (value < 10_000) return String(Math.round(value));
  if (value < 1_000_000) return `${(value / 1000).toFixed(1)}k`;
  return `${(value / 1_000_000).toFixed(2)}M`;
}

/** With thin separators, for numbers that are looked at digit by digit: `1 204 331`. */
export function digits(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, '\u2009');
}

export function bytes(value: number | undefined): string {
  if (value === undefined) return '–';
  if (value < 1024) return `${value} B`;
  if (value < 1_048_576) return `${(value / 1024).toFixed(0)} KiB`;
  if (value < 1_073_741_824) return `${(value / 1_048_576).toFixed(0)} MiB`;
  return `${(value / 1_073_741_824).toFixed(2)} GiB`;
}

/** `just now`, `4 min ago`, `3 h ago`, `2 d ago`. */
export function age(fromMs: number | undefined, nowMs: number): string {
  if (fromMs === undefined) return '–';
  const seconds = Math.max(0, (nowMs - fromMs) / 1000);
  if (seconds < 45) return 'just now';
  if (seconds < 3600) return `${Math.max(1, Math.round(seconds / 60))} min ago`;
  if (seconds < 86_400) return `${Math.round(seconds / 3600)} h ago`;
  return `${Math.round(seconds / 86_400)} d ago`;
}

/** `15:04:07` in the time zone of who watches. */
export function timeOfDay(ms: number): string {
  const date = new Date(ms);
  return `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`;
}

export function fullTime(ms: number | undefined): string {
  return ms === undefined ? '' : new Date(ms).toLocaleString();
}

function pad(value: number): string {
  return String(value).padStart(2, '0');
}
