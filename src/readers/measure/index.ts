// The public face of measure: everything that others may import from it, and nothing else.
export { catalogue, metrics } from './catalogue.ts';
export { type Format, formatFor } from './exposition.ts';
export { labelBounds } from './label-bounds.ts';
export { createMeasure, type Measure, type Scrape, type StoredMeasure } from './measure.ts';
export { add, type Change, type GaugeSample, gauge, type LabelValues, type Metric } from './metric.ts';
export type { RunMemory } from './run-memory.ts';
export { loadState, saveState } from './state-file.ts';
