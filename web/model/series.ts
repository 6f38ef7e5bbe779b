// Samples of several steps as the columns that a chart takes: one of times, and one for each step. Pure.

/** Null is a gap; undefined joins the points on both sides. */
type Column = readonly (number | null | undefined)[];

export type SeriesColumns = {
  readonly steps: readonly string[];
  readonly times: readonly number[];
  /** One per step. */
  readonly values: readonly Column[];
};

/** Two attempts or pauses further apart than this are not joined by a line, in seconds. */
export const gapSeconds = 15;

export function seriesOf<T extends { readonly timeMs: number; readonly step: string | undefined }>(
  samples: readonly T[],
  value: (sample: T) => number,
): SeriesColumns {
  const sorted = [...samples].sort((a, b) => a.timeMs - b.timeMs);
  const steps = [...new Set(sorted.map((sample) => sample.step ?? ''))];
  const times = [...new Set(sorted.map((sample) => sample.timeMs / 1000))];
  const rowOf = new Map(times.map((time, index) => [time, index]));
  const columns = steps.map(() => times.map((): number | null => null));
  for (const sample of sorted) {
    const column = columns[steps.indexOf(sample.step ?? '')];
    const row = rowOf.get(sample.timeMs / 1000);
    if (column !== undefined && row !== undefined) column[row] = value(sample);
  }
  return { steps, times, values: columns.map((column) => joined(column, times)) };
}

/** The largest value of all, with its step and time; undefined if there are no values. */
export function peakOf({
  steps,
  times,
  values,
}: SeriesColumns): { readonly step: string; readonly value: number; readonly seconds: number } | undefined {
  let peak: { readonly step: string; readonly value: number; readonly seconds: number } | undefined;
  values.forEach((column, index) => {
    column.forEach((value, row) => {
      if (typeof value !== 'number' || value <= (peak?.value ?? 0)) return;
      peak = { step: steps[index] ?? '', value, seconds: times[row] ?? 0 };
    });
  });
  return peak;
}

/** A sample of another step in between does not make a gap. */
function joined(column: readonly (number | null)[], times: readonly number[]): Column {
  const out: (number | null | undefined)[] = [...column];
  let last: number | undefined;
  column.forEach((value, row) => {
    if (value === null) return;
    const near = last !== undefined && (times[row] ?? 0) - (times[last] ?? 0) < gapSeconds;
    if (near && last !== undefined) for (let between = last + 1; between < row; between++) out[between] = undefined;
    last = row;
  });
  return out;
}
