// The segments of one writer in a row: which one is open, when the next begins, and syncing all of them in order.
// Failures are returned, never thrown; keeping frames that could not be written is for `journal-writer.ts`.
import type { Clock } from '../core/clock.ts';
import { toError } from '../core/errors.ts';
import type { RunFolder } from '../data/data-folder.ts';
import { encodeFrameHead, type FrameFields, frameBytes } from './frame.ts';
import { createGroupSync, type GroupSync } from './group-sync.ts';
import type { JournalOptions } from './journal-options.ts';
import { createSegment, type SegmentSettings, type SegmentWriter } from './segment-writer.ts';

export type SegmentRoll = {
  /** Hands a frame to the kernel, whole or not at all. Returns the failure. */
  readonly write: (fields: FrameFields, payload: Buffer) => Error | undefined;
  /** Keeps everything written so far on disk, unless the durability is `none`. */
  readonly sync: () => Promise<void>;
  readonly close: () => Promise<void>;
};

/** After so many failures in a row the file itself is given up, and the next try makes a new one. */
const failuresPerSegment = 3;

export type SegmentRollStart = {
  readonly folder: RunFolder;
  readonly options: JournalOptions;
  readonly settings: SegmentSettings;
  readonly clock: Clock;
  /** The segment to continue, if any. */
  readonly open: SegmentWriter | undefined;
  /** A segment was closed and may be archived. */
  readonly onSealed: () => void;
  /** The disk did not confirm; the kernel still has the bytes. */
  readonly onSyncFailure: (error: Error) => void;
};

export function createSegmentRoll(start: SegmentRollStart): SegmentRoll {
  const { folder, options, settings, clock, onSealed, onSyncFailure } = start;
  const { durability } = options;
  let current = start.open;
  let sealed: SegmentWriter[] = [];
  let failures = 0;

  // Runs one at a time, so a segment is closed only when no fdatasync of it is under way.
  const syncAll = async (): Promise<void> => {
    const closing = sealed;
    sealed = [];
    for (const segment of closing) {
      await keep(segment);
      const failure = segment.close();
      if (failure !== undefined) onSyncFailure(failure);
    }
    if (current !== undefined) await keep(current);
  };
  const keep = async (segment: SegmentWriter): Promise<void> => {
    const failure = durability === 'none' ? undefined : await segment.sync();
    if (failure !== undefined) onSyncFailure(failure);
  };
  const group: GroupSync = createGroupSync(typeof durability === 'object' ? durability.everyMs : undefined, syncAll);

  const seal = (): void => {
    if (current === undefined) return;
    sealed.push(current);
    current = undefined;
    group.markDirty();
    void group.sync().then(onSealed);
  };

  const segmentFor = (bytes: number, seq: number): SegmentWriter => {
    if (current !== undefined && !current.isEmpty() && current.size() + bytes > options.segmentBytes) seal();
    current ??= createSegment(settings, folder.runId, seq, clock.reserve(1));
    return current;
  };

  return {
    write(fields, payload) {
      try {
        const segment = segmentFor(frameBytes(fields, payload.length), fields.seq);
        const head = encodeFrameHead(fields, payload, segment.seed);
        const failure = segment.append(head, payload, fields.seq, fields.timeNs);
        if (failure !== undefined) {
          if (++failures % failuresPerSegment === 0 && !segment.isEmpty()) seal();
          return failure;
        }
        failures = 0;
        if (durability === 'always') {
          const unsynced = segment.syncNow();
          if (unsynced !== undefined) onSyncFailure(unsynced);
        } else {
          group.markDirty();
        }
        return undefined;
      } catch (error) {
        return toError(error);
      }
    },
    sync: () => group.sync(),
    async close() {
      seal();
      await group.sync();
      group.stop();
    },
  };
}
