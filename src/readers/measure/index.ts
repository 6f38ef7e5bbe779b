// Metrics for Prometheus, counted from the journals of runs.
//
// Owns: the catalogue of all metrics, the fold from records to changes of them, the counters with their bounds on labels, and the text of
// a scrape. Called by the hub for a data folder, and by a run for itself. Records come in through `take`; each is counted once, because
// counters and positions are stored together.
export { catalogue, metrics } from './catalogue.ts';
export { type Format, formatFor } from './exposition.ts';
export { labelBounds } from './label-bounds.ts';
export { createMeasure, type Measure, pushCursor, type Scrape, type StoredMeasure } from './measure.ts';
export { add, type Change, type GaugeSample, gauge, type LabelValues, type Metric } from './metric.ts';
export { labelledMetrics } from './run-labels.ts';
export type { RunMemory } from './run-memory.ts';
export { loadState, saveState } from './state-file.ts';
