// The settings of a journal's writer and their defaults, each with its reason.
import { type JournalFileSystem, realFileSystem } from './file-system.ts';
import { type Durability, defaultDurability } from './group-sync.ts';
import { defaultMaxPendingBytes } from './pending.ts';
import { defaultReserveBytes } from './reserve.ts';
import { indexEveryBytes } from './segment-index.ts';

export type JournalOptions = {
  /** A segment is closed before it would grow beyond it. A single larger frame gets a segment of its own. */
  readonly segmentBytes: number;
  readonly durability: Durability;
  /** Whether closed segments are compressed in the background while the run is quiet. */
  readonly archive: boolean;
  /** How much output waits in memory while the disk takes none. */
  readonly maxPendingBytes: number;
  /** Room on the disk that is kept for the end of the run, should the disk be full then; 0 for none. */
  readonly reserveBytes: number;
  /** How many bytes of frames lie between two entries of the index. */
  readonly indexEveryBytes: number;
  readonly fileSystem: JournalFileSystem;
  /** The wall clock in Unix nanoseconds; undefined for the system's. For tests. */
  readonly wallNs: (() => bigint) | undefined;
};

/**
 * 64 MiB: retention and archiving work in steps of a few seconds of a very chatty child or days of a quiet one, a scan
 * without index takes 30 ms, and a run of 10 GB is 160 files.
 */
const defaultSegmentBytes = 64 * 1024 * 1024;

export const defaultJournalOptions: JournalOptions = {
  segmentBytes: defaultSegmentBytes,
  durability: defaultDurability,
  archive: true,
  maxPendingBytes: defaultMaxPendingBytes,
  reserveBytes: defaultReserveBytes,
  indexEveryBytes,
  fileSystem: realFileSystem,
  wallNs: undefined,
};
