// Counts and sizes as text, the same everywhere: terminal, page, alerts, messages. Lengths of time are in duration.ts, money in
// cost.ts.

/** `1,234,567`. The same in every locale, because scripts read it too. Without Intl, which a short command loads for nothing else. */
export function formatCount(count: number): string {
  return String(Math.round(count)).replace(/\B(?=(?:\d{3})+$)/g, ',');
}

/** For places with little room: `950`, `12.4k`, `3.10M`. */
export function formatShortCount(count: number): string {
  if (count < 10_000) return String(Math.round(count));
  return count < 999_950 ? `${(count / 1000).toFixed(1)}k` : `${(count / 1_000_000).toFixed(2)}M`;
}

/** `1 line`, `2,000 lines`, `0 retries`. @param many for a noun that does not take an s */
export function plural(count: number, noun: string, many = `${noun}s`): string {
  return `${formatCount(count)} ${count === 1 ? noun : many}`;
}

/** How many of its planned steps a run has done. */
export type StepCounts = {
  readonly totalSteps: number;
  /** Those that ran to an end, and those whose result was reused. A skipped step is not done. */
  readonly completedSteps: number;
  /** Of `completedSteps`: results that were taken over from the run before. */
  readonly reusedSteps: number;
  readonly skippedSteps: number;
};

/** `3 of 6`, `6 of 6, 4 reused`, `3 of 6, 2 skipped`. */
export function formatStepCounts({ totalSteps, completedSteps, reusedSteps, skippedSteps }: StepCounts): string {
  const reused = reusedSteps === 0 ? '' : `, ${formatCount(reusedSteps)} reused`;
  const skipped = skippedSteps === 0 ? '' : `, ${formatCount(skippedSteps)} skipped`;
  return `${formatCount(completedSteps)} of ${formatCount(totalSteps)}${reused}${skipped}`;
}

/** Each 1024 times the one before, as `du -h` and most tools for disks have them. */
const sizeUnits = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** `0 B`, `1.5 MiB`, `20 GiB`: one decimal, unless it is 0. */
export function formatBytes(bytes: number): string {
  let value = Math.round(bytes);
  let unit = 0;
  // What would round up to 1024 is the next unit.
  for (; value >= 1023.95 && unit < sizeUnits.length - 1; unit += 1) value /= 1024;
  return `${value.toFixed(1).replace(/\.0$/, '')} ${sizeUnits[unit]}`;
}

/** Bytes of `256MiB`, `1.5 GiB`, `10G` or `4096`; undefined if the text is not a size. */
export function parseBytes(text: string): number | undefined {
  const [, amount, prefix = ''] = /^(\d+(?:\.\d+)?) ?([kmgt]?)(?:i?b)?$/i.exec(text.trim()) ?? [];
  if (amount === undefined) return undefined;
  const unit = sizeUnits.findIndex((name) => name.startsWith(`${prefix.toUpperCase()}${prefix === '' ? 'B' : 'i'}`));
  return Math.round(Number(amount) * 1024 ** unit);
}
