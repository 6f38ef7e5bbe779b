// What a format of an export must be able to do, and the names of all of them. Each format has a file of its own.
import type { JournalRecord } from '../../core/record.ts';

export const exportFormats = ['text', 'ndjson', 'csv', 'otlp-json'] as const;
export type ExportFormat = (typeof exportFormats)[number];

/** Turns wanted records into the bytes of a file. Called in the order of the journal. */
export type FormatWriter = {
  /** What comes before the first record, '' for nothing. */
  readonly head: string;
  /** Records of which every line is wanted. */
  readonly records: (records: readonly JournalRecord[]) => Iterable<string | Buffer>;
  readonly end: () => Iterable<string | Buffer>;
};
