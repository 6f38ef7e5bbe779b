// One segment as a reader sees it: bytes by their offset in the raw segment, whether it is raw or archived.
// Knows where frames begin (the index, or the members), not what is in them.
import { close, fstatSync, openSync, read, readSync } from 'node:fs';
import { promisify } from 'node:util';
import { readMemberTable } from './archive-member.ts';
import { frameSeed, type SegmentHeader, segmentHeaderBytes } from './format.ts';
import { findFrame, parseFrame } from './frame.ts';
import type { Member } from './member-form.ts';
import { headerOf } from './scan-tail.ts';
import { indexPath, type SegmentFile } from './segment-files.ts';
import { type IndexEntry, lastEntry, loadIndex } from './segment-index.ts';

export type SegmentBytes =
  /** Empty at the current end of the segment. `atEnd` if nothing is behind them yet. */
  | { readonly kind: 'bytes'; readonly bytes: Buffer; readonly atEnd: boolean }
  | { readonly kind: 'corrupt'; readonly reason: string };

/** Where a frame begins, and its sequence number. */
export type FramePlace = { readonly offset: number; readonly seq: number };

export type Memory = {
  /** So much is read at once, unless a frame is larger. */
  readonly blockBytes: number;
  readonly allocate: (bytes: number) => Buffer;
  /** Whether to read without a turn of the thread pool: few bytes here and there, that were written not long ago. */
  readonly isImmediate?: boolean;
};

export type SegmentSource = {
  readonly file: SegmentFile;
  readonly header: SegmentHeader;
  readonly headerDamaged: boolean;
  readonly seed: number;
  /** The last place known to the index that `isBefore` holds for, or else the first frame. */
  readonly seek: (isBefore: (entry: IndexEntry) => boolean) => Promise<FramePlace>;
  /**
   * The next offset behind `offset` at which a frame begins; undefined when there is none.
   * @param seq the number of the damaged frame that is at `offset`
   */
  readonly resync: (offset: number, seq: number) => Promise<number | undefined>;
  /**
   * What is at `offset`: at least `minBytes` unless the segment ends before.
   * @param memory what to read into; an archive has memory of its own
   */
  readonly bytesAt: (offset: number, minBytes: number, memory?: Memory) => Promise<SegmentBytes>;
  /** The place behind the members from `place` on that hold nothing but output; `place` itself if that is not known. */
  readonly skipOutput: (place: FramePlace) => FramePlace;
  /** Where the segment ends at present. */
  readonly endOffset: () => number;
  readonly close: () => Promise<void>;
};

/** Few calls for a long journal, and a bound on what a batch of records pins in memory. */
export const maxBlockBytes = 1024 * 1024;

const freshMemory: Memory = { blockBytes: maxBlockBytes, allocate: Buffer.allocUnsafeSlow };

/**
 * What a follower finds is what was appended since it last looked: so few bytes are in the page cache, and copying them
 * takes some microseconds, where a turn of the thread pool takes 100, and many times that on a busy machine.
 */
const appendBytes = 64 * 1024;

/** Is read into and copied from at once, so all readers share it. */
const appended = Buffer.allocUnsafeSlow(appendBytes);

const readFile = promisify(read);
const closeFile = promisify(close);

/**
 * Opens a segment; undefined while its header is not written yet. Throws ENOENT if it does not exist, and a
 * JournalError for a later major version.
 */
export async function openSegment(
  journalDir: string,
  file: SegmentFile,
  runId: string,
): Promise<SegmentSource | undefined> {
  const fd = openSync(file.path, 'r');
  try {
    const source = file.form === 'raw' ? rawSource(fd, journalDir, file, runId) : await archivedSource(fd, file, runId);
    if (source === undefined) await closeFile(fd);
    return source;
  } catch (error) {
    await closeFile(fd);
    throw error;
  }
}

