// The file system as the writer sees it: exactly the calls it makes, so that a test can make each of them fail.
import fs from 'node:fs';
import { errorCode } from '../core/errors.ts';

export type JournalFileSystem = Pick<
  typeof fs,
  'openSync' | 'closeSync' | 'writeSync' | 'writevSync' | 'ftruncateSync' | 'fsyncSync' | 'fdatasyncSync' | 'unlinkSync'
> & {
  /** Asynchronous, off the main thread. */
  readonly fdatasync: (fd: number, done: (error: NodeJS.ErrnoException | null) => void) => void;
  readonly fsync: (fd: number, done: (error: NodeJS.ErrnoException | null) => void) => void;
};

export const realFileSystem: JournalFileSystem = fs;

/** Makes entries of a folder (a new file, a rename) survive a power cut. Some file systems refuse, which loses no order. */
export function syncFolder(
  folder: string,
  fileSystem: Pick<JournalFileSystem, 'openSync' | 'fsyncSync' | 'closeSync'> = fs,
): void {
  const fd = fileSystem.openSync(folder, 'r');
  try {
    fileSystem.fsyncSync(fd);
  } catch (error) {
    // EINVAL: this file system has no fsync on folders (some network and FUSE ones).
    if (errorCode(error) !== 'EINVAL') throw error;
  } finally {
    fileSystem.closeSync(fd);
  }
}

/** The same off the main thread: on a busy disk it takes as long as a thousand appends. Rejects with what the system says. */
export async function syncFolderAside(
  folder: string,
  fileSystem: Pick<JournalFileSystem, 'openSync' | 'fsync' | 'closeSync'>,
): Promise<void> {
  const fd = fileSystem.openSync(folder, 'r');
  try {
    await new Promise<void>((resolve, reject) => {
      fileSystem.fsync(fd, (error) => (error === null || error.code === 'EINVAL' ? resolve() : reject(error)));
    });
  } finally {
    fileSystem.closeSync(fd);
  }
}
