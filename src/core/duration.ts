// Lengths of time as text. Everything that shows or reads one does it here, so that the same length reads the same
// everywhere: terminal, page, alerts, messages. There are two forms.
//
// A length that was measured is for people: `820 ms`, `4.2 s`, `4 m 05 s`, `2 h 04 m`, `3 d 02 h`. One decimal below a
// minute, two units above. `formatElapsed` is the same for a clock that ticks, without the decimal; `formatAge` has one unit.
//
// A length that somebody set (a timeout, a threshold) reads as it is written in a workflow or a setting: `90s`, `1h30m`, `2d`.

const unitMs: Readonly<Record<string, number>> = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

/** As a regular expression for editors: at least one part, in this order, each at most once. */
export const durationPattern =
  /^(?=\d)(?:\d+(?:\.\d+)?d)?(?:\d+(?:\.\d+)?h)?(?:\d+(?:\.\d+)?m)?(?:\d+(?:\.\d+)?s)?(?:\d+ms)?$/;

/** 2^31 - 1 ms (24.8 days) is the longest wait of a Node timer; a longer one would fire at once. */
export const maxDurationMs = 2 ** 31 - 1;

/** Milliseconds of `90s`, `5m`, `1h30m`, `2d` or `500ms`; undefined if the text is not a duration of that form. */
export function parseDuration(text: string): number | undefined {
  if (!durationPattern.test(text)) return undefined;
  let total = 0;
  for (const [, amount, unit = ''] of text.matchAll(/([\d.]+)(ms|d|h|m|s)/g))
    total += Number(amount) * (unitMs[unit] ?? 0);
  return Math.round(total);
}

/** The shortest text of whole units that `parseDuration` reads back: `1h30m` for 5,400,000. */
export function formatSetDuration(ms: number): string {
  let rest = Math.round(ms);
  let text = '';
  for (const [unit, size] of Object.entries(unitMs)) {
    const amount = Math.floor(rest / size);
    if (amount > 0) text += `${amount}${unit}`;
    rest -= amount * size;
  }
  return text === '' ? '0s' : text;
}

/** A measured length of time: `820 ms`, `4.2 s`, `4 m 05 s`, `2 h 04 m`, `3 d 02 h`. */
export function formatDuration(ms: number): string {
  if (!(ms > 0)) return '0 s';
  if (ms < 999.5) return `${Math.max(1, Math.round(ms))} ms`;
  return ms < 59_950 ? `${(ms / 1000).toFixed(1)} s` : wholeSeconds(Math.round(ms / 1000));
}

/** The time that something has taken so far, for a clock that ticks: `7 s`, `1 m 12 s`. */
export function formatElapsed(ms: number): string {
  return wholeSeconds(Math.floor(Math.max(0, ms) / 1000));
}

/** How long ago something was, in one unit: `just now`, `40 s ago`, `3 h ago`, `12 d ago`. */
export function formatAge(ms: number): string {
  const [unit, size] = Object.entries(unitMs).find(([, each]) => ms >= each) ?? ['ms', 1];
  return unit === 'ms' ? 'just now' : `${Math.floor(ms / size)} ${unit} ago`;
}

function wholeSeconds(seconds: number): string {
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return twoUnits(minutes, 'm', seconds % 60, 's');
  const hours = Math.floor(minutes / 60);
  return hours < 24 ? twoUnits(hours, 'h', minutes % 60, 'm') : twoUnits(Math.floor(hours / 24), 'd', hours % 24, 'h');
}

function twoUnits(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return `${large} ${largeUnit} ${String(small).padStart(2, '0')} ${smallUnit}`;
}
