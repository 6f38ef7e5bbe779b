// Removes what is too old or too much: whole runs that have ended. An active run keeps all of its journal.
// Whatever a reader had not read yet is counted in the report.
import { readdirSync, renameSync, statSync } from 'node:fs';
import { readdir, rm, rmdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunId } from '../core/ids.ts';
import { createTimeSlice } from '../core/time-slice.ts';
import { type DataFolder, lockPath, type RunFolder, readersOf } from '../data/data-folder.ts';
import { type HeldLock, tryLockFile } from '../data/lock-file.ts';
import { savedPosition } from './cursor.ts';
import { walkFrames } from './frame-walk.ts';
import { journalEnd } from './journal-end.ts';
import { segmentForm } from './segment-files.ts';

export type RetentionLimits = {
  /** What was last written to before so long goes. Undefined for no limit. */
  readonly maxAgeMs: number | undefined;
  /** The oldest goes until no more than this is left. Undefined for no limit. */
  readonly maxBytes: number | undefined;
  /** The time of day, in Unix milliseconds. */
  readonly now: number;
  /** Reports what would be removed, and removes nothing. */
  readonly isDryRun?: boolean;
  /** Readers that are to have every run, also one that they have not begun. */
  readonly readers?: readonly string[];
};

/** What one reader had not read of what was removed. */
export type Unread = {
  readonly reader: string;
  readonly lines: number;
  readonly events: number;
  readonly bytes: number;
};

export type RetentionReport = {
  readonly removedRuns: readonly {
    readonly runId: RunId;
    readonly bytes: number;
    readonly unread: readonly Unread[];
  }[];
  /** What is left, in bytes of journals. */
  readonly keptBytes: number;
};

/** How much room the journal of a run takes. */
export type JournalSize = {
  readonly runId: RunId;
  readonly bytes: number;
  readonly lastWriteMs: number;
  readonly segments: { readonly raw: number; readonly archived: number };
};

export type JournalSizes = {
  /** Of every run of the data folder. One whose segments are all archived is measured again only now and then. */
  readonly measure: () => Promise<readonly JournalSize[]>;
};

/** Once a minute, a hub measures each of its archived runs again every quarter of an hour. */
const measuredAgainAfter = 15;

export function createJournalSizes(data: DataFolder): JournalSizes {
  /** Of runs whose segments are all archived: they have no writer. */
  const archived = new Map<RunId, JournalSize>();
  let times = 0;
  return {
    async measure() {
      const slice = createTimeSlice();
      const sizes: JournalSize[] = [];
      const runIds = data.listRunIds();
      times += 1;
      for (const [index, runId] of runIds.entries()) {
        const known = (index + times) % measuredAgainAfter === 0 ? undefined : archived.get(runId);
        const size = known ?? measureJournal(data.runDir(runId));
        if (size.segments.raw === 0 && size.segments.archived > 0) archived.set(runId, size);
        else archived.delete(runId);
        sizes.push(size);
        await slice();
      }
      if (archived.size > runIds.length) {
        const present = new Set(runIds);
        for (const runId of archived.keys()) if (!present.has(runId)) archived.delete(runId);
      }
      return sizes;
    },
  };
}

/**
 * Removes whole runs without a writer, the oldest first, until the limits are met over the data folder.
 * A run that somebody writes, ships or archives stays.
 * @param sizes of all runs, if they are known
 */
export async function applyRetention(
  data: DataFolder,
  limits: RetentionLimits,
  sizes?: readonly JournalSize[],
): Promise<RetentionReport> {
  const removedRuns: RetentionReport['removedRuns'][number][] = [];
  const slice = createTimeSlice();
  const remover = createRemover();
  // Left by a process that was killed while it removed them; they were reported gone, or about to be.
  for (const name of limits.isDryRun === true ? [] : await readdir(data.runsDir).catch(() => [])) {
    if (name.endsWith(removedSuffix)) await rm(join(data.runsDir, name), { recursive: true, force: true });
  }
  const runs = sizes ?? (await createJournalSizes(data).measure());
  let kept = runs.reduce((sum, run) => sum + run.bytes, 0);
  for (const { runId, bytes, lastWriteMs } of [...runs].sort((a, b) => a.lastWriteMs - b.lastWriteMs)) {
    const age = limits.now - lastWriteMs;
    if (!isOver(limits.maxBytes, kept) && !isOver(limits.maxAgeMs, age)) continue;
    const removed = await takeAway(data.runDir(runId), limits);
    await slice();
    if (removed === undefined) continue;
    const { unread, going } = removed;
    if (going !== undefined) await remover.add(going);
    kept -= bytes;
    removedRuns.push({ runId, bytes, unread });
  }
  await remover.end();
  return { removedRuns, keptBytes: kept };
}

/** The bytes of all journals, as retention counts them. */
export async function journalBytes(data: DataFolder): Promise<number> {
  const runs = await createJournalSizes(data).measure();
  return runs.reduce((sum, run) => sum + run.bytes, 0);
}

/** What is renamed to it is being removed, and its name is not a run id. */
const removedSuffix = '.removed';

