// The public surface of export.

export * from './export-format.ts';
export * from './export-run.ts';
export type { OtlpMapper } from './otlp-format.ts';
export { createTextWriter } from './text-format.ts';
