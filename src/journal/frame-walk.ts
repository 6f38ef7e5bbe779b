// Walks the frames of a journal in order, over segments and damage, from a sequence number on. Its place is a number, not a
// file, so segments can be rolled, archived or removed meanwhile. Called by journal-reader.ts, which makes records of them.

import { setImmediate as nextTurn } from 'node:timers/promises';
import { errorCode } from '../core/errors.ts';
import type { RunFolder } from '../data/data-folder.ts';
import { frameHeadBytes } from './format.ts';
import { type Frame, type NoFrame, outputHeadAt, parseFrame } from './frame.ts';
import type { JournalProblem } from './journal-problem.ts';
import { listSegments, type SegmentFile } from './segment-files.ts';
import {
  type FramePlace,
  type Memory,
  maxBlockBytes,
  openSegment,
  type SegmentBytes,
  type SegmentSource,
} from './segment-source.ts';

export type WalkStep =
  /**
   * At least one. The first may have begun before the place that was asked for. `atEnd` when the segment had no more at
   * that moment; whether there is a next segment was not looked at.
   */
  | { readonly kind: 'frames'; readonly frames: readonly Frame[]; readonly atEnd: boolean }
  /** Something is wrong; the next step continues behind it. */
  | { readonly kind: 'problem'; readonly problem: JournalProblem }
  /** There is no more for now. A frame that is being written, or was torn by a crash, does not count. */
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
  /** Whether to skip output, mostly without reading it. Gaps amid what is skipped are not reported. */
  readonly onlyEvents: boolean;
};

/**
 * What is read of output that is skipped: a head, and what follows in the same page. It grows while frames are so short that
 * the next one is in the same block or behind it.
 */
const leastAheadBytes = 4096;

/** So many blocks are read without a turn of the event loop, of some microseconds each. */
const immediateReads = 256;

/**
 * Read so many times what is wanted in a step: a frame that is cut at the end of a block is read again with the next one,
 * and a step may be one frame.
 */
const stepsInBlock = 4;

export function walkFrames(folder: RunFolder, from: number, wanted: WalkMemory): FrameWalk {
  return new Walk(folder, from, wanted);
}

type Found = {
  /** From the offset on; none if there is no whole frame that is wanted. */
  readonly frames: Frame[];
  /** The number that was to come with the first of these frames: it has another one if there is a gap. */
  expected: number;
  /** The number behind them, and behind what was skipped. */
  nextSeq: number;
  /** Why there is no frame, unless that is the end of the bytes. */
  stopped?: string;
};

/** A place in one segment, and the bytes that were read from there. */
class SegmentPlace {
  readonly source: SegmentSource;
  readonly #memory: Memory;
  readonly #onlyEvents: boolean;
  #offset: number;
  #nextSeq: number;
  #block: Buffer = noBytes;
  #blockAt = 0;
  #blockIsLast = false;
  #aheadBytes = leastAheadBytes;

  constructor(source: SegmentSource, memory: Memory, from: FramePlace & { readonly onlyEvents: boolean }) {
    this.source = source;
    this.#memory = memory;
    this.#onlyEvents = from.onlyEvents;
    this.#offset = from.offset;
    this.#nextSeq = from.seq;
  }

  get offset(): number {
    return this.#offset;
  }

  /** The number of the frame that is, or should be, at the offset. */
  get nextSeq(): number {
    return this.#nextSeq;
  }

  /** Whether the segment had no more at the last read, and all of that was taken. */
  get isAtEnd(): boolean {
    return this.#blockIsLast && this.#offset - this.#blockAt === this.#block.length;
  }

  goTo(offset: number): void {
    this.#offset = offset;
    this.#block = noBytes;
    this.#blockAt = offset;
    this.#blockIsLast = false;
  }

