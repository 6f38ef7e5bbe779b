// Lines of a run by range: from a number on, or around one, all or filtered. Reads no more than a bound and says where it
// stopped, so that a filter that fits one line in a million answers at once and can be asked again. Called by output-routes.ts.
import type { Line, OutputRecord } from '../../core/record.ts';
import { linesOf } from '../../core/record.ts';
import type { JournalProblem, JournalReader } from '../../journal/index.ts';
import { severityOfLine } from '../../text/severity.ts';
import type { LineAnswer } from '../schema/answers.ts';
import { type LineBatch, readLines } from '../whole-lines.ts';
import type { LineSelector } from './line-selector.ts';

export type Range = {
  readonly lines: readonly LineAnswer[];
  /** Everything in [prevSeq, nextSeq) was looked at. */
  readonly prevSeq: number;
  readonly nextSeq: number;
};

export type RangeOptions = {
  readonly selector: LineSelector;
  readonly limit: number;
  readonly signal: AbortSignal;
  /** The journal has the numbers [firstSeq, headSeq). */
  readonly firstSeq: number;
  readonly headSeq: number;
  readonly onProblem: (problem: JournalProblem) => void;
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

/** `endedAt` is the number of the record that ended the line: a reading from there on returns the line, a later one does not. */
export type FoundLine = { readonly endedAt: number; readonly line: LineAnswer };

export async function linesFrom(reader: JournalReader, from: number, options: RangeOptions): Promise<Range> {
  const { selector, limit, firstSeq, headSeq } = options;
  const lines: LineAnswer[] = [];
  const start = Math.min(Math.max(from, firstSeq), headSeq);
  const until = performance.now() + rangeBounds.workMs;
  let next = start;
  let lastEndedAt = -1;
  let chars = 0;
  if (start >= headSeq || limit === 0) return { lines, prevSeq: start, nextSeq: start };
  for await (const batch of batchesFrom(reader, start, options)) {
    for (const { line, endedAt } of wantedLines(batch, selector)) {
      const isFull = lines.length >= limit || (chars > rangeBounds.textBytes && lines.length > 0);
      // Lines that one record ended are returned together, since no number is between them.
      if (isFull && endedAt !== lastEndedAt) return { lines, prevSeq: start, nextSeq: endedAt };
      lines.push(line);
      lastEndedAt = endedAt;
      chars += line.text.length;
    }
    next = batch.endSeq;
    if (performance.now() > until || next >= headSeq) break;
  }
  return { lines, prevSeq: start, nextSeq: Math.max(start, next) };
}

/** The last `limit` wanted lines before `to`. */
export async function linesBefore(reader: JournalReader, to: number, options: RangeOptions): Promise<Range> {
  const { limit, signal, firstSeq, headSeq } = options;
  const end = Math.min(Math.max(to, firstSeq), headSeq);
  const until = performance.now() + rangeBounds.workMs;
  let lines: FoundLine[] = [];
  let reached = end;
  let size = Math.max(limit, 64);
  while (reached > firstSeq && lines.length < limit && !signal.aborted) {
    const start = Math.max(firstSeq, reached - size);
    lines = [...(await lastLinesBetween(reader, start, reached, options)), ...lines];
    reached = start;
    size = Math.min(size * windowGrowth, maxWindow);
    if (performance.now() > until) break;
  }
  const kept = lastFitting(lines, limit);
  const isCut = kept.length < lines.length;
  return {
    lines: kept.map(({ line }) => line),
    prevSeq: isCut ? (kept[0]?.endedAt ?? end) : reached,
    nextSeq: end,
  };
}

async function lastLinesBetween(
  reader: JournalReader,
  start: number,
  end: number,
  options: RangeOptions,
): Promise<FoundLine[]> {
  const { limit, selector } = options;
  const found: FoundLine[] = [];
  for await (const batch of batchesFrom(reader, start, options)) {
    for (const each of wantedLines(batch, selector)) if (each.endedAt < end) found.push(each);
    if (batch.endSeq >= end) break;
    // Only the last ones can be wanted: memory stays bounded however many lines a window has.
    if (found.length > 4 * limit) found.splice(0, found.length - 2 * limit);
  }
  return found;
}

function batchesFrom(
  reader: JournalReader,
  from: number,
  { selector: { isWhole }, signal, onProblem }: RangeOptions,
): AsyncGenerator<LineBatch> {
  return readLines(reader, { from, isWhole, maxBatchBytes: batchBytes, signal, onProblem });
}

export function* wantedLines({ records, endedBy }: LineBatch, { select }: LineSelector): Generator<FoundLine> {
  for (const part of select(records)) {
    if (part.kind !== 'output') continue;
    for (const line of linesOf(part))
      yield { endedAt: endedBy.get(line.seq) ?? line.seq, line: lineAnswer(part, line) };
  }
}

/** The last `limit` lines, or as many of them as the bound on text allows; one at least, and what one record ended together. */
function lastFitting(lines: readonly FoundLine[], limit: number): readonly FoundLine[] {
  let chars = 0;
  let start = lines.length;
  for (let at = lines.length - 1; at >= 0; at--) {
    const found = lines[at];
    if (found === undefined) break;
    chars += found.line.text.length;
    const isFull = lines.length - at > limit || (chars > rangeBounds.textBytes && at < lines.length - 1);
    if (isFull && found.endedAt !== lines[at + 1]?.endedAt) break;
    start = at;
  }
  return lines.slice(start);
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
