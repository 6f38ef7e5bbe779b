// What is in the journal of a run, read whole. Every test that looks into a journal reads it with this.
import type { EventOf, EventType } from '../../src/core/event.ts';
import type { JournalRecord, Stream, Subject } from '../../src/core/record.ts';
import {
  type JournalProblem,
  openJournal,
  problemText,
  type ReadOptions,
  type RunFolder,
} from '../../src/journal/index.ts';

export type RecordedEvent<T extends EventType = EventType> = EventOf<T> & {
  readonly subject: Subject | undefined;
  readonly timeNs: bigint;
};

export type RunJournal = {
  readonly records: readonly JournalRecord[];
  readonly events: <T extends EventType>(type: T, step?: string) => readonly RecordedEvent<T>[];
  /** All bytes of one stream of one step, as they are kept; without a step, those of the run itself. */
  readonly bytes: (stream: Stream, step?: string) => Buffer;
  readonly text: (stream: Stream, step?: string) => string;
};

/** All records, each with bytes of its own. */
export async function readRecords(folder: RunFolder, options: Partial<ReadOptions> = {}): Promise<JournalRecord[]> {
  const records: JournalRecord[] = [];
  for await (const batch of openJournal(folder).read({ from: 0, ...options })) records.push(...batch);
  return records;
}

export async function readJournal(folder: RunFolder, options: Partial<ReadOptions> = {}): Promise<RunJournal> {
  const records = await readRecords(folder, options);
  const bytes: RunJournal['bytes'] = (stream, step) =>
    Buffer.concat(
      records.flatMap((record) =>
        record.kind === 'output' && record.stream === stream && record.subject?.step === step ? [record.bytes] : [],
      ),
    );
  return {
    records,
    events: (type, step) =>
      eventsIn(records).filter(
        (event): event is RecordedEvent<typeof type> =>
          event.type === type && (step === undefined || event.subject?.step === step),
      ),
    bytes,
    text: (stream, step) => bytes(stream, step).toString('utf8'),
  };
}

/** The events among records, each with its step and time. */
export function eventsIn(records: readonly JournalRecord[]): readonly RecordedEvent[] {
  return records.flatMap((record) =>
    record.kind === 'event' ? [{ ...record.event, subject: record.subject, timeNs: record.timeNs }] : [],
  );
}

/** For readers of a journal that must be whole. */
export function failOnProblem(problem: JournalProblem): never {
  throw new Error(problemText(problem));
}