  /** @param seq the next number wanted; a frame behind a gap comes alone, so that the gap is reported first */
  async collect(seq: number, maxBytes: number): Promise<Found> {
    const found: Found = { frames: [], expected: seq, nextSeq: seq };
    let asked = -1;
    for (let reads = 1; ; reads++) {
      const before = this.#offset;
      const stop = this.#take(found, seq, maxBytes);
      if (stop === undefined || found.frames.length > 0) return found;
      if (this.#offset !== before) asked = -1;
      const needs = stop.kind === 'incomplete' ? stop.needs : 0;
      if (asked >= needs) {
        const isEnd = this.#block.length === this.#offset - this.#blockAt;
        return isEnd ? found : { ...found, stopped: stop.kind === 'corrupt' ? stop.reason : 'it ends amid a frame' };
      }
      asked = needs;
      const more = await this.#read(found, needs);
      if (more.kind === 'corrupt') return { ...found, stopped: more.reason };
      this.#block = more.bytes;
      this.#blockAt = this.#offset;
      this.#blockIsLast = more.atEnd;
      if (this.#onlyEvents && reads % immediateReads === 0) await nextTurn();
    }
  }

  #read(found: Found, needs: number): Promise<SegmentBytes> {
    if (!this.#onlyEvents) return this.source.bytesAt(this.#offset, needs, this.#memory);
    const beyond = this.#offset - this.#blockAt - this.#block.length;
    if (beyond >= 0) {
      const place = this.source.skipOutput({ offset: this.#offset, seq: found.nextSeq });
      this.#offset = place.offset;
      this.#nextSeq = place.seq;
      found.nextSeq = place.seq;
    }
    this.#aheadBytes = beyond > 0 ? leastAheadBytes : Math.min(2 * this.#aheadBytes, this.#memory.blockBytes);
    const memory = { ...this.#memory, blockBytes: this.#aheadBytes, isImmediate: true };
    return this.source.bytesAt(this.#offset, needs, memory);
  }

  /** Takes the frames that are in the block. Returns why it stopped, if not because there were enough. */
  #take(found: Found, seq: number, maxBytes: number): NoFrame | undefined {
    let bytes = 0;
    for (;;) {
      const passed = this.#onlyEvents && this.#skipOutput(found);
      const stop = passed || parseFrame(this.#block, this.#offset - this.#blockAt, this.source.seed);
      if (stop.kind !== 'frame') return stop;
      const { frame } = stop;
      if (frame.seq > found.nextSeq) {
        if (found.frames.length > 0) return undefined;
        found.expected = found.nextSeq;
        found.frames.push(frame);
        return undefined;
      }
      this.#offset += frame.bytes;
      const behind = frame.seq + frame.lineCount;
      this.#nextSeq = behind;
      if (behind <= seq) continue;
      if (!this.#onlyEvents || frame.kind !== 'output') {
        if (found.frames.length === 0) found.expected = found.nextSeq;
        found.frames.push(frame);
        bytes += frame.payload.length;
      }
      found.nextSeq = behind;
      if (bytes >= maxBytes) return undefined;
    }
  }

  /** Goes to the next frame that is not output, or to where the block ends; says so then. */
  #skipOutput(found: Found): NoFrame | undefined {
    for (;;) {
      const at = this.#offset - this.#blockAt;
      if (this.#block.length - at < frameHeadBytes) return { kind: 'incomplete', needs: frameHeadBytes };
      const head = outputHeadAt(this.#block, at, found.nextSeq);
      if (head === undefined) return undefined;
      // One that is not whole is left to the checks: the same numbers may be given again in the next segment.
      const isWhole = at + head.bytes <= this.#block.length || this.#offset + head.bytes <= this.source.endOffset();
      if (!isWhole) return undefined;
      this.#offset += head.bytes;
      found.nextSeq += head.lineCount;
      this.#nextSeq = found.nextSeq;
    }
  }
}

class Walk implements FrameWalk {
  readonly #folder: RunFolder;
  readonly #memory: Memory;
  readonly #onlyEvents: boolean;
  /** The next number wanted: everything below it was returned, or reported as a gap. */
  #seq: number;
  #place: SegmentPlace | undefined;
  /** Segments that begin before it are finished. */
  #oldestSegment = 0;
  /** Where damage with nothing behind it was reported. */
  #reportedAt: number | undefined;
  /** Why numbers would be missing, if they were. */
  #missingBecause: 'removed' | 'lost' | 'corrupt' = 'lost';

  constructor(folder: RunFolder, from: number, wanted: WalkMemory) {
    this.#folder = folder;
    this.#seq = from;
    this.#memory = {
      blockBytes: Math.min(maxBlockBytes, Math.max(minBlockBytes, stepsInBlock * wanted.maxBytes)),
      // An event is parsed before the next step, and nothing else of the block is kept.
      allocate: wanted.reuse || wanted.onlyEvents ? oneBlock() : Buffer.allocUnsafeSlow,
    };
    this.#onlyEvents = wanted.onlyEvents;
  }

  async next(maxBytes: number): Promise<WalkStep> {
    for (;;) {
      const place = this.#place ?? (await this.#enter());
      if (!(place instanceof SegmentPlace)) return place;
      const found = await place.collect(this.#seq, maxBytes);
      if (found.frames.length > 0) return this.#stepOf(place, found);
      this.#seq = found.nextSeq;
      // A segment is complete once there is a next one. What came in since it was read is read before moving on.
      const following = listSegments(this.#folder.journalDir).find(
        (file) => file.firstSeq > place.source.file.firstSeq,
      );
      const late = following && (await place.collect(this.#seq, maxBytes));
      if (late !== undefined && late.frames.length > 0) return this.#stepOf(place, late);
      if (late !== undefined) this.#seq = late.nextSeq;

      // If no number is missing up to the next segment, bytes that are not a frame are what remains of a frame that could not
      // be written here and was written there.
      const isMissing = following !== undefined && following.firstSeq > this.#seq;
      if (found.stopped !== undefined && (following === undefined || isMissing)) {
        return this.#passDamage(place, found.stopped, following, maxBytes);
      }
      if (following === undefined) return { kind: 'end' };
      await this.#leaveFor(following);
    }
  }

  async close(): Promise<void> {
    const left = this.#place;
    this.#place = undefined;
    await left?.source.close();
  }

  async #enter(): Promise<WalkStep | SegmentPlace> {
    const found = await openAt(this.#folder, Math.max(this.#seq, this.#oldestSegment));
    if (found === undefined) return { kind: 'end' };
    const { source, isOldest } = found;
    const { offset, seq } = await source.seek((entry) => entry.seq <= this.#seq);
    this.#place = new SegmentPlace(source, this.#memory, { offset, seq, onlyEvents: this.#onlyEvents });
    if (isOldest && source.file.firstSeq > this.#seq) this.#missingBecause = 'removed';
    return source.headerDamaged ? corrupt(source, 0, 'its header is damaged') : this.#place;
  }

  async #leaveFor(following: SegmentFile): Promise<void> {
    this.#oldestSegment = following.firstSeq;
    // How many numbers a last member of output takes is not known without uncompressing it.
    if (this.#onlyEvents) this.#seq = Math.max(this.#seq, following.firstSeq);
    await this.close();
  }

  #stepOf(place: SegmentPlace, { frames, expected, nextSeq }: Found): WalkStep {
    const [first] = frames;
    if (first !== undefined && first.seq > expected) {
      const gap = { kind: 'gap', fromSeq: expected, toSeq: first.seq, why: this.#missingBecause } as const;
      this.#seq = first.seq;
      return { kind: 'problem', problem: gap };
    }
    this.#seq = nextSeq;
    this.#missingBecause = 'lost';
    return { kind: 'frames', frames, atEnd: place.isAtEnd };
  }

  /** Continues at the next place where a frame is known to begin, in this segment or the next one. */
  async #passDamage(
    place: SegmentPlace,
    reason: string,
    following: SegmentFile | undefined,
    maxBytes: number,
  ): Promise<WalkStep> {
    const { source, offset } = place;
    const further = await source.resync(offset, place.nextSeq);
    if (further !== undefined) {
      // A writer finishes a frame before it begins another: with one further on, what was half there is whole by now.
      const whole = await place.collect(this.#seq, maxBytes);
      if (whole.frames.length > 0) return this.#stepOf(place, whole);
      this.#seq = whole.nextSeq;
      place.goTo(further);
    } else if (following !== undefined) {
      await this.#leaveFor(following);
    } else {
      const isWritten = source.file.form === 'raw' || this.#reportedAt === offset;
      if (isWritten) return { kind: 'end', torn: { file: source.file.path, offset } };
      // Nobody writes to an archive, so bytes that are not a frame there will never be one.
      this.#reportedAt = offset;
    }
    this.#missingBecause = 'corrupt';
    return corrupt(source, offset, reason);
  }
}

function corrupt({ file }: SegmentSource, offset: number, reason: string): WalkStep {
  return { kind: 'problem', problem: { kind: 'corrupt', file: file.path, offset, reason } };
}

/** The same memory again and again. Frames are read from it only when none of the block before is left. */
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
      if (errorCode(error) !== 'ENOENT' || tries === maxTries) throw error;
    }
  }
}

/** A file that vanishes between being listed and being opened does so once; ten times is a defect. */
const maxTries = 10;
