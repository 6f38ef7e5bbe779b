// Output as plain text: with `raw`, the bytes come out exactly as the child printed them; else as they were seen, line by line.
// Where the lines of several sources are mixed, an unfinished line is ended before another source continues, and nothing else is added.

import { type JournalRecord, linesOf, type OutputRecord } from '../../core/record.ts';
import { isoOfNs } from '../../core/time.ts';
import { describeEvent } from '../../runs/describe-event.ts';
import { mayBeRedrawn, seenLine } from '../../text/seen.ts';
import type { FormatWriter } from './export-format.ts';

export type TextOptions = {
  /** Whether lines are as they were printed, and not as they were seen at their end. */
  readonly ansi: boolean;
  readonly raw?: boolean;
  readonly prefix?: boolean;
  readonly timestamps?: boolean;
};

export function createTextFormat({ ansi, raw, prefix, timestamps }: TextOptions): FormatWriter {
  // The source whose last line has no line end yet.
  let unfinished: string | undefined;
  const breakFor = (source: string, record: JournalRecord): string => {
    const isContinued = unfinished === source && record.kind === 'output' && record.continues;
    return unfinished === undefined || isContinued ? '' : '\n';
  };

  const headOf = (record: JournalRecord, timeNs: bigint): string =>
    `${timestamps === true ? `${isoOfNs(timeNs)} ` : ''}${prefix === true ? `${record.subject?.step ?? 'run'} | ` : ''}`;

  /** Each row behind its name and time; what has no line end gets one. */
  function* headed(record: OutputRecord): Generator<string> {
    for (const line of linesOf(record)) {
      const text = line.bytes.toString('utf8');
      for (const row of (ansi ? text : seenLine(text)).split('\n')) yield `${headOf(record, line.timeNs)}${row}\n`;
    }
  }

  function* one(record: JournalRecord): Generator<string | Buffer> {
    if (raw === true) {
      if (record.kind === 'output') yield record.bytes;
      return;
    }
    if (record.kind === 'output' && (prefix === true || timestamps === true)) {
      yield* headed(record);
      return;
    }
    const source = sourceOf(record);
    const lineBreak = breakFor(source, record);
    if (lineBreak !== '') yield lineBreak;
    if (record.kind === 'event') {
      const about = record.subject === undefined ? '' : ` ${record.subject.step}`;
      const text = describeEvent(record.event);
      yield `-- ${isoOfNs(record.timeNs)}${about} ${ansi ? text : seenLine(text)}\n`;
      unfinished = undefined;
      return;
    }
    yield ansi ? record.bytes : linesAsSeen(record);
    unfinished = record.unterminated ? source : undefined;
  }

  return {
    head: '',
    *records(records) {
      for (const record of records) yield* one(record);
    },
    end: () => [],
  };
}

/** The same for a caller that writes batch by batch: returns the pieces of each batch. */
export function createTextWriter(ansi: boolean): (records: readonly JournalRecord[]) => Iterable<string | Buffer> {
  return createTextFormat({ ansi }).records;
}

/** Two attempts are two processes: the second does not continue a line of the first. */
function sourceOf(record: JournalRecord): string {
  const stream = record.kind === 'output' ? record.stream : 'event';
  return [record.subject?.step, record.subject?.attempt, stream].join('\0');
}

/** Each line as it was seen at its end. Lines that nothing redraws are passed on as bytes, so that what is not UTF-8 stays as it was. */
function linesAsSeen(record: OutputRecord): Buffer {
  if (!mayBeRedrawn(record.bytes)) return record.bytes;
  const parts: Buffer[] = [];
  for (const line of linesOf(record)) {
    const text = line.bytes.toString('utf8');
    const plain = seenLine(text);
    parts.push(plain === text ? line.bytes : Buffer.from(plain));
    if (!line.unterminated) parts.push(lineFeed);
  }
  return Buffer.concat(parts);
}

const lineFeed = Buffer.from('\n');
