// Frames that the disk would not take, in memory and bounded, and the count of those that found no room there.
// The first frame that is dropped leaves a place in the queue for the `journal.lost` that will report it: so the
// number of that record is where the loss is, and `run.finished` stays the last record of a journal.
import type { FrameFields } from './frame.ts';

/** `lines`: those of which any part is lost. A line that came in several lost pieces counts once. */
export type Loss = { lines: number; events: number; bytes: number };

/** The head of a frame as it is to be written, and the lines of which the frame holds a part. */
export type TrackedFrame = { readonly fields: FrameFields; readonly lines: FrameLines };

export type QueuedFrame =
  | (TrackedFrame & { readonly payload: Buffer })
  /** A loss is encoded when it is written, as it grows until then. */
  | { readonly fields: FrameFields; readonly payload: Loss };

/**
 * Output waits in memory up to here, 100 ms of a child that prints 80 MB/s: enough for a disk that hiccups, and so
 * little that a full disk does not become a full memory.
 */
export const defaultMaxPendingBytes = 8 * 1024 * 1024;

/** On top for events, which are few, small and say how a step ended: output must not crowd them out. */
const eventReserveBytes = 2 * 1024 * 1024;

/** Memory of the queue entry itself, so that many tiny frames are bounded too. */
const entryBytes = 200;

export type Pending = {
  readonly isEmpty: () => boolean;
  readonly bytes: () => number;
  readonly lost: () => Readonly<Loss>;
  /** To be called for every frame, in the order of their numbers, also for those that do not have to wait. */
  readonly track: (fields: FrameFields) => TrackedFrame;
  /** Queues a copy of the frame, or counts it as lost. `makeLoss` numbers the record that will say so. */
  readonly push: (frame: TrackedFrame, payload: Buffer, makeLoss: () => FrameFields) => void;
  readonly first: () => QueuedFrame | undefined;
  readonly shift: () => void;
  /** Leaves the events alone, and in place of all output that waits one record that reports its loss. */
  readonly dropOutput: () => void;
  /** Counts everything that still waits as lost: the writer ends, and the disk never took it. */
  readonly giveUp: () => void;
};

export function createPending(maxBytes: number): Pending {
  const queue: QueuedFrame[] = [];
  const lost: Loss = { lines: 0, events: 0, bytes: 0 };
  let bytes = 0;
  /** The loss that is queued but not yet written, so that it can still grow. */
  let open: Loss | undefined;
  const linesOf = createLineTracker();

  const note = (losses: readonly Loss[], lines: FrameLines, payloadBytes: number): void => {
    const newlyLost = loseLines(lines);
    for (const loss of losses) {
      loss.lines += newlyLost;
      loss.events += lines.kind === 'event' ? 1 : 0;
      loss.bytes += payloadBytes;
    }
  };
  const drop = (lines: FrameLines, payloadBytes: number, makeLoss: () => FrameFields): void => {
    if (open === undefined) {
      open = { lines: 0, events: 0, bytes: 0 };
      queue.push({ fields: makeLoss(), payload: open });
      bytes += entryBytes;
    }
    note([open, lost], lines, payloadBytes);
  };
  return {
    isEmpty: () => queue.length === 0,
    bytes: () => bytes,
    lost: () => lost,
    track(fields) {
      const lines = linesOf(fields);
      return { fields: headBehindLoss(fields, lines), lines };
    },
    push({ fields, lines }, payload, makeLoss) {
      const bound = fields.kind === 'event' ? maxBytes + eventReserveBytes : maxBytes;
      if (bytes + payload.length + entryBytes > bound) {
        drop(lines, payload.length, makeLoss);
        return;
      }
      // The caller may use its buffer again as soon as append has returned.
      queue.push({ fields, payload: Buffer.from(payload), lines });
      bytes += payload.length + entryBytes;
    },
    first: () => queue[0],
    shift() {
      const frame = queue.shift();
      if (frame === undefined) return;
      if (frame.payload === open) open = undefined;
      bytes -= entryBytes + ('lines' in frame ? frame.payload.length : 0);
    },
    dropOutput() {
      const last = queue.findLastIndex(({ fields }) => fields.kind === 'output');
      if (last === -1) return;
      const loss: Loss = { lines: 0, events: 0, bytes: 0 };
      const kept = queue.flatMap((frame, index): QueuedFrame[] => {
        if (frame.fields.kind === 'event' || !('lines' in frame)) return [frame];
        note([loss, lost], frame.lines, frame.payload.length);
        bytes -= frame.payload.length + entryBytes;
        return index === last ? [{ fields: lastOf(frame.fields), payload: loss }] : [];
      });
      bytes += entryBytes;
      queue.splice(0, queue.length, ...kept);
    },
    giveUp() {
      for (const frame of queue.splice(0)) if ('lines' in frame) note([lost], frame.lines, frame.payload.length);
      bytes = 0;
      open = undefined;
    },
  };
}

/** One printed line, shared by all frames that hold a piece of it: some of them may be lost and others kept, in any order. */
type PrintedLine = { isLost: boolean };

/** The lines of which a frame holds a part. Those between its first and its last are whole, and in no other frame. */
type FrameLines =
  | { readonly kind: 'event' }
  | { readonly kind: 'output'; readonly first: PrintedLine; readonly last: PrintedLine; readonly between: number };

/** @returns a function that finds the lines of each frame, given all frames in the order of their numbers */
function createLineTracker(): (fields: FrameFields) => FrameLines {
  /** The unfinished line of each step and stream. */
  const unfinished = new Map<string, PrintedLine>();
  return ({ kind, continues, unterminated, lineCount, subject, stream }) => {
    if (kind === 'event') return { kind };
    const source = `${subject?.step}\0${subject?.attempt}\0${stream}`;
    const first = (continues ? unfinished.get(source) : undefined) ?? { isLost: false };
    const last = lineCount === 1 ? first : { isLost: false };
    if (unterminated) unfinished.set(source, last);
    else unfinished.delete(source);
    return { kind, first, last, between: Math.max(lineCount - 2, 0) };
  };
}

/** What is kept of a line behind a lost piece of it continues nothing: a reader would join it to a piece it does not follow. */
function headBehindLoss(fields: FrameFields, lines: FrameLines): FrameFields {
  return fields.continues && lines.kind === 'output' && lines.first.isLost ? { ...fields, continues: false } : fields;
}

/** Marks the lines of a frame as lost. @returns how many of them were not lost before */
function loseLines(lines: FrameLines): number {
  if (lines.kind === 'event') return 0;
  let newlyLost = lines.between;
  for (const line of [lines.first, lines.last]) {
    if (!line.isLost) newlyLost += 1;
    line.isLost = true;
  }
  return newlyLost;
}

/** The place of the last line of an output frame, for an event in its place: readers see a gap, then why. */
function lastOf({ seq, timeNs, lineCount, subject: _subject, ...fields }: FrameFields): FrameFields {
  const behind = lineCount - 1;
  return {
    ...fields,
    kind: 'event',
    stream: undefined,
    severity: undefined,
    continues: false,
    unterminated: false,
    lineCount: 1,
    subject: undefined,
    seq: seq + behind,
    timeNs: timeNs + BigInt(behind),
  };
}
