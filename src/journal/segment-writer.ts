// One segment that is being written: bytes at its end, its index, its place on disk. Knows no records and no policy:
// what to do about a failure, and when to roll, is for `journal-writer.ts`.

import { type JournalFileSystem, syncFolder, syncFolderAside } from './file-system.ts';
import { encodeSegmentHeader, frameSeed, type SegmentHeader, segmentHeaderBytes } from './format.ts';
import { indexPath, rawPath } from './segment-files.ts';
import { createIndexWriter, type IndexEntry } from './segment-index.ts';

export type SegmentWriter = {
  readonly firstSeq: number;
  /** What the checksum of each frame in it starts from. */
  readonly seed: number;
  readonly size: () => number;
  readonly isEmpty: () => boolean;
  /** Hands one frame to the kernel, whole or not at all. Returns the failure, after which the file is as before. */
  readonly append: (head: Buffer, payload: Buffer, seq: number, timeNs: bigint) => NodeJS.ErrnoException | undefined;
  /** Asks the disk for everything written so far, off the main thread. Returns the failure. */
  readonly sync: () => Promise<NodeJS.ErrnoException | undefined>;
  readonly syncNow: () => NodeJS.ErrnoException | undefined;
  readonly close: () => NodeJS.ErrnoException | undefined;
};

export type SegmentSettings = {
  readonly journalDir: string;
  readonly fileSystem: JournalFileSystem;
  readonly indexEveryBytes: number;
  /** Whether the new name itself is made to survive a power cut. */
  readonly durable: boolean;
};

/** Makes a segment with its header. Throws what the file system throws; no half-made file is left. */
export function createSegment(
  settings: SegmentSettings,
  runId: string,
  firstSeq: number,
  createdNs: bigint,
): SegmentWriter {
  const { fileSystem, journalDir } = settings;
  const path = rawPath(journalDir, firstSeq);
  const header = encodeSegmentHeader(runId, firstSeq, createdNs);
  // Not `wx`: a file of this name can only be what an earlier try could not remove, as its number was never given.
  const fd = fileSystem.openSync(path, 'w', 0o600);
  try {
    if (fileSystem.writeSync(fd, header, 0, header.length, 0) !== header.length) {
      throw Object.assign(new Error('the header of a segment was written in part'), { code: 'ENOSPC' });
    }
  } catch (error) {
    fileSystem.closeSync(fd);
    fileSystem.unlinkSync(path);
    throw error;
  }
  return openEnd(settings, fd, { runId, firstSeq }, segmentHeaderBytes, segmentHeaderBytes, [], !settings.durable);
}

/** Goes on with a segment whose whole frames end at `size`; what lies behind is cut off. Throws what the file system throws. */
export function continueSegment(
  settings: SegmentSettings,
  header: SegmentHeader,
  size: number,
  entries: readonly IndexEntry[],
): SegmentWriter {
  const { fileSystem, journalDir } = settings;
  const fd = fileSystem.openSync(rawPath(journalDir, header.firstSeq), 'r+');
  try {
    fileSystem.ftruncateSync(fd, size);
  } catch (error) {
    fileSystem.closeSync(fd);
    throw error;
  }
  return openEnd(settings, fd, header, size, header.headerBytes, entries, true);
}

function openEnd(
  settings: SegmentSettings,
  fd: number,
  header: { readonly runId: string; readonly firstSeq: number },
  startSize: number,
  headerBytes: number,
  entries: readonly IndexEntry[],
  isNameKept: boolean,
): SegmentWriter {
  const { fileSystem } = settings;
  /** What is in a file survives a power cut only if its name does; so the first sync is one of the folder as well. */
  let named = isNameKept;
  const path = indexPath(settings.journalDir, header.firstSeq);
  const index = createIndexWriter(path, header.firstSeq, entries, settings.indexEveryBytes, fileSystem);
  let size = startSize;
  let torn = false;
  return {
    firstSeq: header.firstSeq,
    seed: frameSeed(header),
    size: () => size,
    isEmpty: () => size === headerBytes,
    append(head, payload, seq, timeNs) {
      const total = head.length + payload.length;
      try {
        if (torn) {
          fileSystem.ftruncateSync(fd, size);
          torn = false;
        }
        const written = fileSystem.writevSync(fd, [head, payload], size);
        if (written !== total) writeRest(head, payload, written);
      } catch (error) {
        cut();
        return error as NodeJS.ErrnoException;
      }
      index.note({ seq, timeNs, offset: size });
      size += total;
      return undefined;
    },
    async sync() {
      try {
        if (!named) await syncFolderAside(settings.journalDir, fileSystem);
        named = true;
      } catch (error) {
        return error as NodeJS.ErrnoException;
      }
      return new Promise((resolve) => {
        fileSystem.fdatasync(fd, (error) => resolve(error ?? undefined));
      });
    },
    syncNow() {
      try {
        if (!named) syncFolder(settings.journalDir, fileSystem);
        named = true;
        fileSystem.fdatasyncSync(fd);
        return undefined;
      } catch (error) {
        return error as NodeJS.ErrnoException;
      }
    },
    close() {
      index.close();
      try {
        fileSystem.closeSync(fd);
        return undefined;
      } catch (error) {
        return error as NodeJS.ErrnoException;
      }
    },
  };

  /** The kernel may take a part only (a full disk, a signal). It says why at the next try, or takes the rest. */
  function writeRest(head: Buffer, payload: Buffer, already: number): void {
    const frame = Buffer.concat([head, payload]);
    let written = already;
    while (written < frame.length) {
      const more = fileSystem.writeSync(fd, frame, written, frame.length - written, size + written);
      if (more === 0) throw Object.assign(new Error('the disk took no more bytes'), { code: 'ENOSPC' });
      written += more;
    }
  }

  /** Removes the part of a frame that was written. Where that fails too it is tried again before the next frame. */
  function cut(): void {
    torn = true;
    try {
      fileSystem.ftruncateSync(fd, size);
      torn = false;
    } catch {
      // Readers take the part for a frame that is still being written, which it is.
    }
  }
}
