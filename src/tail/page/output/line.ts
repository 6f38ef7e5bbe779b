// One line of output as the page holds it, and which lines a filter wants. Pure.
import type { Severity, Stream } from '../../../event/stream.ts';

export type OutputLine = {
  readonly seq: number;
  /** Unix milliseconds. */
  readonly timeMs: number;
  readonly step: string | undefined;
  readonly attempt: number | undefined;
  readonly stream: Stream;
  readonly severity: Severity;
  readonly text: string;
};

/** A line is wanted when each list that is not empty has its value. */
export type OutputFilter = {
  readonly steps: readonly string[];
  readonly streams: readonly Stream[];
  readonly severities: readonly Severity[];
};

export const everything: OutputFilter = { steps: [], streams: [], severities: [] };

export function wants(filter: OutputFilter, line: OutputLine): boolean {
  return (
    allows(filter.steps, line.step) && allows(filter.streams, line.stream) && allows(filter.severities, line.severity)
  );
}

export function isEverything(filter: OutputFilter): boolean {
  return filterQuery(filter) === '';
}

/** As the API takes it: a value of a list each time its name is said. */
export function filterQuery(filter: OutputFilter): string {
  const params = new URLSearchParams();
  for (const step of filter.steps) params.append('step', step);
  for (const stream of filter.streams) params.append('stream', stream);
  for (const severity of filter.severities) params.append('severity', severity);
  return params.toString();
}

/** The list with the value where it was not in it, without it where it was. */
export function toggled<T>(list: readonly T[], value: T): readonly T[] {
  return list.includes(value) ? list.filter((one) => one !== value) : [...list, value];
}

function allows<T>(list: readonly T[], value: T | undefined): boolean {
  return list.length === 0 || (value !== undefined && list.includes(value));
}
