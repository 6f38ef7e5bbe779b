// How durations and strings are written in PromQL and LogQL. Pure.

/** A number of seconds as PromQL compares it. @param ms milliseconds */
export function seconds(ms: number): string {
  return String(ms / 1000);
}

/** A string with its quotes: JSON escapes what Go's syntax, which PromQL and LogQL follow, escapes the same way. */
export function promString(text: string): string {
  return JSON.stringify(text);
}
