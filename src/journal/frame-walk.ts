// Walks the frames of a journal in order, over segments and damage, from a sequence number on. Knows no records.
// Its place is a number, not a file, so segments may be rolled, archived or removed under it.
import type { RunFolder } from '../data/data-folder.ts';
import { type Frame, parseFrame } from './frame.ts';
import type { JournalProblem } from './journal-problem.ts';
import { listSegments, type SegmentFile } from './segment-files.ts';
import { type Memory, maxBlockBytes, openSegment, type SegmentSource } from './segment-source.ts';

export type WalkStep =
  /**
   * At least one. The first may have begun before the place that was asked for. `atEnd` when the segment had no more at
   * that moment; whether there is a next segment was not looked at.
   */
  | { readonly kind: 'frames'; readonly frames: readonly Frame[]; readonly atEnd: boolean }
  /** Something is wrong; the next step goes on behind it. */
  | { readonly kind: 'problem'; readonly problem: JournalProblem }
  /** There is no more for now. A frame that is being written, or was torn by a crash, is no frame yet. */
  | { readonly kind: 'end'; readonly torn?: { readonly file: string; readonly offset: number } };

export type FrameWalk = {
  /** @param maxBytes of payload in one step; one frame is given however large it is */
  readonly next: (maxBytes: number) => Promise<WalkStep>;
  readonly close: () => Promise<void>;
};

const noBytes = Buffer.alloc(0);

/** One read of the disk; less would only be more calls. */
const minBlockBytes = 64 * 1024;

export type WalkMemory = {
  /** Frames are overwritten by the next step. */
  readonly reuse: boolean;
  /** The most that is wanted in one step: who wants little at a time is not made to hold much. */
  readonly maxBytes: number;
};

/**
 * Read so many times what is wanted in a step: a frame that is cut at the end of a block is read again with the next one,
 * and a step may be one frame.
 */
const stepsInBlock = 4;

