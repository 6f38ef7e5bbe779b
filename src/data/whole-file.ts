// Small files that exist as a whole or not at all: after a crash it is the old or the new one and never half of both.
// The caller chooses what a power cut may cost, by the function that it calls.
import { closeSync, fdatasync, fdatasyncSync, linkSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { errorCode } from '../core/errors.ts';

const sync = promisify(fdatasync);

/**
 * Replaces a file that outlives power cuts: without the sync one could leave it with its name and not its content. The name
 * itself may still be the old one's then, so what the old file says must stay usable. For the owner's eyes only. Rejects with
 * what the file system says; the earlier file is whole then.
 */
export async function replaceFile(path: string, text: string): Promise<void> {
  const temporary = temporaryOf(path);
  const fd = openSync(temporary, 'w', 0o600);
  try {
    writeFileSync(fd, text);
    await sync(fd);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
  renameSync(temporary, path);
}

/**
 * As `replaceFile`, at once and without its wait for the disk: for what means nothing after a power cut, as the address of a
 * process, or can be made again. Its reader must take an empty file for none.
 */
export function replaceFileUnsynced(path: string, content: string | Uint8Array): void {
  const temporary = temporaryOf(path);
  writeWhole(temporary, content, 'unsynced');
  renameSync(temporary, path);
}

/**
 * Makes a file that is not there yet, and that outlives power cuts. Of several processes that do so at once one makes it, and
 * none sees it empty. @returns false if it exists already
 */
export function makeFile(path: string, text: string): boolean {
  const temporary = temporaryOf(path);
  writeWhole(temporary, text, 'synced');
  try {
    return linkFile(temporary, path);
  } finally {
    rmSync(temporary, { force: true });
  }
}

/** Writes a file under a name at which nobody looks yet. One that could not be written whole is removed again. */
export function writeWhole(path: string, content: string | Uint8Array, durability: 'synced' | 'unsynced'): void {
  const fd = openSync(path, 'w', 0o600);
  try {
    // Not `writeSync`, which on a disk that is nearly full takes a part and says nothing.
    writeFileSync(fd, content);
    if (durability === 'synced') fdatasyncSync(fd);
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
}

/** Adds a second name to a file. @returns false if something has that name */
export function linkFile(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Processes that replace the same file at once write names of their own; the last rename wins. */
function temporaryOf(path: string): string {
  return `${path}.${process.pid}.tmp`;
}
