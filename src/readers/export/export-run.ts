// A run as a file to keep: the journal is read in batches, filtered and written in one of four formats.
// Holds one batch at a time and reads the next when the consumer asks for more, so a slow disk or pipe costs no memory.
// A line that was recorded in pieces is written once, whole, in the place of its last piece.
import { createLineJoiner } from '../../core/join-lines.ts';
import type { JournalRecord } from '../../core/record.ts';
import { unreachable } from '../../core/unreachable.ts';
import { createSelector, type Selection, type Selector } from '../../runs/select-records.ts';
import { createCsvFormat } from './csv-format.ts';
import type { ExportFormat, FormatWriter } from './export-format.ts';
import { createNdjsonFormat } from './ndjson-format.ts';
import { createOtlpFormat, type OtlpMapper } from './otlp-format.ts';
import { createTextFormat } from './text-format.ts';

/** The part of a journal's reader that an export needs. */
export type RecordSource = {
  readonly read: (options: { from: number; signal?: AbortSignal }) => AsyncIterable<readonly JournalRecord[]>;
  /** A number at or shortly before the first record of a time, so that an export from a time does not read all before it. */
  readonly seqBefore?: (timeNs: bigint) => Promise<number>;
};

export type ExportOptions = Selection & {
  readonly runId: string;
  readonly format: ExportFormat;
  /** Whether lines are as they were printed, and not as they were seen at their end. */
  readonly ansi: boolean;
  /** Of `text` only: the bytes of the lines as they were recorded, piece by piece, and nothing between them. */
  readonly raw?: boolean;
  /** Of `text` only: the name of its step before each line, and its time. */
  readonly prefix?: boolean;
  readonly timestamps?: boolean;
  /** Of `csv` only: do not guard fields that a spreadsheet would take for a formula. */
  readonly csvExact?: boolean;
  /** Of `otlp-json` only, which cannot be had without it. */
  readonly toOtlp?: OtlpMapper;
  readonly signal?: AbortSignal;
};

/** Small pieces are joined up to this size, so that a line does not cost a write of its own. */
const chunkBytes = 64 * 1024;

/** @throws where `otlp-json` is asked for without `toOtlp` */
export async function* exportRun(source: RecordSource, options: ExportOptions): AsyncGenerator<string | Buffer> {
  const format = createFormat(options);
  const selector = createSelector(options);
  if (format.head !== '') yield format.head;
  // Spans need all events, also those before the first wanted line.
  const from = options.format === 'otlp-json' ? 0 : await firstSeqOf(source, options, selector);
  const reading = options.signal === undefined ? { from } : { from, signal: options.signal };
  const joiner = createLineJoiner();
  const write = (records: readonly JournalRecord[]) =>
    joined(format.records(wantedOf(records, selector, options.format)));
  for await (const batch of source.read(reading)) {
    const past = batch.findIndex((record) => selector.isPast(record));
    const inside = past === -1 || options.format === 'otlp-json' ? batch : batch.slice(0, past);
    yield* write(options.raw === true ? inside : inside.flatMap(joiner.add));
    if (inside.length < batch.length) break;
  }
  yield* write(joiner.end());
  yield* joined(format.end());
}

async function firstSeqOf(source: RecordSource, { from }: ExportOptions, selector: Selector): Promise<number> {
  if (from?.kind !== 'time' || source.seqBefore === undefined) return selector.firstSeq;
  return source.seqBefore(from.ns);
}

function wantedOf(batch: readonly JournalRecord[], { select }: Selector, format: ExportFormat): JournalRecord[] {
  return batch.flatMap((record) => (format === 'otlp-json' && record.kind === 'event' ? [record] : select(record)));
}

function createFormat(options: ExportOptions): FormatWriter {
  const { format, runId, ansi } = options;
  switch (format) {
    case 'text':
      return createTextFormat(options);
    case 'ndjson':
      return createNdjsonFormat(runId, ansi);
    case 'csv':
      return createCsvFormat(runId, ansi, options.csvExact ?? false);
    case 'otlp-json':
      if (options.toOtlp === undefined) throw new Error('an export as otlp-json needs the function that maps to OTLP');
      return createOtlpFormat(options.toOtlp);
    default:
      return unreachable(format);
  }
}

/** Puts neighbouring strings together to chunks; buffers are passed through untouched. */
function* joined(parts: Iterable<string | Buffer>): Generator<string | Buffer> {
  let waiting: string[] = [];
  let length = 0;
  for (const part of parts) {
    if (typeof part === 'string') {
      waiting.push(part);
      length += part.length;
      if (length < chunkBytes) continue;
    }
    if (length > 0) yield waiting.join('');
    waiting = [];
    length = 0;
    if (typeof part !== 'string' && part.length > 0) yield part;
  }
  if (length > 0) yield waiting.join('');
}
