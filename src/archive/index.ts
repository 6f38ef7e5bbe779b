// Archives of runs: what one consists of, and where it is kept. This file is all that other folders import from it.
//
// It owns the manifest (manifest.ts), the interface of a store with its two implementations (folder-store.ts, s3-store.ts), and the
// addresses of archives (location.ts). src/readers/archive writes through it; verify-run.ts and the hub read.
export { readBundle, writeBundle } from './bundle.ts';
export { type FetchedRun, fetchRun } from './fetch-run.ts';
export * from './location.ts';
export * from './manifest.ts';
export { openStore } from './open-store.ts';
export { type KnownManifest, listArchivedRuns, readManifest } from './read-manifest.ts';
export type { S3Options } from './s3-store.ts';
export { ArchiveError, type ArchiveStore, isArchiveError, type StoredObject } from './store.ts';
export { type Verification, verifyRun } from './verify-run.ts';
