// Removes what is too old or too much: whole runs that have ended. An active run keeps all of its journal.
// Whatever a reader had not read yet is counted in the report.
import { readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunId } from '../core/ids.ts';
import { type DataFolder, lockPath, type RunFolder, readersOf } from '../data/data-folder.ts';
import { tryLockFile } from '../data/lock-file.ts';
import { savedPosition } from './cursor.ts';
import { walkFrames } from './frame-walk.ts';
import { journalEnd } from './journal-end.ts';

export type RetentionLimits = {
  /** What was last written to before so long goes. Undefined for no limit. */
  readonly maxAgeMs: number | undefined;
  /** The oldest goes until no more than this is left. Undefined for no limit. */
  readonly maxBytes: number | undefined;
  /** The time of day, in Unix milliseconds. */
  readonly now: number;
  /** Reports what would be removed, and removes nothing. */
  readonly isDryRun?: boolean;
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

/**
 * Removes whole runs that nobody writes any more, the oldest first, until the limits are met over the data folder.
 * A run whose writer lock or ship lock is held stays.
 */
export async function applyRetention(data: DataFolder, limits: RetentionLimits): Promise<RetentionReport> {
  const removedRuns: RetentionReport['removedRuns'][number][] = [];
  // Left by a process that was killed while it removed them; they were reported gone, or about to be.
  for (const name of limits.isDryRun === true ? [] : await readdir(data.runsDir).catch(() => [])) {
    if (name.endsWith(removedSuffix)) await rm(join(data.runsDir, name), { recursive: true, force: true });
  }
  const runs = await Promise.all(data.listRunIds().map(async (runId) => measure(data.runDir(runId))));
  let kept = runs.reduce((sum, run) => sum + run.bytes, 0);
  for (const run of runs.sort((a, b) => a.lastWriteMs - b.lastWriteMs)) {
    const age = limits.now - run.lastWriteMs;
    if (!isOver(limits.maxBytes, kept) && !isOver(limits.maxAgeMs, age)) continue;
    const unread = await removeRun(run.folder, limits.isDryRun === true);
    if (unread === undefined) continue;
    kept -= run.bytes;
    removedRuns.push({ runId: run.folder.runId, bytes: run.bytes, unread });
  }
  return { removedRuns, keptBytes: kept };
}

/** The bytes of all journals, as retention counts them. */
export async function journalBytes(data: DataFolder): Promise<number> {
  const runs = await Promise.all(data.listRunIds().map((runId) => measure(data.runDir(runId))));
  return runs.reduce((sum, run) => sum + run.bytes, 0);
}

/** What is renamed to it is on its way out, and no run id any more. */
const removedSuffix = '.removed';

function isOver(limit: number | undefined, value: number): boolean {
  return limit !== undefined && value > limit;
}

async function measure(folder: RunFolder): Promise<{ folder: RunFolder; bytes: number; lastWriteMs: number }> {
  let bytes = 0;
  let lastWriteMs = 0;
  for (const name of await readdir(folder.journalDir).catch(() => [])) {
    // A file that goes between the listing and here counts as gone.
    const file = await stat(join(folder.journalDir, name)).catch(() => undefined);
    bytes += file?.size ?? 0;
    lastWriteMs = Math.max(lastWriteMs, file?.mtimeMs ?? 0);
  }
  // A run folder without a journal is one that is being made, or was half removed: its own time shows which.
  if (lastWriteMs === 0) lastWriteMs = (await stat(folder.dir).catch(() => undefined))?.mtimeMs ?? 0;
  return { folder, bytes, lastWriteMs };
}

/** Undefined when somebody still uses the run. */
async function removeRun(folder: RunFolder, isDryRun: boolean): Promise<readonly Unread[] | undefined> {
  // Held until the folder is away, so that nobody begins to adopt or to ship a run that is going.
  const writer = tryLockFile(lockPath(folder, 'writer'), 'retention');
  if (writer.kind === 'held') return undefined;
  try {
    const ship = tryLockFile(lockPath(folder, 'ship'), 'retention');
    if (ship.kind === 'held') return undefined;
    try {
      const unread = await unreadBefore(folder, journalEnd(folder).nextSeq);
      if (isDryRun) return unread;
      // Renamed first: a run is there or it is not, and never half of it under its own name.
      const going = `${folder.dir}${removedSuffix}`;
      await rename(folder.dir, going);
      await rm(going, { recursive: true, force: true });
      return unread;
    } finally {
      ship.release();
    }
  } finally {
    writer.release();
  }
}

/** What each reader with a cursor has not read of the records before `endSeq`. */
async function unreadBefore(folder: RunFolder, endSeq: number): Promise<Unread[]> {
  const unread: Unread[] = [];
  for (const reader of readersOf(folder)) {
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
