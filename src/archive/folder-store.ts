// An archive in a folder: of this machine, or of a disk that several share. An object appears whole or not at all: a new one by link(2),
// which fails if its name is taken, a changed one by rename(2) under a lock.
import { createHash, randomUUID } from 'node:crypto';
import { link, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errorCode, toError } from '../core/errors.ts';
import { fileErrorText } from '../data/file-error.ts';
import { tryLockFile } from '../data/lock-file.ts';
import { makeFolder } from '../data/make-folder.ts';
import {
  ArchiveError,
  type ArchiveErrorKind,
  type ArchiveStore,
  type ByteRange,
  type PutResult,
  type StoredObject,
} from './store.ts';

export function openFolderStore(folder: string): ArchiveStore {
  const pathOf = (name: string): string => join(folder, name);

  async function getObject(path: string, range: ByteRange | undefined): Promise<StoredObject | undefined> {
    try {
      if (range !== undefined) return { bytes: await readRange(path, range), version: '' };
      const bytes = await readFile(path);
      return { bytes, version: versionOf(bytes) };
    } catch (error) {
      const code = errorCode(error);
      if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
      throw error;
    }
  }

  async function putNew(path: string, bytes: Buffer): Promise<PutResult> {
    const temporary = await writeTemporary(path, bytes);
    try {
      await link(temporary, path);
      return { kind: 'stored', version: versionOf(bytes) };
    } catch (error) {
      if (errorCode(error) === 'EEXIST') return { kind: 'conflict' };
      throw error;
    } finally {
      await rm(temporary, { force: true });
    }
  }

  async function replace(path: string, bytes: Buffer, version: string): Promise<PutResult> {
    const lock = tryLockFile(`${path}.lock`, 'replacing a file of an archive');
    if (lock.kind === 'held') return { kind: 'conflict' };
    try {
      if ((await getObject(path, undefined))?.version !== version) return { kind: 'conflict' };
      await rename(await writeTemporary(path, bytes), path);
      return { kind: 'stored', version: versionOf(bytes) };
    } finally {
      lock.release();
    }
  }

  return {
    location: folder,
    get: (name, { range, signal } = {}) => withAdvice(pathOf(name), signal, () => getObject(pathOf(name), range)),
    put(name, bytes, condition, signal) {
      const path = pathOf(name);
      return withAdvice(path, signal, async () => {
        makeFolder(dirname(path));
        return condition.kind === 'new' ? putNew(path, bytes) : replace(path, bytes, condition.version);
      });
    },
    folders: (name, signal) =>
      withAdvice(pathOf(name), signal, async () => {
        const entries = await readdir(pathOf(name), { withFileTypes: true }).catch((error: unknown) => {
          if (errorCode(error) === 'ENOENT') return [];
          throw error;
        });
        return entries.flatMap((entry) => (entry.isDirectory() ? [entry.name] : [])).sort();
      }),
    close: () => undefined,
  };
}

function versionOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** What outlives a power cut under a name at which nobody looks. */
async function writeTemporary(path: string, bytes: Buffer): Promise<string> {
  const temporary = `${path}.${randomUUID()}.tmp`;
  const file = await open(temporary, 'wx', 0o600);
  try {
    await file.writeFile(bytes);
    await file.datasync();
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  } finally {
    await file.close();
  }
  return temporary;
}

async function readRange(path: string, { from, bytes }: ByteRange): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const buffer = Buffer.alloc(bytes);
    const { bytesRead } = await file.read(buffer, 0, bytes, from);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/** Runs what a caller wants with a file, and says of a failure which file it was and what to do. */
async function withAdvice<T>(path: string, signal: AbortSignal | undefined, use: () => Promise<T>): Promise<T> {
  if (signal?.aborted) throw new ArchiveError('aborted', `${path}: the wait for it has ended`);
  try {
    return await use();
  } catch (error) {
    const { kind, remedy } = adviceFor(errorCode(error));
    throw new ArchiveError(kind, `${path}: ${fileErrorText(toError(error))}; ${remedy}`, error);
  }
}

function adviceFor(code: string | undefined): { readonly kind: ArchiveErrorKind; readonly remedy: string } {
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return { kind: 'busy', remedy: 'make room on the disk of the archive' };
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return { kind: 'refused', remedy: 'let this user write there, or name another folder in STEPSPAN_ARCHIVE' };
    case 'EPIPE':
    case 'EIO':
    case 'ESTALE':
    case 'ETIMEDOUT':
      return { kind: 'busy', remedy: 'check the disk of the archive' };
    default:
      return { kind: 'refused', remedy: 'check the folder that STEPSPAN_ARCHIVE names' };
  }
}
