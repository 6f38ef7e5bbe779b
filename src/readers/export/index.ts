// The public surface of export.

export * from './export-format.ts';
export * from './export-run.ts';
export { createLokiClient } from './loki/loki-client.ts';
export { LokiError } from './loki/loki-error.ts';
export { createLokiSource } from './loki/loki-source.ts';
export type { OtlpMapper } from './otlp-format.ts';
export { createTextWriter } from './text-format.ts';
