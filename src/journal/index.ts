// The journal: the record of one run, which everything else reads. This file is all that other folders import from it.
//
// It owns the files `journal/*.seg` of a run: their format (format.ts, frame.ts), the one writer (journal-writer.ts, which
// numbers records and hands them to the kernel), the reader (journal-reader.ts over frame-walk.ts, which follows the growth and
// passes damage), recovery after a crash, archives of closed segments, retention, and the cursors of readers.
// Data goes in by `Append` of src/core/record.ts, called by src/run through what the library composes, and comes out as batches
// of `JournalRecord` to src/runs and the readers. It knows nothing of what records mean, but for `run.finished`, the last one.
import { lockPath, type RunFolder } from '../data/data-folder.ts';
import { type LockResult, tryLockFile } from '../data/lock-file.ts';

export {
  type DataFolder,
  dataFolder,
  dataRoot,
  type FoundRun,
  homeFolder,
  markProbe,
  type RunFolder,
  readersOf,
} from '../data/data-folder.ts';
export { fileErrorText } from '../data/file-error.ts';
export {
  type HeldLock,
  type LockHolder,
  type LockResult,
  lockHolder,
  tryLockFile,
} from '../data/lock-file.ts';
export { makeFolder } from '../data/make-folder.ts';
export { isAlive, processIdentity, type ScopedIdentity } from '../data/process-identity.ts';
export { makeFile, replaceFile, replaceFileUnsynced } from '../data/whole-file.ts';
export { type ArchiveOptions, type ArchiveReport, archiveSealed } from './archive.ts';
export { type Counters, type Cursor, type CursorState, openCursor, savedCounters, savedPosition } from './cursor.ts';
export type { JournalFileSystem } from './file-system.ts';
export type { Frame } from './frame.ts';
export type { Durability } from './group-sync.ts';
export { JournalError, type JournalErrorCode } from './journal-error.ts';
export { defaultJournalOptions, type JournalOptions } from './journal-options.ts';
export { createProblemLog, type JournalProblem, type ProblemLog, problemText } from './journal-problem.ts';
export { type JournalReader, openJournal, type ReadOptions } from './journal-reader.ts';
export { createJournal, type JournalStats, type JournalWriter, reopenJournal } from './journal-writer.ts';
export { hasClosedSegment, type PackedSegment, packSegment } from './pack-segment.ts';
export { everyFrame } from './read-at-once.ts';
export {
  applyRetention,
  createJournalSizes,
  type JournalSize,
  journalBytes,
  type RetentionLimits,
  type RetentionReport,
  type Unread,
} from './retention.ts';

/**
 * Takes a lock of a run: `writer` (who may append; the journal takes it itself), `ship` (who may ship). Never waits.
 * The run's folder must exist.
 */
export async function acquireLock(folder: RunFolder, name: string, detail: string): Promise<LockResult> {
  return tryLockFile(lockPath(folder, name), detail);
}

/** Where the lock of that name is, to ask who holds it with `lockHolder`. */
export function runLockPath(folder: RunFolder, name: string): string {
  return lockPath(folder, name);
}
