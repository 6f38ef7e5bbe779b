// One segment that is being written: bytes at its end, its index, its place on disk. What to do about a failure is for
// `journal-writer.ts`, when to begin the next segment for `segment-roll.ts`.
import { toError } from '../core/errors.ts';
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
  readonly append: (head: Buffer, payload: Buffer, seq: number, timeNs: bigint) => Error | undefined;
  /** Asks the disk for everything written so far, off the main thread. Returns the failure. */
  readonly sync: () => Promise<Error | undefined>;
  readonly syncNow: () => Error | undefined;
  readonly close: () => Error | undefined;
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
  const bytes = { size: segmentHeaderBytes, headerBytes: segmentHeaderBytes };
  return openEnd(settings, { fd, header: { runId, firstSeq }, ...bytes, entries: [], isNameKept: !settings.durable });
}

/** A segment of an earlier writer whose whole frames end at `size`. */
export type ContinuedSegment = {
  readonly header: SegmentHeader;
  readonly size: number;
  readonly entries: readonly IndexEntry[];
};

/** Opens a segment to append to it; what is behind its whole frames is cut off. Throws what the file system throws. */
export function continueSegment(settings: SegmentSettings, { header, size, entries }: ContinuedSegment): SegmentWriter {
  const { fileSystem, journalDir } = settings;
  const fd = fileSystem.openSync(rawPath(journalDir, header.firstSeq), 'r+');
  try {
    fileSystem.ftruncateSync(fd, size);
  } catch (error) {
    fileSystem.closeSync(fd);
    throw error;
  }
  return openEnd(settings, { fd, header, size, headerBytes: header.headerBytes, entries, isNameKept: true });
}

type OpenSegment = {
  readonly fd: number;
  readonly header: { readonly runId: string; readonly firstSeq: number };
  readonly size: number;
  readonly headerBytes: number;
  readonly entries: readonly IndexEntry[];
  /** Whether the name of the file survives a power cut already. */
  readonly isNameKept: boolean;
};

function openEnd(settings: SegmentSettings, { fd, header, ...start }: OpenSegment): SegmentWriter {
  const { fileSystem, journalDir, indexEveryBytes } = settings;
  /** What is in a file survives a power cut only if its name does; so the first sync is one of the folder as well. */
  let isNameKept = start.isNameKept;
  const path = indexPath(journalDir, header.firstSeq);
  const index = createIndexWriter({
    path,
    firstSeq: header.firstSeq,
    entries: start.entries,
    everyBytes: indexEveryBytes,
    fileSystem,
  });
  const end = createFileEnd(fileSystem, fd, start.size);
  return {
    firstSeq: header.firstSeq,
    seed: frameSeed(header),
    size: end.size,
    isEmpty: () => end.size() === start.headerBytes,
    append(head, payload, seq, timeNs) {
      const offset = end.size();
      const failure = failureOf(() => end.append(head, payload));
      if (failure === undefined) index.note({ seq, timeNs, offset });
      return failure;
    },
    async sync() {
      try {
        if (!isNameKept) await syncFolderAside(journalDir, fileSystem);
        isNameKept = true;
      } catch (error) {
        return toError(error);
      }
      return new Promise((resolve) => {
        fileSystem.fdatasync(fd, (error) => resolve(error ?? undefined));
      });
    },
    syncNow: () =>
      failureOf(() => {
        if (!isNameKept) syncFolder(journalDir, fileSystem);
        isNameKept = true;
        fileSystem.fdatasyncSync(fd);
      }),
    close() {
      index.close();
      return failureOf(() => fileSystem.closeSync(fd));
    },
  };
}

function failureOf(call: () => void): Error | undefined {
  try {
    call();
    return undefined;
  } catch (error) {
    return toError(error);
  }
}

type FileEnd = {
  readonly size: () => number;
  /** Appends both, or throws and leaves the file as it was. */
  readonly append: (head: Buffer, payload: Buffer) => void;
};

function createFileEnd(fileSystem: JournalFileSystem, fd: number, startSize: number): FileEnd {
  let size = startSize;
  let isTorn = false;

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

  /** Removes the part of a frame that was written. If that fails too, it is tried again before the next frame. */
  function cut(): void {
    isTorn = true;
    try {
      fileSystem.ftruncateSync(fd, size);
      isTorn = false;
    } catch {
      // Readers take the part for a frame that is still being written, which it is.
    }
  }

  return {
    size: () => size,
    append(head, payload) {
      const total = head.length + payload.length;
      try {
        if (isTorn) {
          fileSystem.ftruncateSync(fd, size);
          isTorn = false;
        }
        const written = fileSystem.writevSync(fd, [head, payload], size);
        if (written !== total) writeRest(head, payload, written);
      } catch (error) {
        cut();
        throw error;
      }
      size += total;
    },
  };
}
