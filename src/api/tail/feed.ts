// The live end of one run, read once for all who watch it: the last batches in memory, each encoded once for each filter.
// So a thousand watchers cost a thousand sends, and not a thousand readers. A watcher that is behind reads the journal itself.
import { setTimeout as delay } from 'node:timers/promises';
import type { JournalRecord } from '../../core/record.ts';
import type { JournalProblem, JournalReader } from '../../journal/index.ts';
import type { JournalData } from '../schema/messages.ts';
import { collectorAt, endOf, type WholeLines } from '../whole-lines.ts';
import { createLiveRun, type Describer, type LiveRun } from './live-run.ts';

export type FeedBatch = {
  readonly fromSeq: number;
  readonly nextSeq: number;
  readonly records: readonly JournalRecord[];
  /** The same with lines put together from their pieces. */
  readonly whole: WholeLines;
  /** Sent before the records: numbers that are missing, and records among these that this version does not know. */
  readonly gaps: readonly Gap[];
  /** What the batch is on the wire, by the key of a filter. */
  readonly encoded: Map<string, readonly Encoded[]>;
};

export type Gap = JournalData['gap'];

export type Encoded = {
  readonly seq: number;
  readonly bytes: Buffer;
  /** Nothing comes between this message and the next one: both are about the record that comes next. */
  readonly isPartOfNext: boolean;
};

export type Feed = {
  readonly reader: JournalReader;
  /** The number that the next live record has. */
  readonly nextSeq: () => number;
  /** The batch that holds the number; or why there is none: it is too old, yet to come, or the run is over. */
  readonly take: (seq: number) => FeedBatch | 'behind' | 'wait' | 'ended';
  /** The oldest number in memory, or that of the next live record. */
  readonly oldestSeq: () => number;
  readonly run: LiveRun;
  /** Why the live end can no longer be read. */
  readonly failure: () => unknown;
  /** Calls the listener whenever something is new. */
  readonly watch: (listener: () => void) => void;
  readonly unwatch: (listener: () => void) => void;
};

/** A few seconds of a busy run, so that a watcher that stalled for a moment does not have to read the disk. */
const ringBytes = 1024 * 1024;

/** Each batch costs some hundred bytes besides its payload. */
const ringBatches = 1_000;

/**
 * Waited after each batch for each watcher: a send costs about half of it, so however many watch, half a core is left.
 * Twenty watchers have every line at once; a thousand have it within a twentieth of a second, in fewer and larger messages.
 */
const pacePerWatcherMs = 0.05;

export async function openFeed(reader: JournalReader, describer: Describer, signal: AbortSignal): Promise<Feed> {
  const head = await reader.head();
  const ring: FeedBatch[] = [];
  const listeners = new Set<() => void>();
  let bytes = 0;
  let nextSeq = head.nextSeq;
  let phase: 'live' | 'ended' = head.finished ? 'ended' : 'live';
  let failure: unknown;

  const { runId } = reader.folder;
  const { note } = describer.catalogue.problemsOf(runId);
  const collector = await collectorAt(reader, nextSeq, { signal, onProblem: note });
  const notify = (): void => {
    for (const listener of listeners) listener();
  };
  const liveSeq = (): number => nextSeq;
  const run = createLiveRun({ ...describer, runId, reader, liveSeq, signal, onChange: notify });

  const push = (batch: FeedBatch): void => {
    ring.push(batch);
    nextSeq = batch.nextSeq;
    bytes += sizeOf(batch);
    while (ring.length > 1 && (bytes > ringBytes || ring.length > ringBatches)) {
      const oldest = ring.shift();
      if (oldest !== undefined) bytes -= sizeOf(oldest);
    }
  };

  const follow = async (): Promise<void> => {
    let gaps: Gap[] = [];
    const onProblem = (problem: JournalProblem): void => {
      note(problem);
      gaps.push(...gapsOf(problem));
    };
    for await (const records of reader.read({ from: nextSeq, follow: true, signal, onProblem })) {
      const whole = collector.add(records);
      push({ fromSeq: nextSeq, nextSeq: endOf(records), records, whole, gaps, encoded: new Map() });
      gaps = [];
      run.take(records);
      notify();
      const pace = listeners.size * pacePerWatcherMs;
      if (pace >= 1) await delay(pace, undefined, { signal });
    }
    if (!signal.aborted) phase = 'ended';
  };
  if (phase === 'live') {
    follow()
      .catch((error: unknown) => {
        if (!signal.aborted) failure = error;
      })
      .finally(notify);
  }

  return {
    reader,
    nextSeq: () => nextSeq,
    oldestSeq: () => ring[0]?.fromSeq ?? nextSeq,
    take(seq) {
      if (seq >= nextSeq) return phase === 'ended' ? 'ended' : 'wait';
      // The ring has no holes: a gap belongs to the batch after it.
      return ring.findLast((batch) => batch.fromSeq <= seq) ?? 'behind';
    },
    run,
    failure: () => failure,
    watch: (listener) => listeners.add(listener),
    unwatch: (listener) => listeners.delete(listener),
  };
}

/** What a problem of the journal means for a watcher. Damage shows as the gap that is reported after it. */
export function gapsOf(problem: JournalProblem): readonly Gap[] {
  switch (problem.kind) {
    case 'gap':
      return [{ fromSeq: problem.fromSeq, toSeq: problem.toSeq, why: problem.why }];
    case 'unknown_record':
      return [{ fromSeq: problem.seq, toSeq: problem.seq + 1, why: 'unknown' }];
    default:
      return [];
  }
}

function sizeOf(batch: FeedBatch): number {
  let size = 0;
  for (const record of batch.records) size += record.kind === 'output' ? record.bytes.length : eventBytes;
  return size;
}

/** Most events are some hundred bytes; telemetry requests are the large ones, and rare. */
const eventBytes = 1024;
