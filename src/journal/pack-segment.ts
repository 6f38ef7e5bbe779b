// The closed segments of a journal as an archive elsewhere takes them: compressed as they are in the data folder, whole, one at a time.
// Called by the reader that archives a run. It reads, and changes nothing.
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { errorCode } from '../core/errors.ts';
import type { RunFolder } from '../data/data-folder.ts';
import { type ArchiveOptions, writeMembers } from './archive.ts';
import { memberHeads } from './archive-member.ts';
import { journalEnd } from './journal-end.ts';
import { listSegments, type SegmentFile } from './segment-files.ts';
import { zstdForm } from './zstd-member.ts';

export type PackedSegment = {
  /** As a file of a journal. */
  readonly name: string;
  readonly firstSeq: number;
  /** The first number that is not in it. */
  readonly nextSeq: number;
  readonly bytes: Buffer;
  /** The heads of its members, for a reader that wants some of them; undefined for a segment that has none. */
  readonly heads: Buffer | undefined;
};

export type Packed =
  | { readonly kind: 'packed'; readonly segment: PackedSegment }
  /** Nothing from that number on is closed yet. `ended` when nothing will follow either. */
  | { readonly kind: 'none'; readonly ended: boolean }
  /** No segment begins with that number: the journal is another one than before, or has lost its end. */
  | { readonly kind: 'mismatch'; readonly nextSeq: number }
  | { readonly kind: 'aborted' };

/** The closed segment that begins with the number `from`. Throws what the file system throws. */
export async function packSegment(folder: RunFolder, from: number, options: ArchiveOptions): Promise<Packed> {
  // A segment may be compressed in its place between being listed and being read; the second listing has it right.
  for (let tries = 0; ; tries++) {
    try {
      return await pack(folder, from, options);
    } catch (error) {
      if (errorCode(error) !== 'ENOENT' || tries === 3) throw error;
    }
  }
}

async function pack(folder: RunFolder, from: number, options: ArchiveOptions): Promise<Packed> {
  const { finished, nextSeq } = journalEnd(folder);
  const segments = listSegments(folder.journalDir);
  if (nextSeq < from) return { kind: 'mismatch', nextSeq };
  const index = segments.findIndex(({ firstSeq }) => firstSeq === from);
  const segment = segments[index];
  if (segment === undefined)
    return nextSeq === from ? { kind: 'none', ended: finished } : { kind: 'mismatch', nextSeq };
  const following = segments[index + 1];
  if (following === undefined && !finished) return { kind: 'none', ended: false };
  const place = { firstSeq: segment.firstSeq, nextSeq: following?.firstSeq ?? nextSeq };
  const bytes = segment.form === 'archived' ? await readFile(segment.path) : await compressed(segment);
  if (bytes === undefined) return { kind: 'aborted' };
  if (bytes.length > 0) {
    const name = basename(segment.path).replace(/\.seg$/, `.seg${zstdForm.suffix}`);
    return { kind: 'packed', segment: { ...place, name, bytes, heads: memberHeads(bytes) } };
  }
  // A damaged segment is kept as it is, as in the data folder.
  const asItIs = await readFile(segment.path);
  return { kind: 'packed', segment: { ...place, name: basename(segment.path), bytes: asItIs, heads: undefined } };

  /** Empty if it cannot be compressed without a loss, undefined when aborted. */
  async function compressed(raw: SegmentFile): Promise<Buffer | undefined> {
    if (!zstdForm.isSupported) return Buffer.alloc(0);
    const members: Buffer[] = [];
    const output = { writeFile: async (member: Buffer) => void members.push(member) };
    const result = await writeMembers(
      { folder, segment: raw, followingSeq: following?.firstSeq },
      { output, form: zstdForm },
      options,
    );
    if (result === undefined) return undefined;
    return 'reason' in result ? Buffer.alloc(0) : Buffer.concat(members);
  }
}

/** Whether the journal has a segment that is closed: until then there is nothing to archive. Reads names alone, mostly. */
export function hasClosedSegment(folder: RunFolder): boolean {
  const count = listSegments(folder.journalDir).length;
  return count > 1 || (count === 1 && journalEnd(folder).finished);
}
