// Where a journal ends: the last whole frame of its last segment. Used by recovery, by head() and by the archiver.
// Synchronous and read-only; it starts at the last index entry that checks out, so it reads little.
import { fstatSync, readSync } from 'node:fs';
import { readMemberTable, withFile } from './archive-member.ts';
import {
  assumedHeader,
  formatMajor,
  frameSeed,
  maxFrameBytes,
  parseSegmentHeader,
  type SegmentHeader,
  segmentHeaderBytes,
} from './format.ts';
import { type Frame, findFrame, framesIn, type NoFrame, parseFrame, recordOf } from './frame.ts';
import { newerFormat } from './journal-error.ts';
import type { Member } from './member-form.ts';
import { indexPath, type SegmentFile } from './segment-files.ts';
import { type IndexEntry, loadIndex } from './segment-index.ts';

export type SegmentTail = {
  /** Undefined when the file ends inside its header: it holds nothing. */
  readonly header: SegmentHeader | undefined;
  /** The header was damaged, and is assumed from the file's name. */
  readonly headerDamaged: boolean;
  /** Places before `validBytes` that are not frames, from where the scan began. They stay as they are. */
  readonly damage: readonly SegmentDamage[];
  /** Size of the raw segment up to the end of its last whole frame. */
  readonly validBytes: number;
  /** Size of the raw segment as it is. What lies between is a torn tail. */
  readonly totalBytes: number;
  /** The sequence number after the last whole frame. */
  readonly nextSeq: number;
  /** The last nanosecond that is taken. */
  readonly lastNs: bigint;
  /** Whether the last whole frame is the event `run.finished`, after which nothing is written. */
  readonly finished: boolean;
};

/** Bytes amid whole frames that are not a frame. */
export type SegmentDamage = {
  readonly bytes: number;
  /** Numbers that were in them. */
  readonly missing: number;
  /** The frame behind them. */
  readonly behind: IndexEntry;
};

/** @param known a tail of the same file from before: the scan continues from there */
export function scanTail(journalDir: string, segment: SegmentFile, runId: string, known?: SegmentTail): SegmentTail {
  return withFile(segment.path, (fd) =>
    segment.form === 'raw' ? scanRaw(fd, journalDir, segment, { runId, known }) : scanArchived(fd, segment, runId),
  );
}

function scanRaw(fd: number, journalDir: string, segment: SegmentFile, start: Start): SegmentTail {
  const { runId, known } = start;
  const totalBytes = fstatSync(fd).size;
  const { header, damaged } = headerOf(readAt(fd, 0, segmentHeaderBytes), segment, runId);
  if (header === undefined) return nothing(segment, totalBytes);
  const seed = frameSeed(header);
  if (known?.header !== undefined && known.validBytes <= totalBytes) {
    return scanFrom(fd, seed, { ...known, totalBytes });
  }
  const empty: SegmentTail = {
    header,
    headerDamaged: damaged,
    damage: [],
    validBytes: header.headerBytes,
    totalBytes,
    nextSeq: header.firstSeq,
    lastNs: header.createdNs,
    finished: false,
  };
  const entries = loadIndex(indexPath(journalDir, segment.firstSeq), segment.firstSeq);
  for (const entry of entries.reverse()) {
    const parsed = entry.offset < totalBytes ? frameAt(fd, entry.offset, totalBytes, seed) : undefined;
    if (parsed?.seq === entry.seq) return scanFrom(fd, seed, { ...empty, validBytes: entry.offset });
  }
  return scanFrom(fd, seed, empty);
}

type Start = { readonly runId: string; readonly known: SegmentTail | undefined };

const blockBytes = 1024 * 1024;

/** From the frame boundary at `validBytes` on to the last whole frame. */
function scanFrom(fd: number, seed: number, start: SegmentTail): SegmentTail {
  let tail = start;
  let needs = 0;
  for (;;) {
    // No more than there is: memory that is not written to must be found, too.
    const left = Math.max(0, tail.totalBytes - tail.validBytes);
    const block = readAt(fd, tail.validBytes, Math.min(Math.max(blockBytes, needs), left));
    // The file has become shorter since its size was taken: another process cut its tail.
    if (block.length < needs) return tail;
    const { tail: reached, end } = advanceIn(block, 0, tail, seed);
    const isInFile = end.kind === 'incomplete' && end.needs <= reached.totalBytes - reached.validBytes;
    const next = isInFile ? reached : passDamage(fd, seed, reached);
    if (next === undefined) return reached;
    tail = next;
    needs = isInFile ? end.needs : 0;
  }
}

