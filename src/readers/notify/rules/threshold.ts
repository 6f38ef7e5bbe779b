// The values of thresholds as people write them: durations, sizes, shares, counts. Pure: text to number and back.
import { z } from 'zod';
import type { Threshold, ThresholdKind } from './rule.ts';

const durationUnits: Readonly<Record<string, number>> = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1 };
const durationPattern =
  /^(?=\d)(?:\d+(?:\.\d+)?d)?(?:\d+(?:\.\d+)?h)?(?:\d+(?:\.\d+)?m)?(?:\d+(?:\.\d+)?s)?(?:\d+ms)?$/;
const sizeUnits: readonly (readonly [string, number])[] = [
  ['GiB', 2 ** 30],
  ['MiB', 2 ** 20],
  ['KiB', 2 ** 10],
];

/** Milliseconds of `15m`, `1h30m` or `2d`; undefined where the text is no duration. */
export function durationMs(text: string): number | undefined {
  if (!durationPattern.test(text)) return undefined;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/([\d.]+)(ms|d|h|m|s)/g))
    total += Number(amount) * (durationUnits[unit ?? ''] ?? 0);
  return Math.round(total);
}

/** The shortest text that `durationMs` reads back: `1h30m` for 5,400,000. */
export function durationText(ms: number): string {
  let rest = Math.round(ms);
  let text = '';
  for (const [unit, size] of Object.entries(durationUnits)) {
    const amount = Math.floor(rest / size);
    if (amount > 0) text += `${amount}${unit}`;
    rest -= amount * size;
  }
  return text === '' ? '0s' : text;
}

/** Bytes of `256MiB`, `1.5GiB` or `4096`; undefined where the text is no size. */
export function sizeBytes(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?) ?(?:([kmg])i?)?b?$/i.exec(text);
  if (match === null) return undefined;
  const unit = sizeUnits.find(([name]) => name[0]?.toLowerCase() === match[2]?.toLowerCase());
  return Math.round(Number(match[1]) * (unit?.[1] ?? 1));
}

/** `256MiB` for 268,435,456; one decimal where it does not come out even. */
export function sizeText(bytes: number): string {
  for (const [unit, size] of sizeUnits)
    if (bytes >= size) return `${(bytes / size).toFixed(1).replace(/\.0$/, '')}${unit}`;
  return `${Math.round(bytes)}B`;
}

/** A threshold as one writes it in alerts.yaml. */
export function thresholdText({ kind }: Pick<Threshold, 'kind'>, value: number): string {
  switch (kind) {
    case 'duration':
      return durationText(value);
    case 'size':
      return sizeText(value);
    case 'share':
    case 'count':
    case 'number':
      return String(value);
  }
}

/** What to write for a threshold of each kind, after "write". */
const wanted: Readonly<Record<ThresholdKind, string>> = {
  duration: 'a duration such as `30s`, `15m`, `2h` or `1d`',
  size: 'a size such as `256MiB` or `1GiB`',
  share: 'a share from 0 to 1 such as `0.8`',
  count: 'a whole number from 1',
  number: 'a number above 0',
};

/** Reads one threshold of alerts.yaml and gives it in the unit of the program. */
export function thresholdSchema({ kind }: Threshold): z.ZodType<number> {
  const error = `write ${wanted[kind]}`;
  switch (kind) {
    case 'duration':
      return parsed(durationMs, error);
    case 'size':
      return parsed(sizeBytes, error);
    case 'share':
      return z.number({ error }).min(0, { error }).max(1, { error });
    case 'count':
      return z.number({ error }).int({ error }).min(1, { error });
    case 'number':
      return z.number({ error }).positive({ error });
  }
}

function parsed(parse: (text: string) => number | undefined, error: string): z.ZodType<number> {
  return z.union([z.string(), z.number()], { error }).transform((raw, context) => {
    const value = parse(String(raw));
    if (value !== undefined && value > 0) return value;
    context.addIssue({ code: 'custom', message: error });
    return z.NEVER;
  });
}
