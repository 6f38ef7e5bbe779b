// Checks an archived run completely: the chain of its manifest, the checksum of every file, and every record in every segment. It reads
// one segment at a time, so the size of a run costs time alone.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunId } from '../core/ids.ts';
import { type JournalRecord, seqCount } from '../core/record.ts';
import {
  dataFolder,
  JournalError,
  type JournalProblem,
  makeFolder,
  openJournal,
  problemText,
  type RunFolder,
} from '../journal/index.ts';
import {
  type ArchivedSegment,
  archivedSeq,
  chainOf,
  journalNameOf,
  type Manifest,
  type StoredFile,
} from './manifest.ts';
import { readManifest, readStoredFile } from './read-manifest.ts';
import { type ArchiveStore, isArchiveError } from './store.ts';

export type Verification = {
  readonly runId: RunId;
  readonly segments: number;
  /** Lines and events. */
  readonly records: number;
  readonly bytes: number;
  /** Whether the archive has the end of the run. */
  readonly ended: boolean;
  /** Vouches for all segments and their order. */
  readonly chain: string;
  /** One sentence each; none if everything is as it was archived. */
  readonly problems: readonly string[];
};

/** @throws ArchiveError if the store cannot be read */
export async function verifyRun(store: ArchiveStore, runId: RunId): Promise<Verification> {
  const none = { runId, segments: 0, records: 0, bytes: 0, ended: false, chain: '' };
  let manifest: Manifest;
  try {
    const known = await readManifest(store, runId);
    if (known.version === undefined) return { ...none, problems: [`${store.location} has no run ${runId}`] };
    manifest = known.manifest;
  } catch (error) {
    if (!isArchiveError(error) || error.kind !== 'damaged') throw error;
    return { ...none, problems: [error.message] };
  }
  const root = mkdtempSync(join(tmpdir(), 'stepspan-verify-'));
  try {
    const folder = dataFolder(root).runDir(runId);
    makeFolder(folder.journalDir);
    const problems: string[] = [];
    let records = 0;
    for (const segment of manifest.segments) records += await verifySegment(store, folder, segment, problems);
    if (manifest.summary !== undefined) await fileOf(store, runId, manifest.summary, problems);
    const files = manifest.segments.flatMap((segment) => [segment, ...(segment.members ? [segment.members] : [])]);
    const bytes = [...files, ...(manifest.summary ? [manifest.summary] : [])].reduce(
      (sum, file) => sum + file.bytes,
      0,
    );
    if (!manifest.ended)
      problems.push(
        `it ends at number ${archivedSeq(manifest)}, before the end of the run: \`stepspan archive ${runId}\` puts the rest`,
      );
    return {
      runId,
      segments: manifest.segments.length,
      records,
      bytes,
      ended: manifest.ended,
      chain: chainOf(manifest),
      problems,
    };
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

/** Undefined after noting why it cannot be used. */
async function fileOf(
  store: ArchiveStore,
  runId: RunId,
  stored: StoredFile,
  problems: string[],
): Promise<Buffer | undefined> {
  try {
    return await readStoredFile(store, runId, stored);
  } catch (error) {
    if (!isArchiveError(error) || error.kind !== 'damaged') throw error;
    problems.push(error.message);
    return undefined;
  }
}

/** @returns how many records it has */
async function verifySegment(
  store: ArchiveStore,
  folder: RunFolder,
  segment: ArchivedSegment,
  problems: string[],
): Promise<number> {
  if (segment.members !== undefined) await fileOf(store, folder.runId, segment.members, problems);
  const bytes = await fileOf(store, folder.runId, segment, problems);
  if (bytes === undefined) return 0;
  const file = join(folder.journalDir, journalNameOf(segment));
  writeFileSync(file, bytes);
  let records = 0;
  let nextSeq = segment.firstSeq;
  const onProblem = (problem: JournalProblem): void => {
    // Numbers that were never written, as on a full disk, are missing in the journal too, which says so itself.
    if (problem.kind === 'gap' && problem.why === 'lost') return;
    problems.push(`${store.location}/runs/${folder.runId}/${segment.file}: ${problemText(problem)}`);
  };
  try {
    for await (const batch of openJournal(folder).read({ from: segment.firstSeq, onProblem })) {
      const last: JournalRecord | undefined = batch.at(-1);
      if (last !== undefined) nextSeq = last.seq + seqCount(last);
      records += batch.reduce((sum, record) => sum + seqCount(record), 0);
    }
  } catch (error) {
    if (!(error instanceof JournalError)) throw error;
    problems.push(error.message);
  } finally {
    rmSync(file, { force: true });
  }
  if (nextSeq > segment.nextSeq)
    problems.push(
      `${store.location}/runs/${folder.runId}/${segment.file} continues to number ${nextSeq}, past ${segment.nextSeq}`,
    );
  return records;
}