export function walkFrames(folder: RunFolder, from: number, wanted: WalkMemory): FrameWalk {
  const memory: Memory = {
    blockBytes: Math.min(maxBlockBytes, Math.max(minBlockBytes, stepsInBlock * wanted.maxBytes)),
    allocate: wanted.reuse ? oneBlock() : Buffer.allocUnsafeSlow,
  };
  /** The next number wanted: everything below it was given, or told of as a gap. */
  let place = from;
  let source: SegmentSource | undefined;
  /** Segments that begin before it are done with. */
  let oldestSegment = 0;
  /** Where in the segment to go on, and the bytes that were read from `blockAt` on. */
  let offset = 0;
  let block: Buffer = noBytes;
  let blockAt = 0;
  let blockIsLast = false;
  /** Where damage with nothing behind it was told of. */
  let toldAt: number | undefined;
  /** Why numbers would be missing, if they were. */
  let missingBecause: 'removed' | 'lost' | 'corrupt' = 'lost';

  const goTo = (at: number): void => {
    offset = at;
    block = noBytes;
    blockAt = at;
    blockIsLast = false;
  };
  const leave = async (): Promise<void> => {
    const left = source;
    source = undefined;
    goTo(0);
    await left?.close();
  };
  const leaveFor = async (following: SegmentFile): Promise<void> => {
    oldestSegment = following.firstSeq;
    await leave();
  };

  /** Frames from `offset` on; none where there is no whole one, with why not unless that is the end of the bytes. */
  const collect = async (here: SegmentSource, maxBytes: number): Promise<{ frames: Frame[]; stopped?: string }> => {
    const frames: Frame[] = [];
    let bytes = 0;
    let next = place;
    let asked = -1;
    while (bytes < maxBytes) {
      const parsed = parseFrame(block, offset - blockAt, here.seed);
      if (parsed.kind === 'frame') {
        const { frame } = parsed;
        if (frame.seq > next) {
          // A gap is told before what follows it.
          if (frames.length === 0) frames.push(frame);
          break;
        }
        offset += frame.bytes;
        asked = -1;
        if (frame.seq + frame.lineCount <= place) continue;
        frames.push(frame);
        bytes += frame.payload.length;
        next = frame.seq + frame.lineCount;
        continue;
      }
      if (frames.length > 0) break;
      const needs = parsed.kind === 'incomplete' ? parsed.needs : 0;
      if (asked >= needs) {
        if (block.length === offset - blockAt) return { frames };
        return { frames, stopped: parsed.kind === 'corrupt' ? parsed.reason : 'it ends amid a frame' };
      }
      asked = needs;
      const more = await here.bytesAt(offset, needs, memory);
      if (more.kind === 'corrupt') return { frames, stopped: more.reason };
      block = more.bytes;
      blockAt = offset;
      blockIsLast = more.atEnd;
    }
    return { frames };
  };

  const give = (frames: readonly Frame[]): WalkStep => {
    const first = frames[0]!;
    if (first.seq > place) {
      const gap = { kind: 'gap', fromSeq: place, toSeq: first.seq, why: missingBecause } as const;
      place = first.seq;
      return { kind: 'problem', problem: gap };
    }
    const last = frames.at(-1)!;
    place = last.seq + last.lineCount;
    missingBecause = 'lost';
    return { kind: 'frames', frames, atEnd: blockIsLast && offset - blockAt === block.length };
  };

  const enter = async (): Promise<WalkStep | SegmentSource> => {
    const found = await openAt(folder, Math.max(place, oldestSegment));
    if (found === undefined) return { kind: 'end' };
    source = found.source;
    goTo((await found.source.seek((entry) => entry.seq <= place)).offset);
    if (found.isOldest && found.source.file.firstSeq > place) missingBecause = 'removed';
    if (!found.source.headerDamaged) return found.source;
    const { path } = found.source.file;
    return { kind: 'problem', problem: { kind: 'corrupt', file: path, offset: 0, reason: 'its header is damaged' } };
  };

  const next = async (maxBytes: number): Promise<WalkStep> => {
    for (;;) {
      const here = source ?? (await enter());
      if ('kind' in here) return here;
      const found = await collect(here, maxBytes);
      if (found.frames.length > 0) return give(found.frames);
      // A segment is complete once there is a next one. What came in since it was read is read before moving on.
      const following = listSegments(folder.journalDir).find((file) => file.firstSeq > here.file.firstSeq);
      const late = following && (await collect(here, maxBytes));
      if (late !== undefined && late.frames.length > 0) return give(late.frames);

      // Bytes that are no frame, with nothing missing between them and the next segment, are what is left of a frame
      // that could not be written here and was written there.
      const isMissing = following !== undefined && following.firstSeq > place;
      if (found.stopped !== undefined && (following === undefined || isMissing)) {
        const at = offset;
        const further = await here.resync(at);
        // A writer finishes a frame before it begins another: with one further on, what was half there is whole by now.
        const whole = further === undefined ? undefined : await collect(here, maxBytes);
        if (whole !== undefined && whole.frames.length > 0) return give(whole.frames);
        if (further === undefined && following === undefined) {
          const isWritten = here.file.form === 'raw' || toldAt === at;
          if (isWritten) return { kind: 'end', torn: { file: here.file.path, offset: at } };
          // Nobody writes to an archive, so what is no frame there will never be one.
          toldAt = at;
        } else if (further === undefined) await leaveFor(following!);
        else goTo(further);
        missingBecause = 'corrupt';
        return {
          kind: 'problem',
          problem: { kind: 'corrupt', file: here.file.path, offset: at, reason: found.stopped },
        };
      }
      if (following === undefined) return { kind: 'end' };
      await leaveFor(following);
    }
  };
  return { next, close: leave };
}

/** Gives the same memory again and again. Frames are read from it only when none of the block before is left. */
function oneBlock(): Memory['allocate'] {
  let block = noBytes;
  return (bytes) => {
    if (block.length < bytes) block = Buffer.allocUnsafeSlow(bytes);
    return block.subarray(0, bytes);
  };
}

/**
 * The segment that holds the number `from`, or the oldest one when that begins later. Undefined when there is none yet.
 */
async function openAt(
  folder: RunFolder,
  from: number,
): Promise<{ source: SegmentSource; isOldest: boolean } | undefined> {
  for (let tries = 0; ; tries++) {
    const files = listSegments(folder.journalDir);
    const index = Math.max(
      files.findLastIndex((file) => file.firstSeq <= from),
      0,
    );
    const file = files[index];
    if (file === undefined) return undefined;
    try {
      const source = await openSegment(folder.journalDir, file, folder.runId);
      return source && { source, isOldest: index === 0 };
    } catch (error) {
      // Archived or removed since it was listed; the next listing has it right.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || tries === maxTries) throw error;
    }
  }
}

/** A file that vanishes between being listed and being opened does so once; ten times is a defect. */
const maxTries = 10;