/** At the next frame behind bytes that are none; undefined if there is none. */
function passDamage(fd: number, seed: number, tail: SegmentTail): SegmentTail | undefined {
  // The file may have grown since its size was taken, and more than that have been read of it.
  const rest = readAt(fd, tail.validBytes, Math.max(tail.totalBytes - tail.validBytes, 0));
  const bytes = findFrame(rest, seed, tail.nextSeq);
  const parsed = bytes === undefined ? undefined : parseFrame(rest, bytes, seed);
  if (bytes === undefined || parsed?.kind !== 'frame') return undefined;
  const offset = tail.validBytes + bytes;
  const { seq, timeNs } = parsed.frame;
  const damage = { bytes, missing: seq - tail.nextSeq, behind: { seq, timeNs, offset } };
  return { ...tail, validBytes: offset, damage: [...tail.damage, damage] };
}

/** Over all whole frames of a block, from `at` on. */
function advanceIn(block: Buffer, at: number, start: SegmentTail, seed: number): { tail: SegmentTail; end: NoFrame } {
  let tail = start;
  const frames = framesIn(block, at, seed);
  for (;;) {
    const { done, value } = frames.next();
    if (done) return { tail, end: value };
    tail = advance(tail, value);
  }
}

function advance(tail: SegmentTail, frame: Frame): SegmentTail {
  return {
    ...tail,
    validBytes: tail.validBytes + frame.bytes,
    nextSeq: frame.seq + frame.lineCount,
    lastNs: frame.timeNs + BigInt(frame.lineCount - 1),
    finished: isRunFinished(frame),
  };
}

function scanArchived(fd: number, segment: SegmentFile, runId: string): SegmentTail {
  const { members } = readMemberTable(fd, segment.path);
  const first = members[0];
  const last = members.at(-1);
  if (first === undefined || last === undefined) return nothing(segment, 0);
  const { header, damaged } = headerOf(first.form.readHeader(fd, first), segment, runId);
  if (header === undefined) return nothing(segment, 0);
  const seed = frameSeed(header);
  const start: SegmentTail = {
    header,
    headerDamaged: damaged,
    damage: [],
    validBytes: header.headerBytes,
    totalBytes: last.rawOffset + last.rawBytes,
    nextSeq: header.firstSeq,
    lastNs: header.createdNs,
    finished: false,
  };
  const through = (tail: SegmentTail, member: Member): SegmentTail => {
    const raw = uncompressed(readAt(fd, member.fileOffset, member.compressedBytes), member);
    const from = Math.max(member.rawOffset, header.headerBytes);
    const reached = advanceIn(raw, from - member.rawOffset, { ...tail, validBytes: from }, seed).tail;
    return reached.nextSeq === tail.nextSeq ? tail : reached;
  };
  // The last member has the end, unless it is damaged; then it takes the frames of all the others to know it.
  const end = through(start, last);
  return end === start ? members.reduce(through, start) : end;
}

/** Empty when the member is damaged: then the tail is that of the frames before it. */
function uncompressed(compressed: Buffer, { form, rawBytes }: Member): Buffer {
  try {
    return form.uncompressSync(compressed, rawBytes);
  } catch {
    return Buffer.alloc(0);
  }
}

/**
 * The header of a segment, or the one that its name says where its bytes are damaged.
 * Throws a JournalError for a later major version: nothing may be read from it or written behind it.
 */
export function headerOf(
  bytes: Buffer,
  segment: SegmentFile,
  runId: string,
): { header: SegmentHeader | undefined; damaged: boolean } {
  const parsed = parseSegmentHeader(bytes);
  switch (parsed.kind) {
    case 'header':
      return { header: parsed.header, damaged: false };
    case 'incomplete':
      return { header: undefined, damaged: false };
    case 'newer':
      throw newerFormat(segment.path, parsed.major, parsed.minor, formatMajor);
    case 'corrupt':
      return { header: assumedHeader(runId, segment.firstSeq), damaged: true };
  }
}

/** Whether a frame is the last one that any journal has. */
export function isRunFinished(frame: Frame): boolean {
  // The text is looked for first: parsing every event only to learn its type would make scanning slow.
  if (frame.kind !== 'event' || !frame.payload.subarray(0, 32).includes('run.finished')) return false;
  const record = recordOf(frame);
  return record?.kind === 'event' && record.event.type === 'run.finished';
}

function frameAt(fd: number, offset: number, totalBytes: number, seed: number): Frame | undefined {
  const head = readAt(fd, offset, 8);
  const length = head.length < 8 ? 0 : head.readUInt32LE(4);
  if (length > maxFrameBytes || offset + length > totalBytes) return undefined;
  const parsed = parseFrame(readAt(fd, offset, length), 0, seed);
  return parsed.kind === 'frame' ? parsed.frame : undefined;
}

function readAt(fd: number, offset: number, bytes: number): Buffer {
  const buffer = Buffer.allocUnsafe(bytes);
  return buffer.subarray(0, readSync(fd, buffer, 0, bytes, offset));
}

function nothing(segment: SegmentFile, totalBytes: number): SegmentTail {
  return {
    header: undefined,
    headerDamaged: false,
    damage: [],
    validBytes: 0,
    totalBytes,
    nextSeq: segment.firstSeq,
    lastNs: 0n,
    finished: false,
  };
}
