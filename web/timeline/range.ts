// What part of time the timeline shows: all of the run, or what somebody has zoomed to. Pure: no drawing, no clock.

export type TimeRange = { readonly fromMs: number; readonly toMs: number };

/** In a shorter range nothing of a run can be distinguished: a sample of the clock is 1 ms. */
const shortestRangeMs = 5;

/** A time of the clock in a double is right to 0.0002 ms: a range that lacks less than this of the run shows all of it. */
const roundingMs = 0.01;

/** How far the axis is ahead of a run that continues, so that bars do not move at each second. */
const roomAhead = 0.15;

/** @param nowMs undefined for a run that has ended at `endMs` */
export function fullRange(startMs: number, endMs: number, nowMs: number | undefined): TimeRange {
  if (nowMs === undefined) return { fromMs: startMs, toMs: Math.max(endMs, startMs + shortestRangeMs) };
  // The end of the axis is a power of this: it moves in steps, each time the run comes near.
  const growth = 1 + roomAhead;
  const tookMs = Math.max(1_000, nowMs - startMs);
  return { fromMs: startMs, toMs: startMs + growth ** Math.ceil(Math.log(tookMs * 1.02) / Math.log(growth)) };
}

/** @param factor below 1 shows less time; `atMs` stays where it is on the screen */
export function zoom(range: TimeRange, full: TimeRange, factor: number, atMs: number): TimeRange {
  const width = Math.max(shortestRangeMs, (range.toMs - range.fromMs) * factor);
  const share = (atMs - range.fromMs) / (range.toMs - range.fromMs);
  return within({ fromMs: atMs - share * width, toMs: atMs + (1 - share) * width }, full);
}

export function pan(range: TimeRange, full: TimeRange, byMs: number): TimeRange {
  return within({ fromMs: range.fromMs + byMs, toMs: range.toMs + byMs }, full);
}

function within(range: TimeRange, full: TimeRange): TimeRange {
  const width = range.toMs - range.fromMs;
  if (width > full.toMs - full.fromMs - roundingMs) return full;
  const fromMs = Math.min(Math.max(range.fromMs, full.fromMs), full.toMs - width);
  return { fromMs, toMs: fromMs + width };
}

/** About as many round marks over the range as are wanted, in milliseconds after its zero. */
export function ticks(range: TimeRange, zeroMs: number, wanted = 6): readonly number[] {
  const rough = (range.toMs - range.fromMs) / wanted;
  const steps = [
    1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 15e3, 3e4, 6e4, 12e4, 3e5, 6e5, 9e5, 18e5, 36e5,
  ];
  const step = steps.find((value) => value >= rough) ?? Math.ceil(rough / 36e5) * 36e5;
  const marks: number[] = [];
  for (let at = Math.ceil((range.fromMs - zeroMs) / step) * step; at <= range.toMs - zeroMs; at += step) marks.push(at);
  return marks;
}
