// Numbers of lines as a person counts them. The journal numbers lines, events and the raw protocol of Claude Code in one row, so a
// line is counted by what lies before it. Nothing is counted twice: marks are kept on the way, and a request begins at the nearest
// one. Called by run-memory.ts.
import { seqCount } from '../../core/record.ts';
import type { JournalProblem, JournalReader } from '../../journal/index.ts';

/** How many lines have begun before a number of the journal. */
export type LineMark = { readonly seq: number; readonly lines: number };

export type LineNumbers = {
  /**
   * @param seqs numbers in the journal, rising
   * @param head what is known of the end of the journal
   * @returns for each how many lines have begun up to and with it; undefined for those that a bound of work did not reach
   */
  readonly of: (seqs: readonly number[], head: LineMark) => Promise<readonly (number | undefined)[]>;
};

/** From a mark on 1 MB of usual lines is read, which takes 2 ms. A run of ten million lines has a thousand marks. */
const markEvery = 8_192;

/** Backwards nothing is kept before the end is reached, so no more than some 50 MB is read. */
const maxBackwards = 400_000;

/** A request waits so long for numbers; what is counted until then is kept for the next one. */
const workMs = 150;

const batchBytes = 256 * 1024;

/** A record of the journal. */
type Counted = {
  readonly seq: number;
  readonly endSeq: number;
  /** Lines that have begun before it. */
  readonly before: number;
  /** Whether its first line continues one. Undefined if it has no lines that are counted. */
  readonly continues: boolean | undefined;
};

/** @param upTo a number in the record, or the one behind it; one before it is where lines are missing */
function begunBefore({ seq, before, continues }: Counted, upTo: number): number {
  return continues === undefined || upTo <= seq ? before : before + upTo - seq - (continues ? 1 : 0);
}

type Read = (from: number) => ReturnType<JournalReader['read']>;

/** The records from a mark on. */
async function* countFrom(read: Read, { seq, lines }: LineMark): AsyncGenerator<readonly Counted[]> {
  let before = lines;
  for await (const records of read(seq)) {
    yield records.map((record) => {
      const isCounted = record.kind === 'output' && record.stream !== 'debug';
      const counted = {
        ...{ seq: record.seq, endSeq: record.seq + seqCount(record), before },
        continues: isCounted ? record.continues : undefined,
      };
      before = begunBefore(counted, counted.endSeq);
      return counted;
    });
  }
}

type Finding = { readonly seqs: readonly number[]; readonly found: number[]; readonly until: number };

/** @param onProblem called with what is wrong in the journal, as its reader says it */
export function createLineNumbers(reader: JournalReader, onProblem: (problem: JournalProblem) => void): LineNumbers {
  /** By their numbers, rising. */
  const marks: LineMark[] = [];
  let turn: Promise<unknown> = Promise.resolve();
  const read: Read = (from) => reader.read({ from, maxBatchBytes: batchBytes, reuseMemory: true, onProblem });

  const keep = (mark: LineMark): void => {
    const index = marks.findLastIndex(({ seq }) => seq <= mark.seq);
    const before = marks[index];
    if (before?.seq !== mark.seq) marks.splice(index + 1, 0, mark);
  };

  /** The nearest mark, or one that is made by counting from there to the next mark behind it. */
  async function markBefore(wanted: number, head: LineMark, until: number): Promise<LineMark> {
    const index = marks.findLastIndex(({ seq }) => seq <= wanted);
    const { firstSeq } = await reader.head();
    const before = marks[index] ?? { seq: firstSeq, lines: 0 };
    const behind = marks[index + 1] ?? head;
    // Of a journal whose beginning was removed nobody knows how many lines that had.
    const isNearer = firstSeq === 0 && behind.seq - wanted < Math.min(maxBackwards, wanted - before.seq - markEvery);
    if (!isNearer || behind.seq < wanted) return before;
    for await (const counted of countFrom(read, { seq: wanted, lines: 0 })) {
      const last = counted.findLast(({ seq }) => seq < behind.seq);
      if (last === undefined || performance.now() > until) break;
      if (last.endSeq >= behind.seq) return { seq: wanted, lines: behind.lines - begunBefore(last, behind.seq) };
    }
    return before;
  }

  async function count(seqs: readonly number[], head: LineMark): Promise<readonly (number | undefined)[]> {
    const found: number[] = [];
    const until = performance.now() + workMs;
    while (found.length < seqs.length && performance.now() < until) {
      const before = found.length;
      const mark = await markBefore(seqs[before] ?? 0, head, until);
      await find(mark, { seqs, found, until });
      if (found.length === before) break;
    }
    return seqs.map((_, index) => found[index]);
  }

  /** Reads until all are found, time is over, or the next one is behind a later mark. */
  async function find(from: LineMark, { seqs, found, until }: Finding): Promise<void> {
    keep(from);
    for await (const counted of countFrom(read, from)) {
      for (const record of counted) {
        const { endSeq } = record;
        for (let next = seqs[found.length]; next !== undefined && next < endSeq; next = seqs[found.length])
          found.push(begunBefore(record, next + 1));
        if (endSeq >= (marks.at(-1)?.seq ?? 0) + markEvery) keep({ seq: endSeq, lines: begunBefore(record, endSeq) });
      }
      const wanted = seqs[found.length];
      const last = counted.at(-1);
      if (wanted === undefined || last === undefined) return;
      if (performance.now() > until) {
        // The next request comes further.
        keep({ seq: last.endSeq, lines: begunBefore(last, last.endSeq) });
        return;
      }
      if ((marks.findLast((mark) => mark.seq <= wanted)?.seq ?? 0) > last.endSeq) return;
    }
  }

  return {
    of(seqs, head) {
      const answer = turn.then(() => count(seqs, head));
      turn = answer.catch(() => undefined);
      return answer;
    },
  };
}
