// Counts lines that come live, so that they have the numbers that the server would give them. Pure. Called by feed.ts.
import type { OutputLine } from './line.ts';

export type LineCounter = {
  /** The lines with their numbers. @param lines all that came, in their order */
  readonly add: (lines: readonly OutputLine[]) => readonly OutputLine[];
  /** The server says how many lines there are before a number of the journal. */
  readonly learn: (seq: number, lines: number) => void;
  /** Lines before this number of the journal were skipped. */
  readonly skipTo: (seq: number) => void;
  /** The number of a line that was added. */
  readonly numberOf: (seq: number) => number | undefined;
};

/** What was added is kept for a range that is on its way: some seconds of a fast run. */
const maxKept = 20_000;

export function createLineCounter(seq: number, lines: number): LineCounter {
  /** How many lines come before those in `begun`; undefined until the server has said it. */
  let before: number | undefined = lines;
  /** All lines that have begun at or behind this number of the journal are in `begun`. */
  let fromSeq = seq;
  let begun: number[] = [];

  const numberOf = (wanted: number): number | undefined => {
    if (before === undefined || wanted < fromSeq) return undefined;
    const at = begun.findLastIndex((each) => each <= wanted);
    return at === -1 ? undefined : before + at + 1;
  };
  const dropFirst = (count: number): void => {
    fromSeq = begun[count] ?? fromSeq;
    begun = begun.slice(count);
    if (before !== undefined) before += count;
  };

  return {
    numberOf,
    add(fresh) {
      const numbered = fresh.map((line) => {
        if (line.stream === 'debug') return line;
        if (line.continues !== true) begun.push(line.seq);
        return before === undefined ? line : { ...line, number: before + begun.length };
      });
      if (begun.length > maxKept) dropFirst(begun.length - maxKept / 2);
      return numbered;
    },
    learn(upTo, count) {
      if (before !== undefined || upTo < fromSeq) return;
      before = count;
      begun = begun.filter((each) => each >= upTo);
      fromSeq = upTo;
    },
    skipTo(next) {
      before = undefined;
      begun = [];
      fromSeq = next;
    },
  };
}
