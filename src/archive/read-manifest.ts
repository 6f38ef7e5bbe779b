// Reads what an archive says of itself: its runs, and the manifest of each.
import { isRunId, type RunId } from '../core/ids.ts';
import {
  emptyManifest,
  type Manifest,
  manifestName,
  parseManifest,
  runFolderName,
  type StoredFile,
  sha256Of,
} from './manifest.ts';
import { ArchiveError, type ArchiveStore } from './store.ts';

/** The manifest in the archive, with what it takes to replace it; a run that is not there has an empty one. */
export type KnownManifest = { readonly manifest: Manifest; readonly version: string | undefined };

/** @throws ArchiveError if it cannot be read, or is of a later version */
export async function readManifest(store: ArchiveStore, runId: RunId, signal?: AbortSignal): Promise<KnownManifest> {
  const name = manifestName(runId);
  const found = await store.get(name, { signal });
  if (found === undefined) return { manifest: emptyManifest(runId), version: undefined };
  const parsed = parseManifest(found.bytes.toString('utf8'));
  const where = `${store.location}/${name}`;
  if (!parsed.ok) throw new ArchiveError('damaged', `${where} ${parsed.problem}`);
  if (parsed.value.runId !== runId) throw new ArchiveError('damaged', `${where} is of run ${parsed.value.runId}`);
  return { manifest: parsed.value, version: found.version };
}

/** The runs of an archive, newest first. */
export async function listArchivedRuns(store: ArchiveStore, signal?: AbortSignal): Promise<readonly RunId[]> {
  return (await store.folders('runs', signal)).filter(isRunId).reverse();
}

/** All bytes of a file of an archived run. @throws ArchiveError if it is missing, or is not what the manifest says */
export async function readStoredFile(store: ArchiveStore, runId: RunId, stored: StoredFile): Promise<Buffer> {
  const name = `${runFolderName(runId)}/${stored.file}`;
  const found = await store.get(name);
  const where = `${store.location}/${name}`;
  if (found === undefined) throw new ArchiveError('damaged', `${where} is missing`);
  const { bytes } = found;
  if (bytes.length !== stored.bytes)
    throw new ArchiveError('damaged', `${where} has ${bytes.length} bytes, and should have ${stored.bytes}`);
  if (sha256Of(bytes) !== stored.sha256)
    throw new ArchiveError('damaged', `${where} does not have the SHA-256 that its manifest names`);
  return bytes;
}
