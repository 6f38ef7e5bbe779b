// The values of thresholds as people write them: durations, sizes, shares, counts. Pure: text to number and back.

import { z } from 'zod';
import { formatSetDuration, parseDuration } from '../../core/duration.ts';
import { formatBytes, parseBytes } from '../../core/units.ts';
import type { Threshold, ThresholdKind } from './rule.ts';

/** A threshold as one writes it in alerts.yaml. */
export function thresholdText({ kind }: Pick<Threshold, 'kind'>, value: number): string {
  switch (kind) {
    case 'duration':
      return formatSetDuration(value);
    case 'size':
      return formatBytes(value);
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

/** Reads one threshold of alerts.yaml as a number in the unit that the program uses. */
export function thresholdSchema({ kind }: Threshold): z.ZodType<number> {
  const error = `write ${wanted[kind]}`;
  switch (kind) {
    case 'duration':
      return parsed(parseDuration, error);
    case 'size':
      return parsed(parseBytes, error);
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
