// Reads a journal from any number on, once or following its growth, from any process. Holds no state but its place.
// The place is a sequence number, not a file: so segments may be rolled, archived or removed while it reads.
import { setTimeout as delay } from 'node:timers/promises';
import { errorCode } from '../core/errors.ts';
import type { JournalRecord } from '../core/record.ts';
import { unreachable } from '../core/unreachable.ts';
import type { RunFolder } from '../data/data-folder.ts';
import { type Frame, recordOf } from './frame.ts';
import { walkFrames } from './frame-walk.ts';
import { type JournalEnd, journalEnd } from './journal-end.ts';
import { JournalError } from './journal-error.ts';
import { type JournalProblem, problemText } from './journal-problem.ts';
import { isRunFinished } from './scan-tail.ts';
import { listSegments, type SegmentFile } from './segment-files.ts';
import { openSegment, type SegmentSource } from './segment-source.ts';
import { createWake, type Wake } from './wake.ts';

export type ReadOptions = {
  /** The first sequence number wanted. For one inside an output record, the record is cut to start there. */
  readonly from: number;
  /** Waits for more at the end; ends after `run.finished`. */
  readonly follow?: boolean;
  /** Ends the reading, without an error. */
  readonly signal?: AbortSignal;
  /**
   * Reads events alone. Output is skipped by the heads of its frames, so most of its bytes are neither read nor checked, and gaps
   * amid it are not reported. Not together with `follow`.
   */
  readonly only?: 'events';
  /** Bound on the payload bytes of a batch; a batch holds at least one record, however large. Default 1 MiB. */
  readonly maxBatchBytes?: number;
  /** When following, waits so long for a batch to fill. Default 0. */
  readonly maxBatchMs?: number;
  /**
   * The bytes of a batch are overwritten when the next one is asked for. For who keeps none of them: reading a long
   * journal otherwise leaves as much garbage as it has bytes, which V8 sees late, as it is not on its own heap.
   */
  readonly reuseMemory?: boolean;
  /**
   * Called with what is wrong; reading continues behind it. Without it damage throws a JournalError `corrupt`, and a gap
   * shows as a jump of sequence numbers.
   */
  readonly onProblem?: (problem: JournalProblem) => void;
};

export type JournalReader = {
  readonly folder: RunFolder;
  readonly head: () => Promise<{ firstSeq: number; nextSeq: number; finished: boolean }>;
  readonly read: (options: ReadOptions) => AsyncGenerator<readonly JournalRecord[], void, undefined>;
  /** The number of a record at or shortly before the first one of this time (Unix ns): where to read from to find it. */
  readonly seqBefore: (timeNs: bigint) => Promise<number>;
};

/** As much as one block of a segment: a batch is what was read at once. */
const defaultBatchBytes = 1024 * 1024;

/** @param options.onAppend that of the writer, when it is in this process */
export function openJournal(
  folder: RunFolder,
  options: { readonly onAppend?: (listener: () => void) => () => void } = {},
): JournalReader {
  let known: JournalEnd['known'];
  return {
    folder,
    async head() {
      const { firstSeq, nextSeq, finished, known: now } = journalEnd(folder, known);
      known = now;
      return { firstSeq, nextSeq, finished };
    },
    read: (wanted) => readJournal(folder, wanted, options.onAppend),
    seqBefore: (timeNs) => seqBefore(folder, timeNs),
  };
}

async function* readJournal(
  folder: RunFolder,
  options: ReadOptions,
  onAppend: ((listener: () => void) => () => void) | undefined,
): AsyncGenerator<readonly JournalRecord[], void, undefined> {
  const { from, follow, signal, maxBatchBytes = defaultBatchBytes, maxBatchMs = 0 } = options;
  const wake = follow ? createWake(folder.journalDir, signal, onAppend) : undefined;
  const walk = walkFrames(folder, from, {
    reuse: options.reuseMemory ?? false,
    maxBytes: maxBatchBytes,
    onlyEvents: options.only === 'events',
  });
  const idle = async (until: Wake, seen: number): Promise<void> => {
    await until.wait(seen);
    if (maxBatchMs > 0 && !signal?.aborted) await delay(maxBatchMs);
  };
  try {
    while (!signal?.aborted) {
      const seen = wake?.seen() ?? 0;
      const step = await walk.next(maxBatchBytes);
      switch (step.kind) {
        case 'problem':
          report(step.problem, options.onProblem);
          break;
        case 'frames': {
          const records = recordsOf(step.frames, from, options.onProblem);
          if (records.length > 0) yield records;
          const last = step.frames.at(-1);
          if (follow && last !== undefined && isRunFinished(last)) return;
          if (step.atEnd && wake?.isQuiet(seen)) await idle(wake, seen);
          break;
        }
        case 'end':
          if (wake === undefined) {
            if (step.torn !== undefined) report({ kind: 'torn', ...step.torn }, options.onProblem);
            return;
          }
          wake.looked(seen);
          await idle(wake, seen);
          break;
        default:
          unreachable(step);
      }
    }
  } finally {
    wake?.close();
    await walk.close();
  }
}

function recordsOf(frames: readonly Frame[], from: number, onProblem: ReadOptions['onProblem']): JournalRecord[] {
  const records: JournalRecord[] = [];
  for (const frame of frames) {
    const record = recordOf(frame, from);
    if (record === undefined) onProblem?.({ kind: 'unknown_record', seq: frame.seq });
    else records.push(record);
  }
  return records;
}

function report(problem: JournalProblem, onProblem: ReadOptions['onProblem']): void {
  if (onProblem !== undefined) onProblem(problem);
  else if (problem.kind === 'corrupt') {
    throw new JournalError('corrupt', problemText(problem), problem.file, problem.offset);
  }
}

async function seqBefore(folder: RunFolder, timeNs: bigint): Promise<number> {
  const files = listSegments(folder.journalDir);
  let low = 0;
  let high = files.length;
  let found = files[0]?.firstSeq ?? 0;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const file = files[middle];
    const place = file && (await placeInSegment(folder, file, timeNs));
    if (place === undefined) high = middle;
    else {
      found = place;
      low = middle + 1;
    }
  }
  return found;
}

/** Undefined when the segment begins after that time, or no longer exists. */
async function placeInSegment(folder: RunFolder, file: SegmentFile, timeNs: bigint): Promise<number | undefined> {
  let source: SegmentSource | undefined;
  try {
    source = await openSegment(folder.journalDir, file, folder.runId);
    if (source === undefined || source.header.createdNs > timeNs) return undefined;
    return (await source.seek((entry) => entry.timeNs <= timeNs)).seq;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  } finally {
    await source?.close();
  }
}
