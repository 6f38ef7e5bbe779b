// Names of segment files, and the list of them in a folder.
import { join } from 'node:path';
import { namesIn } from '../data/names-in.ts';

/** One segment as it is on disk: raw, or archived in members of zstd or gzip. */
export type SegmentFile = {
  readonly firstSeq: number;
  readonly path: string;
  readonly form: 'raw' | 'archived';
};

const namePattern = /^(\d{20})\.seg(\.zst|\.gz)?$/;

export function rawPath(journalDir: string, firstSeq: number): string {
  return join(journalDir, `${digits(firstSeq)}.seg`);
}

/** @param suffix of the form of its members */
export function archivedPath(journalDir: string, firstSeq: number, suffix: '.zst' | '.gz'): string {
  return `${rawPath(journalDir, firstSeq)}${suffix}`;
}

/** Whether a file of a journal is a segment, and in which form; undefined for the index, locks and what is not ours. */
export function segmentForm(name: string): SegmentFile['form'] | undefined {
  const match = namePattern.exec(name);
  if (match === null) return undefined;
  return match[2] === undefined ? 'raw' : 'archived';
}

/** The sparse index beside a raw segment. An archived one needs none: its members say what they hold. */
export function indexPath(journalDir: string, firstSeq: number): string {
  return join(journalDir, `${digits(firstSeq)}.idx`);
}

/**
 * The segments of a journal in order; none if the folder does not exist. A segment that exists in both forms
 * (its raw file is about to go) is listed as raw.
 */
export function listSegments(journalDir: string): SegmentFile[] {
  const found = new Map<number, SegmentFile>();
  for (const name of namesIn(journalDir)) {
    const form = segmentForm(name);
    if (form === undefined) continue;
    const firstSeq = Number(name.slice(0, digits(0).length));
    if (form === 'archived' && found.has(firstSeq)) continue;
    found.set(firstSeq, { firstSeq, path: join(journalDir, name), form });
  }
  return [...found.values()].sort((a, b) => a.firstSeq - b.firstSeq);
}

/** As wide as the largest 64-bit number, so that names sort as the numbers do. */
function digits(seq: number): string {
  return String(seq).padStart(20, '0');
}
