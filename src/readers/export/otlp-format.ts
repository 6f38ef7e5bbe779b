// OTLP/JSON, one request object a line, as the Collector's otlpjsonfile receiver reads it. What a request looks like is not known
// here: the mapping belongs to the shipper, and the command line passes it in.
import type { JournalRecord } from '../../core/record.ts';
import type { FormatWriter } from './export-format.ts';

/** Makes `ExportTraceServiceRequest` and `ExportLogsServiceRequest` as JSON in one line, 64-bit integers as strings. */
export type OtlpMapper = {
  /** Gets every event of the run, wanted or not, since spans are made of them, and of the lines those that are wanted. */
  readonly map: (records: readonly JournalRecord[]) => readonly Uint8Array[];
  /** What can be said only when the last record is known. */
  readonly end: () => readonly Uint8Array[];
};

const lineFeed = Buffer.from('\n');

export function createOtlpFormat(mapper: OtlpMapper): FormatWriter {
  const lines = (requests: readonly Uint8Array[]): Buffer[] =>
    requests.flatMap(({ buffer, byteOffset, length }) => [Buffer.from(buffer, byteOffset, length), lineFeed]);
  return {
    head: '',
    records: (records) => lines(mapper.map(records)),
    end: () => lines(mapper.end()),
  };
}
