// Room on the disk for the end of a run: a file that holds nothing and is removed when the disk is full to the very end, so
// that how the run ended still finds a place. Without it such a journal has no end until somebody adopts the run.
import { randomFillSync } from 'node:crypto';
import { type RunFolder, reservePath } from '../data/data-folder.ts';
import type { JournalFileSystem } from './file-system.ts';

/**
 * The events that end a run: of each step an outcome with its output (64 KiB at most) and of the run one. 1 MiB holds those of
 * a thousand steps that printed little or of a dozen that printed much, and is little beside what filled the disk.
 */
export const defaultReserveBytes = 1024 * 1024;

export type Reserve = {
  /** Frees the room on the disk. @returns false if none was kept */
  readonly release: () => boolean;
};

/** Best effort: on a disk that is full already there is none. */
export function keepReserve(folder: RunFolder, bytes: number, fileSystem: JournalFileSystem): Reserve {
  const path = reservePath(folder);
  return reserveAt(path, bytes > 0 && make(path, bytes, fileSystem), fileSystem);
}

/** What a killed writer has left, for who closes its journal: that takes milliseconds, so no other room is kept for it. */
export function leftReserve(folder: RunFolder, fileSystem: JournalFileSystem): Reserve {
  const path = reservePath(folder);
  return reserveAt(path, exists(path, fileSystem), fileSystem);
}

function reserveAt(path: string, isMade: boolean, fileSystem: JournalFileSystem): Reserve {
  let isThere = isMade;
  return {
    release() {
      if (!isThere) return false;
      isThere = false;
      return remove(path, fileSystem);
    },
  };
}

function make(path: string, bytes: number, fileSystem: JournalFileSystem): boolean {
  let fd: number | undefined;
  try {
    fd = fileSystem.openSync(path, 'wx', 0o600);
    // Written, as a file of holes takes no room; and not of zeros, which some file systems make holes of.
    const filling = randomFillSync(Buffer.allocUnsafe(bytes));
    for (let at = 0; at < bytes; ) at += fileSystem.writeSync(fd, filling, at, bytes - at, at);
    return true;
  } catch {
    // Half a reserve would be room that nobody knows of.
    if (fd !== undefined) remove(path, fileSystem);
    return false;
  } finally {
    if (fd !== undefined) fileSystem.closeSync(fd);
  }
}

function exists(path: string, fileSystem: JournalFileSystem): boolean {
  try {
    fileSystem.closeSync(fileSystem.openSync(path, 'r'));
    return true;
  } catch {
    return false;
  }
}

function remove(path: string, fileSystem: JournalFileSystem): boolean {
  try {
    fileSystem.unlinkSync(path);
    return true;
  } catch {
    return false;
  }
}
