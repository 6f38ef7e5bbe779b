// Puts the closed segments of one run into an archive, and names them in its manifest. Called again and again while a run is
// active, by several processes at once if need be: what another one has put is not put again. Nothing here waits or tries again.
import { readFile } from 'node:fs/promises';
import {
  ArchiveError,
  type ArchiveStore,
  archivedSeq,
  type KnownManifest,
  type Manifest,
  manifestName,
  manifestText,
  readManifest,
  runFolderName,
  type StoredFile,
  sha256Of,
  withSegment,
} from '../../archive/index.ts';
import { type PackedSegment, packSegment, type RunFolder } from '../../journal/index.ts';
import { readRunState } from '../../runs/index.ts';

export type PutOptions = {
  /** Share of the time that is spent compressing. */
  readonly dutyNow: () => number;
  readonly signal: AbortSignal;
  /** Called when the manifest names more of the run than before. */
  readonly onStored: (stored: Stored) => void;
};

export type Stored = {
  readonly manifest: Manifest;
  /** Of what was put since the last call. */
  readonly segments: number;
  readonly bytes: number;
};

/** The manifest is written again after so many bytes of segments, so that a killed run leaves little that is in no manifest. */
const bytesPerManifest = 64 * 1024 * 1024;

/** Other writers of the same manifest got in between so often: they are there, so they may as well do the work. */
const maxConflicts = 5;

/**
 * Puts what is closed and not yet in the archive.
 * @returns the manifest as it is then
 * @throws ArchiveError, or what the file system says of the journal
 */
export async function putRun(
  folder: RunFolder,
  store: ArchiveStore,
  known: KnownManifest | undefined,
  options: PutOptions,
): Promise<KnownManifest> {
  const { signal, onStored, dutyNow } = options;
  let stored = known ?? (await readManifest(store, folder.runId, signal));
  onStored({ manifest: stored.manifest, segments: 0, bytes: 0 });
  let draft = stored.manifest;
  let put = { segments: 0, bytes: 0 };
  let conflicts = 0;

  const commit = async (): Promise<void> => {
    if (draft === stored.manifest) return;
    const version = await replaceManifest(store, { manifest: draft, version: stored.version }, signal);
    if (version === undefined) {
      if (++conflicts === maxConflicts) {
        const where = `${store.location}/${manifestName(folder.runId)}`;
        throw new ArchiveError('busy', `${where}: another process writes it again and again; it is tried again`);
      }
      stored = await readManifest(store, folder.runId, signal);
      draft = stored.manifest;
      put = { segments: 0, bytes: 0 };
      return;
    }
    stored = { manifest: draft, version };
    onStored({ manifest: draft, ...put });
    put = { segments: 0, bytes: 0 };
  };

  while (!draft.ended || draft !== stored.manifest) {
    const packed = await packSegment(folder, archivedSeq(draft), { signal, duty: dutyNow() });
    switch (packed.kind) {
      case 'aborted':
        throw new ArchiveError('aborted', `${store.location}: the wait for it has ended`);
      case 'mismatch':
        throw new ArchiveError(
          'damaged',
          `${store.location}/${runFolderName(folder.runId)} holds this run up to number ${archivedSeq(draft)}, but no part of ${folder.journalDir} begins with that number (it ends at ${packed.nextSeq}): it was archived from another copy; name another place in STEPSPAN_ARCHIVE`,
        );
      case 'none':
        if (packed.ended) draft = { ...draft, ended: true, summary: await putSummary(folder, store, signal) };
        await commit();
        if (!packed.ended || stored.manifest.ended) return stored;
        break;
      case 'packed': {
        draft = withSegment(draft, await putSegment(folder, store, packed.segment, signal));
        put = { segments: put.segments + 1, bytes: put.bytes + packed.segment.bytes.length };
        if (put.bytes >= bytesPerManifest) await commit();
        break;
      }
    }
  }
  return stored;
}

/** @returns its new version; undefined if another process has written it meanwhile */
async function replaceManifest(
  store: ArchiveStore,
  { manifest, version }: KnownManifest,
  signal: AbortSignal,
): Promise<string | undefined> {
  const condition = version === undefined ? ({ kind: 'new' } as const) : ({ kind: 'replace', version } as const);
  const name = manifestName(manifest.runId);
  const result = await store.put(name, Buffer.from(manifestText(manifest)), condition, signal);
  return result.kind === 'stored' ? result.version : undefined;
}

async function putSegment(folder: RunFolder, store: ArchiveStore, segment: PackedSegment, signal: AbortSignal) {
  const { firstSeq, nextSeq, bytes, heads } = segment;
  const sha256 = sha256Of(bytes);
  const [digits = '', ending = ''] = splitAtDot(segment.name);
  const base = `segments/${digits}-${sha256.slice(0, 32)}`;
  // What the manifest will name is there before it does.
  const members =
    heads === undefined ? undefined : await putFile(folder, store, { file: `${base}.members`, bytes: heads }, signal);
  const stored = await putFile(folder, store, { file: `${base}${ending}`, bytes }, signal);
  return { ...stored, firstSeq, nextSeq, members };
}

function splitAtDot(name: string): readonly [string, string] {
  const at = name.indexOf('.');
  return [name.slice(0, at), name.slice(at)];
}

/** The saved state of an ended run: an archive shows its list and its steps from it without reading journals. */
async function putSummary(
  folder: RunFolder,
  store: ArchiveStore,
  signal: AbortSignal,
): Promise<StoredFile | undefined> {
  // The archive takes a journal as it is; the commands that show the run report what is wrong with it.
  await readRunState(folder, () => undefined);
  // A run whose state cannot be kept on a full disk has none: its readers fold its journal.
  const bytes = await readFile(folder.summaryFile).catch(() => undefined);
  if (bytes === undefined) return undefined;
  const file = `summary-${sha256Of(bytes).slice(0, 32)}.json`;
  return putFile(folder, store, { file, bytes }, signal);
}

/** A file whose name holds its hash: one of that name has these bytes, or nobody may rely on it. */
async function putFile(
  { runId }: RunFolder,
  store: ArchiveStore,
  { file, bytes }: { readonly file: string; readonly bytes: Buffer },
  signal: AbortSignal,
): Promise<StoredFile> {
  const name = `${runFolderName(runId)}/${file}`;
  const stored = { file, bytes: bytes.length, sha256: sha256Of(bytes) };
  const result = await store.put(name, bytes, { kind: 'new' }, signal);
  if (result.kind === 'stored') return stored;
  const found = await store.get(name, { signal });
  const where = `${store.location}/${name}`;
  if (found === undefined)
    throw new ArchiveError('busy', `${where}: the store refuses it as if it existed; it is tried again`);
  if (!found.bytes.equals(bytes))
    throw new ArchiveError('damaged', `${where} exists with other bytes than its name says; remove it`);
  return stored;
}
