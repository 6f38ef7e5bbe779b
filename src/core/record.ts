// What a journal holds, as its readers see it: events, and batches of output lines. The stored form is journal/'s.

import type { Severity, Stream } from '../text/stream.ts';
import type { Event } from './event.ts';

export { type Severity, type Stream, severities, streams } from '../text/stream.ts';

/** Which part of the run a record is about. No step: the run itself. `attempt` counts from 1. */
export type Subject = { readonly step: string; readonly attempt: number };

type RecordBase = {
  /** Sequence number of the record, or of the first line in it. The first of a journal is 0; none is used twice. */
  readonly seq: number;
  /** Wall time in Unix nanoseconds, strictly increasing over the journal. Line i of an output record has `timeNs + i`. */
  readonly timeNs: bigint;
  readonly subject: Subject | undefined;
};

export type EventRecord = RecordBase & { readonly kind: 'event'; readonly event: Event };

export type OutputRecord = RecordBase & {
  readonly kind: 'output';
  readonly stream: Stream;
  /** Set by who wrote the line; `undefined` leaves it to `severityOfLine`. */
  readonly severity: Severity | undefined;
  /** How many lines `bytes` holds, the last one counted whether or not it is terminated. At least 1. */
  readonly lineCount: number;
  /** Lines as the child printed them, each ended by LF, but for the last when `unterminated`. Redacted already. */
  readonly bytes: Buffer;
  /** The first line continues where the last record of this subject and stream stopped without a line end. */
  readonly continues: boolean;
  /** The last line has no LF: the child ended there, or the line was longer than the capture bound and continues. */
  readonly unterminated: boolean;
};

export type JournalRecord = EventRecord | OutputRecord;

/** How many lines begin in a record. One that came in parts, as it was longer than a bound, counts with its first. */
export function linesBegun(record: Pick<OutputRecord, 'lineCount' | 'continues'>): number {
  return record.lineCount - (record.continues ? 1 : 0);
}

/** How many sequence numbers a record takes. */
export function seqCount(record: JournalRecord): number {
  return record.kind === 'output' ? record.lineCount : 1;
}

/** An output record before the journal has given it its number and time. */
export type OutputDraft = Omit<OutputRecord, 'kind' | 'seq' | 'timeNs' | 'continues'> & {
  readonly continues?: boolean;
};

/**
 * The one way into a journal. Both calls return the (first) sequence number given.
 * They return when the bytes have been handed to the kernel, so that a killed stepspan loses nothing of them.
 */
export type Append = {
  readonly output: (draft: OutputDraft) => number;
  readonly event: (event: Event, subject?: Subject) => number;
};

/** One line of an output record. `bytes` has no line end. */
export type Line = {
  readonly seq: number;
  readonly timeNs: bigint;
  readonly bytes: Buffer;
  readonly continues: boolean;
  readonly unterminated: boolean;
};

/** The lines of a record in order, as views on its bytes (no copy). */
export function* linesOf(record: OutputRecord): Generator<Line> {
  let start = 0;
  for (let index = 0; index < record.lineCount; index++) {
    const last = index === record.lineCount - 1;
    const newline = record.bytes.indexOf(0x0a, start);
    const end = newline === -1 ? record.bytes.length : newline;
    yield {
      seq: record.seq + index,
      timeNs: record.timeNs + BigInt(index),
      bytes: record.bytes.subarray(start, end),
      continues: index === 0 && record.continues,
      unterminated: last && record.unterminated,
    };
    start = end + 1;
  }
}
