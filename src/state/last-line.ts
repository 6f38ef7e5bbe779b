// Finding the last line of an output record that says something, and keeping the last lines of a step. Pure.
import { linesOf, type OutputRecord } from '../event/record.ts';
import { lastLineBytes } from './run-state.ts';

/** The last line of the record that is not blank, cut at `lastLineBytes`; `undefined` where every line is. */
export function lastLineOf(record: OutputRecord): string | undefined {
  const { bytes } = record;
  let end = bytes.length;
  while (end > 0) {
    if (bytes[end - 1] === 0x0a) end -= 1;
    const start = end === 0 ? 0 : bytes.lastIndexOf(0x0a, end - 1) + 1;
    const line = bytes.subarray(start, Math.min(end, start + lastLineBytes)).toString('utf8');
    if (line.trim() !== '') return line;
    end = start;
  }
  return undefined;
}

export type LastLines = {
  readonly add: (record: OutputRecord) => void;
  /** Oldest first. */
  readonly lines: () => readonly string[];
};

/**
 * Keeps the last `limit` lines that were added. Only the records' tails are looked at, so it costs nothing on long output.
 * @param limit how many lines to keep, at least 1
 */
export function keepLastLines(limit: number): LastLines {
  let kept: string[] = [];
  return {
    add(record) {
      const fresh: string[] = [];
      let skip = record.lineCount - limit;
      for (const line of linesOf(record)) {
        skip -= 1;
        if (skip >= 0) continue;
        fresh.push(line.bytes.subarray(0, lastLineBytes).toString('utf8'));
      }
      kept = [...kept, ...fresh].slice(-limit);
    },
    lines: () => kept,
  };
}
