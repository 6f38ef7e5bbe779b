// Frames that the disk would not take, in memory and bounded, and the count of those that found no room there.
// The first frame that is dropped leaves a place in the queue for the `journal.lost` that will report it: so the
// number of that record is where the loss is, and `run.finished` stays the last record of a journal.
import type { FrameFields } from './frame.ts';

/** `lines`: those of which any part is lost. A line that came in several lost pieces counts once. */
export type Loss = { lines: number; events: number; bytes: number };

export type QueuedFrame = {
  readonly fields: FrameFields;
  /** A loss is encoded when it is written, as it grows until then. */
  readonly payload: Buffer | Loss;
};

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
  /** Queues a copy of the frame, or counts it as lost. `makeLoss` numbers the record that will say so. */
  readonly push: (fields: FrameFields, payload: Buffer, makeLoss: () => FrameFields) => void;
  /** Says that a frame was written without waiting here. */
  readonly written: (fields: FrameFields) => void;
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
  const lines = createLostLines();

  const note = (losses: readonly Loss[], fields: FrameFields, payloadBytes: number): void => {
    const lost = fields.kind === 'event' ? { lines: 0, events: 1 } : { lines: lines.newlyLost(fields), events: 0 };
    for (const loss of losses) {
      loss.lines += lost.lines;
      loss.events += lost.events;
      loss.bytes += payloadBytes;
    }
  };
  const drop = (fields: FrameFields, payloadBytes: number, makeLoss: () => FrameFields): void => {
    if (open === undefined) {
      open = { lines: 0, events: 0, bytes: 0 };
      queue.push({ fields: makeLoss(), payload: open });
      bytes += entryBytes;
    }
    note([open, lost], fields, payloadBytes);
  };
  return {
    isEmpty: () => queue.length === 0,
    bytes: () => bytes,
    lost: () => lost,
    push(fields, payload, makeLoss) {
      const bound = fields.kind === 'event' ? maxBytes + eventReserveBytes : maxBytes;
      if (bytes + payload.length + entryBytes > bound) {
        drop(fields, payload.length, makeLoss);
        return;
      }
      lines.noteKept(fields);
      // The caller may use its buffer again as soon as append has returned.
      queue.push({ fields, payload: Buffer.from(payload) });
      bytes += payload.length + entryBytes;
    },
    written: lines.noteKept,
    first: () => queue[0],
    shift() {
      const frame = queue.shift();
      if (frame === undefined) return;
      if (frame.payload === open) open = undefined;
      bytes -= entryBytes + (Buffer.isBuffer(frame.payload) ? frame.payload.length : 0);
    },
    dropOutput() {
      const last = queue.findLastIndex(({ fields }) => fields.kind === 'output');
      if (last === -1) return;
      const loss: Loss = { lines: 0, events: 0, bytes: 0 };
      const kept = queue.flatMap((frame, index): QueuedFrame[] => {
        const { fields, payload } = frame;
        if (fields.kind === 'event' || !Buffer.isBuffer(payload)) return [frame];
        note([loss, lost], fields, payload.length);
        bytes -= payload.length + entryBytes;
        return index === last ? [{ fields: lastOf(fields), payload: loss }] : [];
      });
      bytes += entryBytes;
      queue.splice(0, queue.length, ...kept);
    },
    giveUp() {
      for (const { fields, payload } of queue.splice(0)) {
        if (!Buffer.isBuffer(payload)) continue;
        note([lost], fields, payload.length);
      }
      bytes = 0;
      open = undefined;
    },
  };
}

type LostLines = {
  /** Lines that this lost frame of output adds to the count. */
  readonly newlyLost: (fields: FrameFields) => number;
  readonly noteKept: (fields: FrameFields) => void;
};

function createLostLines(): LostLines {
  /** Steps and streams whose unfinished line has lost a piece already. */
  const brokenLines = new Set<string>();
  return {
    newlyLost(fields) {
      const source = sourceOf(fields);
      const isCounted = fields.continues && brokenLines.has(source);
      if (fields.unterminated) brokenLines.add(source);
      else brokenLines.delete(source);
      return fields.lineCount - (isCounted ? 1 : 0);
    },
    noteKept(fields) {
      if (brokenLines.size === 0 || fields.kind === 'event') return;
      // The broken line ends here, so the next piece that is lost is of another one.
      if (!fields.continues || !fields.unterminated || fields.lineCount > 1) brokenLines.delete(sourceOf(fields));
    },
  };
}

function sourceOf({ subject, stream }: FrameFields): string {
  return `${subject?.step}\0${subject?.attempt}\0${stream}`;
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
