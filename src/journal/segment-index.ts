// The sparse index beside a raw segment: from a sequence number or a time to an offset near it.
// It is a hint, never trusted: an entry is used only when the frame at its offset checks out, and without any the
// segment is scanned from its start. So it needs no checksum, and a missing or wrong one costs time only.
//
//   at  size  what                                  entries, 24 bytes each, in order
//    0   8    magic "STEPSIDX"                       0   8   sequence number of the frame
//    8   8    first sequence number of the segment   8   8   its time (Unix ns)
//                                                   16   8   its offset in the segment
import { readFileSync } from 'node:fs';
import type { JournalFileSystem } from './file-system.ts';
import { readSeq, writeSeq } from './format.ts';

export type IndexEntry = { readonly seq: number; readonly timeNs: bigint; readonly offset: number };

/** One entry for so many bytes of frames: 256 for a full segment (6 KiB), and a seek scans 0.1 ms worth of them. */
export const indexEveryBytes = 256 * 1024;

const headerBytes = 16;
const entryBytes = 24;
const magic = Buffer.from('STEPSIDX', 'latin1');

/** What the file at `path` says, with nothing in it that is out of order. Empty when it is missing or not ours. */
export function loadIndex(path: string, firstSeq: number): IndexEntry[] {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch {
    return [];
  }
  if (bytes.length < headerBytes || !bytes.subarray(0, 8).equals(magic) || readSeq(bytes, 8) !== firstSeq) return [];
  const entries: IndexEntry[] = [];
  for (let at = headerBytes; at + entryBytes <= bytes.length; at += entryBytes) {
    const seq = readSeq(bytes, at);
    const offset = readSeq(bytes, at + 16);
    const before = entries.at(-1);
    if (seq === undefined || offset === undefined) break;
    if (before !== undefined && (seq <= before.seq || offset <= before.offset)) break;
    entries.push({ seq, timeNs: bytes.readBigUInt64LE(at + 8), offset });
  }
  return entries;
}

/** Which is the last entry that `isBefore` holds for, -1 for none; entries are in order of all three of their numbers. */
export function lastEntry<T>(entries: readonly T[], isBefore: (entry: T) => boolean): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const entry = entries[middle];
    if (entry !== undefined && isBefore(entry)) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

export type IndexWriter = {
  /** Notes a frame; it becomes an entry when enough bytes have gone by. Failures to write are kept and tried again. */
  readonly note: (entry: IndexEntry) => void;
  readonly close: () => void;
};

/** Writes the index again, with the `entries` of a segment that is continued. */
export function createIndexWriter(start: {
  readonly path: string;
  readonly firstSeq: number;
  readonly entries: readonly IndexEntry[];
  /** How many bytes of frames one entry stands for. */
  readonly everyBytes: number;
  readonly fileSystem: JournalFileSystem;
}): IndexWriter {
  const { path, firstSeq, entries, everyBytes, fileSystem } = start;
  const header = Buffer.alloc(headerBytes);
  magic.copy(header);
  writeSeq(header, firstSeq, 8);
  let fd: number | undefined;
  let written = 0;
  let unwritten: Buffer[] = [header, ...entries.map(encodeEntry)];
  let lastOffset = entries.at(-1)?.offset ?? 0;

  const flush = (): void => {
    try {
      fd ??= fileSystem.openSync(path, 'w', 0o600);
      const bytes = Buffer.concat(unwritten);
      if (fileSystem.writeSync(fd, bytes, 0, bytes.length, written) !== bytes.length) return;
      written += bytes.length;
      unwritten = [];
    } catch {
      // A journal without an index is slower to seek in and otherwise whole; the next entry tries again.
    }
  };
  if (entries.length > 0) flush();
  return {
    note(entry) {
      if (entry.offset - lastOffset < everyBytes) return;
      lastOffset = entry.offset;
      unwritten.push(encodeEntry(entry));
      flush();
    },
    close() {
      if (fd === undefined) return;
      try {
        fileSystem.closeSync(fd);
      } catch {
        // As above.
      }
      fd = undefined;
    },
  };
}

function encodeEntry(entry: IndexEntry): Buffer {
  const bytes = Buffer.allocUnsafe(entryBytes);
  writeSeq(bytes, entry.seq, 0);
  bytes.writeBigUInt64LE(entry.timeNs, 8);
  writeSeq(bytes, entry.offset, 16);
  return bytes;
}
