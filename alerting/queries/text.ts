// How durations and strings are written in PromQL and LogQL. Pure.

/** The units that both Prometheus and Loki know, in milliseconds, largest first. Of `1h30m` Loki takes the same. */
const units: readonly (readonly [string, number])[] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
];

/** `6h`, `1h30m`. @param ms whole milliseconds, above 0 */
export function promDuration(ms: number): string {
  let rest = Math.round(ms);
  let text = '';
  for (const [unit, size] of units) {
    const amount = Math.floor(rest / size);
    if (amount > 0) text += `${amount}${unit}`;
    rest -= amount * size;
  }
  return text === '' ? '0s' : text;
}

/** A number of seconds as PromQL compares it. @param ms milliseconds */
export function seconds(ms: number): string {
  return String(ms / 1000);
}

/** A string with its quotes: JSON escapes what Go's syntax, which PromQL and LogQL follow, escapes the same way. */
export function promString(text: string): string {
  return JSON.stringify(text);
}
