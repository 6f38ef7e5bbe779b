// Holds one run to the promises after a fault: what a reader had seen is still there, numbers have no gap, the witness's lines come once
// and in order, what was shipped agrees with the journal line by line, and no process is left. Injects nothing.
import type { JournalRecord } from '../../../src/core/record.ts';
import { linesOf } from '../../../src/core/record.ts';
import { openJournal, type RunFolder } from '../../../src/journal/index.ts';
import { createWholeLines } from '../../../src/readers/ship/deliver/whole-lines.ts';
import { type DecodedLog, isEvent } from '../../readers/ship/support/protobuf.ts';
import type { Tally } from './tally.ts';
import { judge, type WitnessLine } from './witness.ts';

/** A line with its number and its time: what Loki takes for the same record when it comes again. */
export type Kept = WitnessLine & {
  readonly stream: string;
  readonly seq: number;
  readonly timeNs: bigint;
};

export type ReadRun = {
  /** Whole lines, as they are shipped. */
  readonly lines: readonly Kept[];
  /** What was recorded, as it was: a line may be several pieces. */
  readonly pieces: readonly Kept[];
  /** Types of the events, in their order. */
  readonly events: readonly string[];
  /** Lines that the journal itself says were lost. */
  readonly lost: number;
  readonly problems: readonly string[];
};

/** Reads a journal whole and holds it to its own rules. @param signal ends following; without it the journal is read as it is */
export async function readRun(folder: RunFolder, signal?: AbortSignal): Promise<ReadRun> {
  const lines: Kept[] = [];
  const pieces: Kept[] = [];
  const whole = createWholeLines({ position: 0, open: [] });
  const events: string[] = [];
  const problems: string[] = [];
  let [next, lost] = [0, 0];
  const take = (record: JournalRecord): void => {
    if (record.seq !== next) problems.push(`record ${record.seq} is where ${next} should be`);
    if (record.kind === 'event') {
      next = record.seq + 1;
      events.push(record.event.type);
      if (record.event.type === 'journal.lost') lost += record.event.lines;
      return;
    }
    pieces.push(...keptOf(record));
    next = record.seq + record.lineCount;
  };
  const reading = openJournal(folder).read({
    from: 0,
    ...(signal && { follow: true, signal }),
    onProblem: (problem) =>
      problems.push(JSON.stringify(problem, (_, value) => (typeof value === 'bigint' ? `${value}` : value))),
  });
  for await (const batch of reading) {
    for (const record of batch) {
      take(record);
      for (const each of whole.add(record)) lines.push(...keptOf(each));
    }
  }
  for (const each of whole.end()) lines.push(...keptOf(each));
  return { lines, pieces, events, lost, problems };
}

function keptOf(record: JournalRecord): readonly Kept[] {
  if (record.kind === 'event') return [];
  const { stream } = record;
  return Array.from(linesOf(record), ({ seq, timeNs, bytes }) => ({
    seq,
    timeNs,
    text: bytes.toString('utf8'),
    stream,
  }));
}

const keyOf = ({ seq, timeNs, text }: Pick<Kept, 'seq' | 'timeNs' | 'text'>): string => `${seq} ${timeNs} ${text}`;

/**
 * @param run the journal after the fault and its adoption
 * @param seen what readers had been given before, piece by piece
 * @param shipped what the far side has, resends included; undefined if nothing is shipped
 */
export function checkRun(options: {
  readonly run: ReadRun;
  readonly seen: readonly Kept[];
  readonly shipped?: readonly DecodedLog[];
}): Tally {
  const { run, seen, shipped } = options;
  const problems = [...run.problems];
  const journal = new Set(run.pieces.map(keyOf));
  const takenBack = seen.filter((line) => !journal.has(keyOf(line)));
  const said = judge(run.lines);
  if (said.damaged > 0) problems.push(`${said.damaged} damaged lines`);
  if (said.disordered > 0) problems.push(`${said.disordered} lines out of order`);
  if (run.events.at(-1) !== 'run.finished') problems.push(`the last record is ${run.events.at(-1)}`);

  let undelivered = 0;
  let twice = 0;
  if (shipped !== undefined) {
    const arrived = new Map<string, string>();
    for (const { attributes, timeNs, body } of shipped.filter((record) => !isEvent(record))) {
      const seq = String(attributes['stepspan.seq'] ?? '');
      const key = `${seq} ${timeNs} ${String(body)}`;
      // The same number with another time or text would show twice.
      if (arrived.has(seq) && arrived.get(seq) !== key) twice++;
      arrived.set(seq, key);
    }
    undelivered = run.lines.filter((line) => arrived.get(String(line.seq)) !== keyOf(line)).length;
  }
  const missing = takenBack.length + said.missing + undelivered;
  return {
    runs: 1,
    lines: run.lines.length,
    missing,
    duplicated: said.duplicated + twice,
    unaccounted: Math.max(0, missing - run.lost),
    problems,
  };
}

/** The lines that arrived, each number once however often it was sent, as Loki shows them. */
export function linesOnce(logs: readonly DecodedLog[]): readonly WitnessLine[] {
  const lines = new Map<string, WitnessLine>();
  for (const record of logs) {
    if (!isEvent(record)) lines.set(`${record.attributes['stepspan.seq']}`, { text: String(record.body) });
  }
  return [...lines.values()];
}
