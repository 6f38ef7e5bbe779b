// The reader that archives runs: it puts the closed segments of a journal into an archive (src/archive), with a
// manifest. Other folders import from this file only. Used by the library for a run that is being written, by `stepspan archive`, and by
// the hub for what is left.
export {
  type ArchiveReader,
  type ArchiveTarget,
  archiveCursor,
  archiveLock,
  isArchived,
  leftText,
  startArchiveReader,
} from './archive-reader.ts';
export { putRun } from './put-run.ts';