/** Folders that are removed at the same time: the thread pool has four threads, and a busy disk takes milliseconds for each file. */
const removedAtOnce = 4;

/** Removes folders beside what the caller does; `add` waits while there are many, `end` for all. Rejects with what the disk says. */
function createRemover() {
  const going = new Set<Promise<unknown>>();
  let failure: { readonly error: unknown } | undefined;
  return {
    async add(folder: string): Promise<void> {
      const removal: Promise<unknown> = removeTree(folder)
        .catch((error: unknown) => {
          failure ??= { error };
        })
        .finally(() => going.delete(removal));
      going.add(removal);
      if (going.size >= removedAtOnce) await Promise.race(going);
    },
    async end(): Promise<void> {
      await Promise.all(going);
      if (failure !== undefined) throw failure.error;
    },
  };
}

/** As `rm` does it with half the processor time, as the names are read without a turn of the thread pool. */
async function removeTree(folder: string): Promise<void> {
  const entries = readdirSync(folder, { withFileTypes: true });
  await Promise.all(
    entries.map((entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? removeTree(path) : unlink(path);
    }),
  );
  await rmdir(folder);
}

function isOver(limit: number | undefined, value: number): boolean {
  return limit !== undefined && value > limit;
}

/** Synchronous: a call takes some microseconds, where a turn of the thread pool for each takes ten times as long. */
function measureJournal(folder: RunFolder): JournalSize {
  const segments = { raw: 0, archived: 0 };
  let bytes = 0;
  let lastWriteMs = 0;
  for (const name of journalFiles(folder)) {
    // A file that goes between the listing and here counts as gone.
    const file = statSync(join(folder.journalDir, name), { throwIfNoEntry: false });
    bytes += file?.size ?? 0;
    lastWriteMs = Math.max(lastWriteMs, file?.mtimeMs ?? 0);
    const form = segmentForm(name);
    if (form !== undefined) segments[form] += 1;
  }
  // A run folder without a journal is one that is being made, or was half removed: its own time shows which.
  if (lastWriteMs === 0) lastWriteMs = statSync(folder.dir, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return { runId: folder.runId, bytes, lastWriteMs, segments };
}

function journalFiles({ journalDir }: RunFolder): readonly string[] {
  try {
    return readdirSync(journalDir);
  } catch {
    // Gone, or not to be read: it has nothing to remove.
    return [];
  }
}

type TakenAway = {
  readonly unread: readonly Unread[];
  /** The folder that is to be removed; undefined if nothing is. */
  readonly going: string | undefined;
};

/** Held until the folder is away, so that nobody begins to adopt, to ship or to archive a run that is going. */
const usersOfRun = ['writer', 'ship', 'upload'] as const;

/** Undefined when somebody still uses the run. */
async function takeAway(
  folder: RunFolder,
  { isDryRun, readers = [] }: RetentionLimits,
): Promise<TakenAway | undefined> {
  const locks: HeldLock[] = [];
  try {
    for (const user of usersOfRun) {
      const lock = tryLockFile(lockPath(folder, user), 'retention');
      if (lock.kind === 'held') return undefined;
      locks.push(lock);
    }
    const unread = await unreadOf(folder, readers);
    if (isDryRun === true) return { unread, going: undefined };
    // Renamed first: a run is there or it is not, and never half of it under its own name.
    const going = `${folder.dir}${removedSuffix}`;
    renameSync(folder.dir, going);
    return { unread, going };
  } finally {
    for (const lock of locks) lock.release();
  }
}

/** What each reader with a cursor, and each that was to have one, has not read. */
async function unreadOf(folder: RunFolder, expected: readonly string[]): Promise<Unread[]> {
  const unread: Unread[] = [];
  const readers = [...new Set([...readersOf(folder), ...expected])];
  const endSeq = readers.length === 0 ? 0 : journalEnd(folder).nextSeq;
  for (const reader of readers) {
    const position = savedPosition(folder, reader) ?? 0;
    if (position >= endSeq) continue;
    const count = await countRecords(folder, position, endSeq);
    if (count.lines + count.events > 0) unread.push({ reader, ...count });
  }
  return unread;
}

async function countRecords(
  folder: RunFolder,
  from: number,
  to: number,
): Promise<{ lines: number; events: number; bytes: number }> {
  const count = { lines: 0, events: 0, bytes: 0 };
  const walk = walkFrames(folder, from, { reuse: true, maxBytes: countedBytes, onlyEvents: false });
  try {
    for (;;) {
      const step = await walk.next(countedBytes);
      if (step.kind === 'end') return count;
      if (step.kind === 'problem') continue;
      for (const frame of step.frames) {
        if (frame.seq >= to) return count;
        if (frame.kind === 'event') count.events += 1;
        else count.lines += frame.seq + frame.lineCount - Math.max(frame.seq, from);
        count.bytes += frame.payload.length;
      }
    }
  } finally {
    await walk.close();
  }
}

/** Frames are counted a block at a time. */
const countedBytes = 1024 * 1024;
