// Brings an archived run into a data folder, so that everything that reads runs reads it too. Each file is checked before it is used.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunId } from '../core/ids.ts';
import { type DataFolder, makeFolder, type RunFolder } from '../journal/index.ts';
import { archivedSeq, journalNameOf, runFolderName } from './manifest.ts';
import { readManifest, readStoredFile } from './read-manifest.ts';
import { ArchiveError, type ArchiveStore } from './store.ts';

export type FetchedRun = {
  readonly folder: RunFolder;
  /** Whether the end of the run is in the archive. */
  readonly ended: boolean;
  /** The first number that the archive does not have. */
  readonly nextSeq: number;
};

/** @throws ArchiveError if it cannot be read, or is damaged */
export async function fetchRun(store: ArchiveStore, runId: RunId, data: DataFolder): Promise<FetchedRun> {
  const { manifest } = await readManifest(store, runId);
  const where = `${store.location}/${runFolderName(runId)}`;
  if (manifest.segments.length === 0)
    throw new ArchiveError('refused', `${where}: there is no such run in the archive`);
  const folder = data.runDir(runId);
  makeFolder(folder.journalDir);
  for (const segment of manifest.segments) {
    const bytes = await readStoredFile(store, runId, segment);
    // Not used here, and checked all the same: what is passed on is to be whole.
    if (segment.members !== undefined) await readStoredFile(store, runId, segment.members);
    await writeFile(join(folder.journalDir, journalNameOf(segment)), bytes, { mode: 0o600 });
  }
  if (manifest.summary !== undefined)
    await writeFile(folder.summaryFile, await readStoredFile(store, runId, manifest.summary), { mode: 0o600 });
  return { folder, ended: manifest.ended, nextSeq: archivedSeq(manifest) };
}
