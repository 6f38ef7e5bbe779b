// Durations as people write them, `1h30m`. Pure.

/** As a regular expression for editors: at least one part, in this order, each at most once. */
export const durationPattern = /^(?=\d)(?:\d+(?:\.\d+)?h)?(?:\d+(?:\.\d+)?m)?(?:\d+(?:\.\d+)?s)?(?:\d+ms)?$/;

/** 2^31 - 1 ms (24.8 days) is the longest wait of a Node timer; a longer one would fire at once. */
export const maxDurationMs = 2 ** 31 - 1;

const unitMs: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

/** Milliseconds of `90s`, `5m`, `1h30m` or `500ms`; undefined when the text is no duration of that form. */
export function parseDuration(text: string): number | undefined {
  if (!durationPattern.test(text)) return undefined;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/([\d.]+)(ms|h|m|s)/g)) total += Number(amount) * unitMs[unit!]!;
  return Math.round(total);
}

/** The shortest text of whole units that `parseDuration` reads back: `1h30m` for 5,400,000. */
export function formatDuration(ms: number): string {
  let rest = Math.round(ms);
  let text = '';
  for (const [unit, size] of Object.entries(unitMs)) {
    const amount = Math.floor(rest / size);
    if (amount > 0) text += `${amount}${unit}`;
    rest -= amount * size;
  }
  return text === '' ? '0s' : text;
}
