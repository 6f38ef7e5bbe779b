// A disk that remembers what was asked of it, so that every state a power cut may leave can be made afterwards. What was written and
// not yet synced may be there or not, sector by sector; a name whose folder was not synced may be there or not.
import fs from 'node:fs';
import path from 'node:path';
import type { JournalFileSystem } from '../../../src/journal/index.ts';
import type { Random } from './random.ts';

/** What a disk writes whole or not at all; every disk of today has at least this. */
const sectorBytes = 512;

type Operation =
  | { readonly kind: 'create' | 'remove'; readonly file: string }
  | { readonly kind: 'write'; readonly file: string; readonly at: number; readonly bytes: Buffer }
  | { readonly kind: 'cut'; readonly file: string; readonly size: number }
  | { readonly kind: 'sync'; readonly file: string; readonly id: number }
  | { readonly kind: 'synced'; readonly id: number }
  | { readonly kind: 'mark'; readonly value: number };

export type RecordedDisk = {
  readonly fileSystem: JournalFileSystem;
  /** How many operations were made. */
  readonly length: () => number;
  /** Notes something that was promised at this point, such as how many lines are on disk. */
  readonly mark: (value: number) => void;
  /** The last mark within so many operations; 0 if none was made. */
  readonly markAt: (operations: number) => number;
  /** Writes into a folder one of the states in which a power cut after so many operations may leave the disk. */
  readonly cutPower: (operations: number, into: string, random: Random) => void;
};

/** @param below the folder that it records; it writes there for real as well */
export function recordDisk(below: string): RecordedDisk {
  const log: Operation[] = [];
  const names = new Map<number, string>();
  let syncs = 0;
  const nameOf = (fd: number): string => names.get(fd) ?? '';
  const begin = (fd: number): number => {
    log.push({ kind: 'sync', file: nameOf(fd), id: ++syncs });
    return syncs;
  };
  const written = (fd: number, bytes: Buffer, position: number | null | undefined): void => {
    log.push({ kind: 'write', file: nameOf(fd), at: position ?? 0, bytes: Buffer.from(bytes) });
  };
  const fileSystem = {
    ...fs,
    openSync(file: string, flags: string, mode?: number) {
      const isNew = !fs.existsSync(file);
      const fd = fs.openSync(file, flags, mode);
      const name = path.relative(below, file);
      names.set(fd, name);
      if (isNew) log.push({ kind: 'create', file: name });
      else if (flags === 'w') log.push({ kind: 'cut', file: name, size: 0 });
      return fd;
    },
    closeSync(fd: number) {
      names.delete(fd);
      fs.closeSync(fd);
    },
    writeSync(fd: number, bytes: Buffer, ...place: readonly [offset?: number, length?: number, position?: number]) {
      const [offset = 0, length = bytes.length, position = null] = place;
      const count = fs.writeSync(fd, bytes, offset, length, position);
      written(fd, bytes.subarray(offset, offset + count), position);
      return count;
    },
    writevSync(fd: number, buffers: readonly Buffer[], position?: number) {
      const count = fs.writevSync(fd, buffers, position);
      written(fd, Buffer.concat(buffers).subarray(0, count), position);
      return count;
    },
    ftruncateSync(fd: number, size = 0) {
      fs.ftruncateSync(fd, size);
      log.push({ kind: 'cut', file: nameOf(fd), size });
    },
    fdatasync(fd: number, done: (error: NodeJS.ErrnoException | null) => void) {
      const id = begin(fd);
      fs.fdatasync(fd, (error) => {
        if (error === null) log.push({ kind: 'synced', id });
        done(error);
      });
    },
    fsync(fd: number, done: (error: NodeJS.ErrnoException | null) => void) {
      const id = begin(fd);
      fs.fsync(fd, (error) => {
        if (error === null) log.push({ kind: 'synced', id });
        done(error);
      });
    },
    fdatasyncSync: (fd: number) => void log.push({ kind: 'synced', id: begin(fd) }),
    fsyncSync: (fd: number) => void log.push({ kind: 'synced', id: begin(fd) }),
    unlinkSync(file: string) {
      fs.unlinkSync(file);
      log.push({ kind: 'remove', file: path.relative(below, file) });
    },
  } as unknown as JournalFileSystem;

  return {
    fileSystem,
    length: () => log.length,
    mark: (value) => void log.push({ kind: 'mark', value }),
    markAt: (operations) =>
      log.slice(0, operations).reduce((last, entry) => (entry.kind === 'mark' ? entry.value : last), 0),
    cutPower: (operations, into, random) => leave(log.slice(0, operations), into, random),
  };
}

function leave(log: readonly Operation[], into: string, random: Random): void {
  const finished = new Set(log.flatMap((entry) => (entry.kind === 'synced' ? [entry.id] : [])));
  /** For each file, the index in the log up to which all of it is on disk. */
  const safe = new Map<string, number>();
  for (const [index, entry] of log.entries()) {
    if (entry.kind === 'sync' && finished.has(entry.id)) safe.set(entry.file, index);
  }
  const contents = new Map<string, Buffer>();
  for (const [index, entry] of log.entries()) {
    if (entry.kind === 'sync' || entry.kind === 'synced' || entry.kind === 'mark') continue;
    const folder = path.dirname(entry.file) === '.' ? '' : path.dirname(entry.file);
    const isNamed = entry.kind === 'create' || entry.kind === 'remove';
    const isSafe = index < (safe.get(isNamed ? folder : entry.file) ?? -1);
    apply(contents, entry, isSafe ? () => true : () => random.next() < 0.5);
  }
  for (const [file, bytes] of contents) {
    fs.mkdirSync(path.dirname(path.join(into, file)), { recursive: true });
    fs.writeFileSync(path.join(into, file), bytes);
  }
}

function apply(contents: Map<string, Buffer>, entry: Operation, isKept: () => boolean): void {
  switch (entry.kind) {
    case 'create':
      if (isKept()) contents.set(entry.file, Buffer.alloc(0));
      return;
    case 'remove':
      if (isKept()) contents.delete(entry.file);
      return;
    case 'cut': {
      const now = contents.get(entry.file);
      if (now !== undefined && isKept()) contents.set(entry.file, sized(now, entry.size));
      return;
    }
    case 'write': {
      let now = contents.get(entry.file);
      if (now === undefined) return;
      for (let from = 0; from < entry.bytes.length; ) {
        const at = entry.at + from;
        const to = Math.min(entry.bytes.length, from + sectorBytes - (at % sectorBytes));
        const [hasBytes, hasLength] = [isKept(), isKept()];
        // The length may be there without the bytes: a hole that reads as zeros.
        if (hasBytes || hasLength) now = sized(now, Math.max(now.length, entry.at + to));
        if (hasBytes) entry.bytes.copy(now, at, from, to);
        from = to;
      }
      contents.set(entry.file, now);
      return;
    }
    case 'sync':
    case 'synced':
    case 'mark':
  }
}

function sized(bytes: Buffer, size: number): Buffer {
  const copy = Buffer.alloc(size);
  bytes.copy(copy, 0, 0, size);
  return copy;
}
