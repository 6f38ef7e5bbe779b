// Asks all frames of a small journal one question, in one synchronous pass: for a caller that asks thousands of journals of which nearly
// all say no. A turn of the thread pool for each piece would take several times as long as the pieces do. Called by searches.
import { fstatSync, readSync } from 'node:fs';
import type { RunFolder } from '../data/data-folder.ts';
import { readMemberTable, withFile } from './archive-member.ts';
import { formatMinor, frameSeed, parseSegmentHeader } from './format.ts';
import { type Frame, framesIn } from './frame.ts';
import { listSegments, type SegmentFile } from './segment-files.ts';

/** Uncompressing and checking so much takes 10 ms, for which an event loop may wait. */
const maxRawBytes = 4 * 1024 * 1024;

/**
 * Whether every frame of the journal passes. Also false if that cannot be said: of a journal that is large, damaged, incomplete, of a
 * later version or being written.
 */
export function everyFrame(folder: RunFolder, passes: (frame: Frame) => boolean): boolean {
  let nextSeq = 0;
  try {
    for (const segment of listSegments(folder.journalDir)) {
      if (segment.firstSeq !== nextSeq) return false;
      const bytes = rawBytesOf(segment);
      const parsed = bytes === undefined ? undefined : parseSegmentHeader(bytes);
      if (bytes === undefined || parsed?.kind !== 'header') return false;
      const { header } = parsed;
      if (header.minor > formatMinor || header.runId !== folder.runId || header.firstSeq !== nextSeq) return false;
      let at = header.headerBytes;
      for (const frame of framesIn(bytes, at, frameSeed(header))) {
        if (frame.seq !== nextSeq || frame.kind === 'unknown' || !passes(frame)) return false;
        at += frame.bytes;
        nextSeq += frame.lineCount;
      }
      if (at !== bytes.length) return false;
    }
  } catch {
    // Archived or removed meanwhile, or a member that cannot be uncompressed: the caller that reads it in full finds out.
    return false;
  }
  return nextSeq > 0;
}

/** Undefined if it is too large, or if a part of it is damaged. */
function rawBytesOf(segment: SegmentFile): Buffer | undefined {
  return withFile(segment.path, (fd) => {
    if (segment.form === 'raw') return readPart(fd, 0, fstatSync(fd).size);
    const { members, damage } = readMemberTable(fd, segment.path);
    const last = members.at(-1);
    if (damage !== undefined || last === undefined || last.rawOffset + last.rawBytes > maxRawBytes) return undefined;
    const parts: Buffer[] = [];
    for (const { form, fileOffset, compressedBytes, rawBytes } of members) {
      const compressed = readPart(fd, fileOffset, compressedBytes);
      const raw = compressed && form.uncompressSync(compressed, rawBytes);
      if (raw?.length !== rawBytes) return undefined;
      parts.push(raw);
    }
    return parts.length === 1 ? parts[0] : Buffer.concat(parts);
  });
}

function readPart(fd: number, offset: number, bytes: number): Buffer | undefined {
  if (bytes > maxRawBytes) return undefined;
  const buffer = Buffer.allocUnsafe(bytes);
  return readSync(fd, buffer, 0, bytes, offset) === bytes ? buffer : undefined;
}
