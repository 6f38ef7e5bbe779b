// The last so many wanted lines of a journal, without reading all of it if that is not needed. A line that was recorded in pieces
// is one line.
import { createLineJoiner } from '../core/join-lines.ts';
import { type JournalRecord, seqCount } from '../core/record.ts';
import type { JournalProblem, JournalReader } from '../journal/index.ts';
import { createSelector, type Selector } from '../runs/index.ts';

export type LastRecordsOptions = {
  readonly selector: Selector;
  /** How many lines (and events) at most. */
  readonly limit: number;
  /** The first number that may be among them, and the number before which to end. */
  readonly from: number;
  readonly to: number;
  readonly onProblem: (problem: JournalProblem) => void;
};

/** The first look goes back so many times the limit; each further one four times as far, since a filter may leave out most. */
const firstLook = 4;

/** Oldest first; a record of which only the last lines are among them is cut to those. */
export async function lastRecords(
  reader: JournalReader,
  options: LastRecordsOptions,
): Promise<readonly JournalRecord[]> {
  const { selector, limit, from, to, onProblem } = options;
  if (limit === 0) return [];
  for (let window = limit * firstLook; ; window *= 4) {
    const start = Math.max(from, to - window);
    let kept: JournalRecord[] = [];
    let lines = 0;
    const joiner = createLineJoiner();
    const take = (records: readonly JournalRecord[]): void => {
      for (const part of records.flatMap(selector.select)) {
        kept.push(part);
        lines += seqCount(part);
      }
    };
    for await (const records of reader.read({ from: start, onProblem })) {
      const inside = records.filter((record) => record.seq < to);
      take(inside.flatMap(joiner.add));
      const isPast = inside.length < records.length;
      // Whole records that lie before the last `limit` lines are released after each batch, so memory stays bounded.
      let drop = 0;
      for (const record of kept) {
        if (lines - seqCount(record) < limit) break;
        lines -= seqCount(record);
        drop += 1;
      }
      kept = drop === 0 ? kept : kept.slice(drop);
      if (isPast) break;
    }
    take(joiner.end());
    // A line of which the beginning lies before the window is not whole yet.
    const isWhole = !kept.some((record) => record.kind === 'output' && record.continues);
    if ((lines >= limit && isWhole) || start === from) return lines > limit ? cutFront(kept, lines - limit) : kept;
  }
}

function cutFront(records: readonly JournalRecord[], surplus: number): readonly JournalRecord[] {
  const [first, ...others] = records;
  if (first === undefined) return records;
  const { select } = createSelector({ events: true, from: { kind: 'seq', seq: first.seq + surplus } });
  return [...select(first), ...others];
}
