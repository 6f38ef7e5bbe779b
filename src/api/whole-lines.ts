// Lines as filters compare them. Output is recorded in pieces, as it is read; what somebody searches for may be split over two of
// them, and a piece alone does not show its severity. The routes and the tail read through this file: if they filter by severity or
// text, a line is returned once, whole, when it has ended; else each piece is returned as it was recorded.
import { createLineJoiner } from '../core/join-lines.ts';
import { type JournalRecord, seqCount } from '../core/record.ts';
import type { JournalReader, ReadOptions } from '../journal/index.ts';
import { createSelector } from '../runs/select-records.ts';

export type WholeLines = {
  readonly records: readonly JournalRecord[];
  /**
   * The numbers of lines that a later record ended, each with the number of that record. A reading that starts at that record or
   * before it returns the line.
   */
  readonly endedBy: ReadonlyMap<number, number>;
};

/** Puts the records of one reading together, batch by batch. */
export type LineCollector = {
  readonly add: (records: readonly JournalRecord[]) => WholeLines;
  /** Returns the lines that have no end yet, as if the journal ended here. */
  readonly end: () => readonly JournalRecord[];
};

/**
 * A reading that starts in the middle of a line looks for its beginning in this many numbers before it. They are 400 KB of usual
 * lines, which take 2 ms. If a line was interrupted by more, it is compared from there on.
 */
const lookBack = 4_000;

/** So much is read at once while the beginning of a line is looked for. */
const lookBackBytes = 128 * 1024;

export function createLineCollector(): LineCollector {
  const joiner = createLineJoiner();
  return {
    add(records) {
      const whole: JournalRecord[] = [];
      const endedBy = new Map<number, number>();
      for (const record of records) {
        for (const each of joiner.add(record)) {
          whole.push(each);
          if (each.seq < record.seq) endedBy.set(each.seq, record.seq);
        }
      }
      return { records: whole, endedBy };
    },
    end: joiner.end,
  };
}

/** @returns a collector that has read what comes before the number `from` */
export async function collectorAt(
  reader: JournalReader,
  from: number,
  how: Pick<ReadOptions, 'signal' | 'onProblem'>,
): Promise<LineCollector> {
  const collector = createLineCollector();
  const start = await startBefore(reader, from);
  if (start === from) return collector;
  for await (const records of reader.read({ ...how, from: start, maxBatchBytes: lookBackBytes, reuseMemory: true })) {
    collector.add(records.filter(({ seq }) => seq < from));
    if (endOf(records) >= from) break;
  }
  return collector;
}

export type LineBatch = WholeLines & {
  /** The number behind the last record of the batch. */
  readonly endSeq: number;
  /** Returns the lines that have no end yet; nothing more is read after that. */
  readonly open: () => readonly JournalRecord[];
};

const nothingEnded: WholeLines['endedBy'] = new Map();

/** @param isWhole whether lines are put together from their pieces */
export async function* readLines(
  reader: JournalReader,
  { isWhole, ...options }: ReadOptions & { readonly isWhole: boolean },
): AsyncGenerator<LineBatch> {
  const { from } = options;
  if (!isWhole) {
    for await (const records of reader.read(options))
      yield { records, endedBy: nothingEnded, endSeq: endOf(records), open: () => [] };
    return;
  }
  const collector = createLineCollector();
  for await (const records of reader.read({ ...options, from: await startBefore(reader, from) })) {
    const whole = collector.add(records);
    const endSeq = endOf(records);
    if (endSeq > from) yield { ...linesEndedFrom(whole, from), endSeq, open: collector.end };
  }
}

/** Leaves out the lines that ended before the number `from`. */
export function linesEndedFrom({ records, endedBy }: WholeLines, from: number): WholeLines {
  const isWanted = (record: JournalRecord): boolean =>
    (endedBy.get(record.seq) ?? record.seq + seqCount(record) - 1) >= from;
  const index = records.findIndex(isWanted);
  const [first, ...rest] = index === -1 ? [] : records.slice(index);
  if (first === undefined || first.seq >= from || endedBy.has(first.seq))
    return { records: first === undefined ? [] : [first, ...rest], endedBy };
  const { select } = createSelector({ from: { kind: 'seq', seq: from }, events: true });
  return { records: [...select(first), ...rest], endedBy };
}

/** The number behind the last of some records, of which there is at least one. */
export function endOf(records: readonly JournalRecord[]): number {
  const last = records.at(-1);
  return last === undefined ? 0 : last.seq + seqCount(last);
}

async function startBefore(reader: JournalReader, from: number): Promise<number> {
  const { firstSeq } = await reader.head();
  return Math.min(from, Math.max(firstSeq, from - lookBack));
}
