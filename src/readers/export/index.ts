// Export: a run as a file to keep, as text, ndjson, csv or OTLP/JSON. The command line calls it, and imports from this file only.
//
// Records come in batches from a journal, or from Loki (loki/), are joined to whole lines and filtered in export-run.ts, and leave as
// the strings and buffers of one format. One batch is held at a time, so a slow disk or pipe costs no memory.

export * from './export-format.ts';
export * from './export-run.ts';
export { createLokiClient } from './loki/loki-client.ts';
export { LokiError } from './loki/loki-error.ts';
export { createLokiSource } from './loki/loki-source.ts';
export type { OtlpMapper } from './otlp-format.ts';
export { createTextWriter } from './text-format.ts';
