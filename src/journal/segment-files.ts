// Names of segment files, and the list of them in a folder.
import { join } from 'node:path';
import { namesIn } from '../data/names-in.ts';

/** One segment as it is on disk: raw, or archived as gzip members. */
export type SegmentFile = {
  readonly firstSeq: number;
  readonly path: string;
  readonly form: 'raw' | 'archived';
};

const namePattern = /^(\d{20})\.seg(\.gz)?$/;

export function rawPath(journalDir: string, firstSeq: number): string {
  return join(journalDir, `${digits(firstSeq)}.seg`);
}

export function archivedPath(journalDir: string, firstSeq: number): string {
  return join(journalDir, `${digits(firstSeq)}.seg.gz`);
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
    const match = namePattern.exec(name);
    if (match === null) continue;
    const firstSeq = Number(match[1]);
    const form = match[2] === undefined ? 'raw' : 'archived';
    if (form === 'archived' && found.has(firstSeq)) continue;
    found.set(firstSeq, { firstSeq, path: join(journalDir, name), form });
  }
  return [...found.values()].sort((a, b) => a.firstSeq - b.firstSeq);
}

/** As wide as the largest 64-bit number, so that names sort as the numbers do. */
function digits(seq: number): string {
  return String(seq).padStart(20, '0');
}
