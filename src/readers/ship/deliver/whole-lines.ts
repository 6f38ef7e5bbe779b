// Whole lines for the shipper: the joiner, with what a shipper needs to take up where the one before it stopped. A line is
// sent once, when it ends. One that stays open is sent in parts, cut by the times of the journal, so that another process that
// sends it again sends the same parts. Used by pipeline.ts.
import { createLineJoiner, cutLastLine } from '../../../core/join-lines.ts';
import { type JournalRecord, type OutputRecord, seqCount } from '../../../core/record.ts';
import { createSelector } from '../../../runs/index.ts';

/**
 * How long a line may stay open before its beginning is sent. A question that somebody has to answer is to be found in
 * Loki while it waits; a progress bar of some seconds is one record and not ten.
 */
export const MAX_OPEN_MS = 10_000;

/** How far the shipper before has come. `open`: first numbers of the lines before `position` that had not ended. */
export type ResumePoint = { readonly position: number; readonly open: readonly number[] };

export type WholeLines = {
  /** Where reading has to start. */
  readonly readFrom: number;
  /** The records to send in place of the next record of the journal. */
  readonly add: (record: JournalRecord) => readonly JournalRecord[];
  /** Parts of lines that have been open for too long at this time. */
  readonly expire: (nowNs: bigint) => readonly OutputRecord[];
  /** Lines that are open now, by their first numbers; see `ResumePoint`. */
  readonly openSeqs: () => readonly number[];
  /** What is open at the end of the journal. */
  readonly end: () => readonly OutputRecord[];
};

/** For spans, which are folded from the first record on: each record as it is. */
export const recordsAsTheyAre: WholeLines = {
  readFrom: 0,
  add: (record) => [record],
  expire: () => [],
  openSeqs: () => [],
  end: () => [],
};

export function createWholeLines({ position, open }: ResumePoint): WholeLines {
  const joiner = createLineJoiner({ maxOpenNs: BigInt(MAX_OPEN_MS) * 1_000_000n });
  const behind = createSelector({ events: true, from: { kind: 'seq', seq: position } });
  const firstSeqs = new Set(open);
  /** Streams whose open line is put together again. */
  const resumed = new Set<string>();

  /** Records before `position` were sent. Only what belongs to lines that were open there is read again. */
  const addSent = (record: JournalRecord): void => {
    if (record.kind === 'event') {
      joiner.add(record);
      return;
    }
    const stream = `${record.stream} ${record.subject?.attempt} ${record.subject?.step}`;
    const begins = record.unterminated && firstSeqs.has(record.seq + record.lineCount - 1);
    if (resumed.has(stream)) joiner.add(record);
    else if (begins) {
      const [before, piece] = cutLastLine(record);
      if (before !== undefined) joiner.pass(before);
      joiner.add(piece);
    } else joiner.pass(record);
    if (record.unterminated && (begins || resumed.has(stream))) resumed.add(stream);
    else resumed.delete(stream);
  };

  return {
    readFrom: Math.min(position, ...open),
    add(record) {
      if (record.seq >= position) return joiner.add(record);
      if (record.seq + seqCount(record) > position) return joiner.add(record).flatMap(behind.select);
      addSent(record);
      return [];
    },
    expire: joiner.expire,
    openSeqs: joiner.openSeqs,
    end: joiner.end,
  };
}