function rawSource(fd: number, journalDir: string, file: SegmentFile, runId: string): SegmentSource | undefined {
  const head = Buffer.alloc(segmentHeaderBytes);
  const { header, damaged } = headerOf(head.subarray(0, readSync(fd, head, 0, head.length, 0)), file, runId);
  if (header === undefined) return undefined;
  const seed = frameSeed(header);
  const entries = (): IndexEntry[] => loadIndex(indexPath(journalDir, file.firstSeq), file.firstSeq);

  /** Whether the last reading came to the end of the file: then the next one looks for what was appended. */
  let atEnd = false;

  const bytesAt = async (offset: number, minBytes: number, memory: Memory = freshMemory): Promise<SegmentBytes> => {
    if (atEnd) {
      const bytesRead = readSync(fd, appended, 0, appendBytes, offset);
      // Into Node's pool: a backing store of its own for each line would bring V8's full collections about.
      const few = bytesRead < appendBytes ? Buffer.from(appended.subarray(0, bytesRead)) : undefined;
      if (few !== undefined) return { kind: 'bytes', bytes: few, atEnd };
    }
    const there = Math.max(fstatSync(fd).size - offset, 0);
    const buffer = memory.allocate(Math.min(there, Math.max(memory.blockBytes, minBytes)));
    const bytesRead = memory.isImmediate
      ? readSync(fd, buffer, 0, buffer.length, offset)
      : (await readFile(fd, buffer, 0, buffer.length, offset)).bytesRead;
    atEnd = bytesRead === there;
    return { kind: 'bytes', bytes: buffer.subarray(0, bytesRead), atEnd };
  };
  return {
    file,
    header,
    headerDamaged: damaged,
    seed,
    bytesAt,
    async seek(isBefore) {
      const known = entries();
      const entry = known[lastEntry(known, isBefore)];
      return entry !== undefined && (await holds(bytesAt, seed, entry))
        ? entry
        : { offset: header.headerBytes, seq: file.firstSeq };
    },
    async resync(offset, seq) {
      const known = await nextKnown(offset);
      const end = known ?? fstatSync(fd).size;
      const between = Buffer.allocUnsafeSlow(Math.max(end - offset, 0));
      const { bytesRead } = await readFile(fd, between, 0, between.length, offset);
      const found = findFrame(between.subarray(0, bytesRead), seed, seq);
      return found === undefined ? known : offset + found;
    },
    skipOutput: (place) => place,
    endOffset: () => fstatSync(fd).size,
    close: () => closeFile(fd),
  };

  async function nextKnown(offset: number): Promise<number | undefined> {
    for (const entry of entries()) {
      if (entry.offset > offset && (await holds(bytesAt, seed, entry))) return entry.offset;
    }
    return undefined;
  }
}

async function archivedSource(fd: number, file: SegmentFile, runId: string): Promise<SegmentSource | undefined> {
  const { members, damage } = readMemberTable(fd, file.path);
  let last: { member: Member; bytes: Buffer } | undefined;

  const raw = async (member: Member): Promise<Buffer | undefined> => {
    if (last?.member === member) return last.bytes;
    const compressed = Buffer.allocUnsafe(member.compressedBytes);
    await readFile(fd, compressed, 0, compressed.length, member.fileOffset);
    try {
      const bytes = await member.form.uncompress(compressed, member.rawBytes);
      if (bytes.length !== member.rawBytes) return undefined;
      last = { member, bytes };
      return bytes;
    } catch {
      return undefined;
    }
  };
  const head = members[0]?.form.readHeader(fd, members[0]);
  const { header, damaged } = headerOf(head?.length === segmentHeaderBytes ? head : noHeader, file, runId);
  if (header === undefined) return undefined;
  const seed = frameSeed(header);
  const lastMember = members.at(-1);
  const endOffset = lastMember === undefined ? 0 : lastMember.rawOffset + lastMember.rawBytes;
  const bytesAt = async (offset: number): Promise<SegmentBytes> => {
    const member = members[lastEntry(members, (each) => each.rawOffset <= offset)];
    const end = member === undefined ? 0 : member.rawOffset + member.rawBytes;
    if (member === undefined || offset >= end) {
      return damage === undefined
        ? { kind: 'bytes', bytes: Buffer.alloc(0), atEnd: false }
        : { kind: 'corrupt', reason: damage.reason };
    }
    const bytes = await raw(member);
    if (bytes === undefined) return { kind: 'corrupt', reason: 'an archive member cannot be uncompressed' };
    return { kind: 'bytes', bytes: bytes.subarray(offset - member.rawOffset), atEnd: false };
  };
  return {
    file,
    header,
    headerDamaged: damaged,
    seed,
    bytesAt,
    async seek(isBefore) {
      const member = members[lastEntry(members, isBefore)];
      return member !== undefined && (await holds(bytesAt, seed, member))
        ? member
        : { offset: header.headerBytes, seq: file.firstSeq };
    },
    async resync(offset) {
      for (const member of members) {
        if (member.offset > offset && (await holds(bytesAt, seed, member))) return member.offset;
      }
      return undefined;
    },
    skipOutput(place) {
      const first = lastEntry(members, (each) => each.offset <= place.offset);
      let index = first;
      if (members[first]?.offset !== place.offset) return place;
      while (members[index]?.eventCount === 0) index += 1;
      return index === first ? place : (members[index] ?? { offset: endOffset, seq: place.seq });
    },
    endOffset: () => endOffset,
    close: () => closeFile(fd),
  };
}

/** Index entries and what members say of themselves are hints, until the frame that they point at has checked out. */
async function holds(bytesAt: SegmentSource['bytesAt'], seed: number, place: FramePlace): Promise<boolean> {
  let needs = 0;
  for (;;) {
    const found = await bytesAt(place.offset, needs);
    if (found.kind !== 'bytes') return false;
    const parsed = parseFrame(found.bytes, 0, seed);
    if (parsed.kind === 'frame') return parsed.frame.seq === place.seq;
    // Asked for more once already, and there is no more.
    if (parsed.kind === 'corrupt' || parsed.needs <= needs) return false;
    needs = parsed.needs;
  }
}

/** Stands for a header that could not be uncompressed; being no header, it makes the name of the file speak for it. */
const noHeader = Buffer.alloc(segmentHeaderBytes);
