// Lines of a run by range: from a number on, or around one, all or filtered. Reads no more than a bound and says where it
// stopped, so that a filter that fits one line in a million answers at once and is asked again.
import type { JournalRecord, Line, OutputRecord } from '../../core/record.ts';
import { linesOf, seqCount } from '../../core/record.ts';
import type { JournalReader } from '../../journal/index.ts';
import { severityOfLine } from '../../text/severity.ts';
import type { LineAnswer } from '../schema/answers.ts';

export type Range = {
  readonly lines: readonly LineAnswer[];
  /** Everything in [prevSeq, nextSeq) was looked at. */
  readonly prevSeq: number;
  readonly nextSeq: number;
};

/** The wanted parts of a batch of records. */
export type Select = (records: readonly JournalRecord[]) => readonly JournalRecord[];

export type RangeOptions = {
  readonly select: Select;
  readonly limit: number;
  readonly signal: AbortSignal;
  /** What is there: [firstSeq, headSeq). */
  readonly firstSeq: number;
  readonly headSeq: number;
};

/**
 * The work of one request: time, and text that is held to be answered. 150 ms keep a page responsive and read some 100 MB
 * of a journal; 2 MiB are 20,000 lines of usual length.
 */
export const rangeBounds = { workMs: 150, textBytes: 2 * 1024 * 1024 } as const;

/** A longer line is cut for people; `export` has all of it. Captured lines are bounded as well, but may be joined ones. */
export const maxLineChars = 64 * 1024;

/** Lines in front of a number are looked for in windows that grow so many times, since a journal is read forwards only. */
const windowGrowth = 4;

/** Time is looked at between windows, so none may take long: so many lines are some 20 MB. */
const maxWindow = 200_000;

/** Small enough that a request for a few lines does not parse much more than those. */
const batchBytes = 128 * 1024;

const ignore = (): void => undefined;

export async function linesFrom(reader: JournalReader, from: number, options: RangeOptions): Promise<Range> {
  const { select, limit, signal, firstSeq, headSeq } = options;
  const lines: LineAnswer[] = [];
  const start = Math.min(Math.max(from, firstSeq), headSeq);
  const until = performance.now() + rangeBounds.workMs;
  let next = start;
  let bytes = 0;
  if (start >= headSeq || limit === 0) return { lines, prevSeq: start, nextSeq: start };
  for await (const records of reader.read({ from: start, maxBatchBytes: batchBytes, signal, onProblem: ignore })) {
    for (const part of select(records)) {
      if (part.kind !== 'output') continue;
      for (const line of linesOf(part)) {
        if (lines.length >= limit || (bytes > rangeBounds.textBytes && lines.length > 0)) {
          return { lines, prevSeq: start, nextSeq: line.seq };
        }
        lines.push(lineAnswer(part, line));
        bytes += line.bytes.length;
      }
    }
    const last = records.at(-1);
    if (last !== undefined) next = last.seq + seqCount(last);
    if (performance.now() > until || next >= headSeq) break;
  }
  return { lines, prevSeq: start, nextSeq: Math.max(start, next) };
}

/** The last `limit` wanted lines before `to`. */
export async function linesBefore(reader: JournalReader, to: number, options: RangeOptions): Promise<Range> {
  const { limit, signal, firstSeq, headSeq, select } = options;
  const end = Math.min(Math.max(to, firstSeq), headSeq);
  const until = performance.now() + rangeBounds.workMs;
  let lines: LineAnswer[] = [];
  let reached = end;
  let size = Math.max(limit, 64);
  while (reached > firstSeq && lines.length < limit && !signal.aborted) {
    const start = Math.max(firstSeq, reached - size);
    const found: LineAnswer[] = [];
    for await (const records of reader.read({ from: start, maxBatchBytes: batchBytes, signal, onProblem: ignore })) {
      const inside = records.filter((record) => record.seq < reached);
      for (const part of select(inside)) {
        if (part.kind !== 'output') continue;
        for (const line of linesOf(part)) if (line.seq < reached) found.push(lineAnswer(part, line));
      }
      if (inside.length < records.length) break;
      // Only the last ones can be wanted: memory stays bounded however many lines a window has.
      if (found.length > 4 * limit) found.splice(0, found.length - limit);
    }
    lines = [...found, ...lines];
    reached = start;
    size = Math.min(size * windowGrowth, maxWindow);
    if (performance.now() > until) break;
  }
  const kept = fitting(lines.slice(-limit));
  const isCut = kept.length < lines.length;
  return { lines: kept, prevSeq: isCut ? (kept[0]?.seq ?? end) : reached, nextSeq: end };
}

/** As many of the last lines as the bound on text allows, and one at least. */
function fitting(lines: readonly LineAnswer[]): readonly LineAnswer[] {
  let chars = 0;
  for (let at = lines.length - 1; at >= 0; at--) {
    chars += lines[at]?.text.length ?? 0;
    if (chars > rangeBounds.textBytes && at < lines.length - 1) return lines.slice(at + 1);
  }
  return lines;
}

export function lineAnswer(record: OutputRecord, line: Line): LineAnswer {
  const text = line.bytes.toString('utf8');
  return {
    seq: line.seq,
    ns: line.timeNs.toString(),
    step: record.subject?.step ?? null,
    attempt: record.subject?.attempt ?? null,
    stream: record.stream,
    severity: record.severity ?? severityOfLine(record.stream, line.bytes),
    text: text.length > maxLineChars ? `${text.slice(0, maxLineChars)}…` : text,
    ...(line.continues ? { continues: true } : {}),
    ...(line.unterminated ? { unterminated: true } : {}),
  };
}
