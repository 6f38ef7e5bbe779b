// The manifest of an archived run: which files it consists of, which sequence numbers each holds, and what each has to hash to.
//
//   runs/<run>/manifest.json                          replaced only by who has read the latest one; all else is written once
//   runs/<run>/segments/<first seq>-<hash>.seg.zst    a segment of the journal, as the data folder keeps it
//   runs/<run>/segments/<first seq>-<hash>.members    where its members begin, so that a reader asks for those that it wants
//   runs/<run>/summary-<hash>.json                    the state of the run, once it has ended
//
// Names hold the SHA-256 of what they name, so two writers that archive the same run cannot mean different bytes by one name. Segments
// follow one another without a gap. Each has a link of a chain: the hash of the link before it, its numbers and its own hash. So the
// last link vouches for all segments and their order. The seal is the hash of everything else in the manifest. A later minor version may add fields; a reader of an older one ignores them.
import { createHash } from 'node:crypto';
import { isRunId, type RunId } from '../core/ids.ts';
import { arrayAt, isObject, type JsonObject, numberAt, objectAt, parseObject, textAt } from '../core/json.ts';
import { failed, ok, type Result } from '../core/result.ts';

/** Raised when an older reader would misread it. */
export const archiveVersion = 1;

export type StoredFile = {
  /** Below the folder of the run. */
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
};

export type ArchivedSegment = StoredFile & {
  readonly firstSeq: number;
  /** The first number that is not in it, and the first of the next segment. */
  readonly nextSeq: number;
  /** Undefined for a segment that was archived uncompressed, because it is damaged. */
  readonly members: StoredFile | undefined;
  readonly chain: string;
};

export type Manifest = {
  readonly runId: RunId;
  readonly segments: readonly ArchivedSegment[];
  /** Whether the last segment ends with the end of the run: then nothing will be added. */
  readonly ended: boolean;
  readonly summary: StoredFile | undefined;
};

export function emptyManifest(runId: RunId): Manifest {
  return { runId, segments: [], ended: false, summary: undefined };
}

/** The first number that the archive does not have. */
export function archivedSeq({ segments }: Manifest): number {
  return segments.at(-1)?.nextSeq ?? 0;
}

/** The last link of the chain, which is also that of a run without segments. */
export function chainOf({ runId, segments }: Manifest): string {
  return segments.at(-1)?.chain ?? sha256Of(`stepspan archive ${archiveVersion} ${runId}\n`);
}

/** The manifest with one more segment. */
export function withSegment(manifest: Manifest, segment: Omit<ArchivedSegment, 'chain'>): Manifest {
  const chain = linkOf(chainOf(manifest), segment);
  return { ...manifest, segments: [...manifest.segments, { ...segment, chain }] };
}

function linkOf(before: string, { firstSeq, nextSeq, sha256 }: Omit<ArchivedSegment, 'chain'>): string {
  return sha256Of(`${before}\n${firstSeq}\n${nextSeq}\n${sha256}\n`);
}

export function sha256Of(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

export function runFolderName(runId: RunId): string {
  return `runs/${runId}`;
}

export function manifestName(runId: RunId): string {
  return `${runFolderName(runId)}/manifest.json`;
}

export function manifestText(manifest: Manifest): string {
  const seal = sha256Of(JSON.stringify(manifest));
  return `${JSON.stringify({ stepspanArchive: archiveVersion, seal, ...manifest }, undefined, 1)}\n`;
}

/** @returns what is wrong, as the continuation of the name of the file */
export function parseManifest(text: string): Result<Manifest> {
  const value = parseObject(text);
  if (value === undefined) return failed('is not JSON');
  const { stepspanArchive: version, seal, ...content } = value;
  if (typeof version !== 'number') return failed('is not the manifest of an archive');
  if (version > archiveVersion)
    return failed(
      `is of version ${version} of the archive; this stepspan reads version ${archiveVersion}. Use a later one`,
    );
  if (seal !== sha256Of(JSON.stringify(content))) return failed('does not have the SHA-256 that it names');
  const runId = textAt(value, 'runId') ?? '';
  if (!isRunId(runId)) return failed('does not say which run it is of');
  let manifest = emptyManifest(runId);
  for (const item of arrayAt(value, 'segments')) {
    const segment = isObject(item) ? parseSegment(item) : undefined;
    if (segment === undefined) return failed(`has no usable segment ${manifest.segments.length}`);
    const { chain, ...rest } = segment;
    if (rest.firstSeq !== archivedSeq(manifest) && manifest.segments.length > 0)
      return failed(`leaves out the numbers from ${archivedSeq(manifest)} to ${rest.firstSeq}`);
    manifest = withSegment(manifest, rest);
    if (chainOf(manifest) !== chain) return failed(`has a broken chain at segment ${manifest.segments.length - 1}`);
  }
  const summary = parseFile(objectAt(value, 'summary'), /^summary-[0-9a-f]{32}\.json$/);
  return ok({ ...manifest, ended: value.ended === true, summary });
}

const segmentPattern = /^segments\/\d{20}-[0-9a-f]{32}\.seg(\.zst|\.gz)?$/;
const membersPattern = /^segments\/\d{20}-[0-9a-f]{32}\.members$/;

/** Names become paths, so only those that an archive makes itself are taken. */
function parseFile(value: JsonObject, pattern: RegExp): StoredFile | undefined {
  const file = textAt(value, 'file') ?? '';
  const bytes = numberAt(value, 'bytes');
  const sha256 = textAt(value, 'sha256') ?? '';
  const isSound = pattern.test(file) && bytes !== undefined && /^[0-9a-f]{64}$/.test(sha256);
  return isSound ? { file, bytes, sha256 } : undefined;
}

function parseSegment(value: JsonObject): ArchivedSegment | undefined {
  const stored = parseFile(value, segmentPattern);
  const firstSeq = numberAt(value, 'firstSeq');
  const nextSeq = numberAt(value, 'nextSeq');
  const chain = textAt(value, 'chain');
  if (stored === undefined || firstSeq === undefined || nextSeq === undefined || chain === undefined) return undefined;
  if (nextSeq < firstSeq || Number(stored.file.slice('segments/'.length).slice(0, 20)) !== firstSeq) return undefined;
  return { ...stored, firstSeq, nextSeq, members: parseFile(objectAt(value, 'members'), membersPattern), chain };
}

/** The name that a segment has in a data folder. */
export function journalNameOf({ file }: StoredFile): string {
  return file.slice('segments/'.length).replace(/-[0-9a-f]{32}/, '');
}
