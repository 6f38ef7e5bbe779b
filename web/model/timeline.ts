// Rows of the waterfall, and what part of time it shows. Pure: no drawing, no clock.

export type Span = {
  readonly kind: string;
  readonly name: string;
  readonly step: string | undefined;
  readonly attempt: number | undefined;
  readonly startMs: number;
  /** Undefined until it ends. */
  readonly endMs: number | undefined;
  readonly result: string | undefined;
};

export type TimelineRow = {
  readonly key: string;
  readonly label: string;
  readonly depth: number;
  readonly spans: readonly Span[];
};

export type TimeRange = { readonly fromMs: number; readonly toMs: number };

/** In a shorter range nothing of a run can be distinguished: a sample of the clock is 1 ms. */
const shortestRangeMs = 5;

/**
 * One row for the run and one for each step; below a step its attempts if it has several, the tools and model calls that its
 * output shows, and the spans that Claude Code has sent of itself, a row for each name.
 */
export function timelineRows(spans: readonly Span[], names: ReadonlyMap<string, string>): readonly TimelineRow[] {
  const rows: TimelineRow[] = [];
  const ofRun = spans.filter((span) => span.kind === 'run' || span.kind === 'pause');
  if (ofRun.length > 0) rows.push({ key: 'run', label: 'Run', depth: 0, spans: ofRun });
  const byStep = Map.groupBy(
    spans.filter((span) => span.step !== undefined),
    (span) => span.step ?? '',
  );
  for (const [step, all] of byStep) {
    const own = all.filter((span) => span.kind === 'step' || span.kind === 'stall');
    rows.push({ key: `step ${step}`, label: names.get(step) ?? step, depth: 1, spans: own });
    const attempts = all.filter((span) => span.kind === 'attempt' || span.kind === 'retry_wait');
    if (attempts.filter((span) => span.kind === 'attempt').length > 1)
      rows.push({ key: `attempts ${step}`, label: 'attempts', depth: 2, spans: attempts });
    const models = all.filter((span) => span.kind === 'model');
    if (models.length > 0) rows.push({ key: `model ${step}`, label: 'model calls', depth: 2, spans: models });
    const tools = Map.groupBy(
      all.filter((span) => span.kind === 'tool'),
      (span) => span.name,
    );
    for (const [tool, calls] of tools) rows.push({ key: `tool ${step} ${tool}`, label: tool, depth: 2, spans: calls });
    const sent = Map.groupBy(
      // They are sent when they end; a parent starts before its children and ends after them.
      all.filter((span) => span.kind === 'claude').sort((a, b) => a.startMs - b.startMs || endOf(b) - endOf(a)),
      (span) => span.name,
    );
    for (const [name, same] of sent)
      rows.push({ key: `claude ${step} ${name}`, label: `claude ${name}`, depth: 2, spans: same });
  }
  return rows;
}

function endOf(span: Span): number {
  return span.endMs ?? Number.POSITIVE_INFINITY;
}

export function fullRange(spans: readonly Span[], nowMs: number): TimeRange {
  const fromMs = Math.min(...spans.map((span) => span.startMs));
  const toMs = Math.max(...spans.map((span) => span.endMs ?? nowMs));
  return spans.length === 0
    ? { fromMs: nowMs - 1000, toMs: nowMs }
    : { fromMs, toMs: Math.max(toMs, fromMs + shortestRangeMs) };
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
  const width = Math.min(range.toMs - range.fromMs, full.toMs - full.fromMs);
  const fromMs = Math.min(Math.max(range.fromMs, full.fromMs), full.toMs - width);
  return { fromMs, toMs: fromMs + width };
}

/** About six round marks over the range, in milliseconds after its zero. */
export function ticks(range: TimeRange, zeroMs: number): readonly number[] {
  const rough = (range.toMs - range.fromMs) / 6;
  const steps = [
    1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 15e3, 3e4, 6e4, 12e4, 3e5, 6e5, 9e5, 18e5, 36e5,
  ];
  const step = steps.find((value) => value >= rough) ?? Math.ceil(rough / 36e5) * 36e5;
  const marks: number[] = [];
  for (let at = Math.ceil((range.fromMs - zeroMs) / step) * step; at <= range.toMs - zeroMs; at += step) marks.push(at);
  return marks;
}
