// The members of an archived segment, and the table of those in a file. A member holds whole frames (the first one the segment
// header too) and begins with a head that says what it holds, so a reader steps from member to member without uncompressing,
// and needs no second file that could go stale. `zstdcat` or `zcat` reads the whole file. Called by the archiver and by readers.
//
// A member of a `.seg.zst` is in zstd (zstd-member.ts), one of a `.seg.gz` in gzip (gzip-member.ts). Archives in gzip are those of
// journal formats before 1.2, or were made by a Node without zstd. The first byte of a member says which form it has.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { maxFrameBytes, segmentHeaderBytes } from './format.ts';
import { gzipForm } from './gzip-member.ts';
import { zstdIsMissing } from './journal-error.ts';
import type { Member, MemberForm } from './member-form.ts';
import { zstdForm } from './zstd-member.ts';

/** So much raw per member: a seek uncompresses 1 MiB (1 to 3 ms), which costs under 1 % more than one stream of the whole. */
export const memberRawBytes = 1024 * 1024;

/** A member closes once it has reached `memberRawBytes`, so it may hold that and one whole frame more. */
const maxMemberRawBytes = memberRawBytes + maxFrameBytes + segmentHeaderBytes;

const forms: readonly MemberForm[] = [zstdForm, gzipForm];
const longestHead = Math.max(...forms.map(({ fixedHeadBytes }) => fixedHeadBytes));

export type MemberTable = {
  readonly members: readonly Member[];
  /** Where and why the table stops before the end of the file; undefined when it does not. */
  readonly damage: { readonly fileOffset: number; readonly reason: string } | undefined;
};

/** All members of the archived segment at `path`: one short read each. Throws a JournalError when this Node has no zstd for them. */
export function readMemberTable(fd: number, path: string): MemberTable {
  const bytes = Buffer.alloc(longestHead);
  const headAt = (at: number): Buffer => bytes.subarray(0, readSync(fd, bytes, 0, longestHead, at));
  return tableOf({ size: fstatSync(fd).size, headAt, path });
}

/** The heads of all members of an archived segment, one after the other; undefined if one of them is damaged or in gzip. */
export function memberHeads(segment: Buffer): Buffer | undefined {
  const headAt = (at: number): Buffer => segment.subarray(at, at + longestHead);
  const { members, damage } = tableOf({ size: segment.length, headAt, path: undefined });
  if (damage !== undefined || members.some(({ form }) => form !== zstdForm)) return undefined;
  return Buffer.concat(
    members.map(({ startOffset, headBytes }) => segment.subarray(startOffset, startOffset + headBytes)),
  );
}

type TableSource = {
  readonly size: number;
  readonly headAt: (at: number) => Buffer;
  /** The file to name if this Node cannot read it; undefined if nothing is to be uncompressed. */
  readonly path: string | undefined;
};

function tableOf({ size, headAt, path }: TableSource): MemberTable {
  const members: Member[] = [];
  let at = 0;
  let rawOffset = 0;
  while (at < size) {
    const member = memberAt(headAt(at), at);
    if (member?.form.isSupported === false && path !== undefined) throw zstdIsMissing(path);
    const isSound =
      member !== undefined &&
      member.compressedBytes > 0 &&
      member.memberBytes <= size - at &&
      member.rawBytes <= maxMemberRawBytes &&
      member.headerBytes <= member.rawBytes &&
      member.rawOffset === rawOffset;
    if (!isSound) return { members, damage: { fileOffset: at, reason: 'an archive member does not check out' } };
    members.push(member);
    at += member.memberBytes;
    rawOffset += member.rawBytes;
  }
  return { members, damage: undefined };
}

function memberAt(bytes: Buffer, startOffset: number): Member | undefined {
  const form = forms.find(({ firstByte, fixedHeadBytes }) => bytes[0] === firstByte && bytes.length >= fixedHeadBytes);
  const head = form?.parseHead(bytes);
  if (form === undefined || head === undefined) return undefined;
  return {
    ...head,
    form,
    startOffset,
    fileOffset: startOffset + head.headBytes,
    compressedBytes: head.memberBytes - head.headBytes - form.trailerBytes,
    offset: head.rawOffset + head.headerBytes,
  };
}

/** Opens `path` for the time of `use`. */
export function withFile<T>(path: string, use: (fd: number) => T): T {
  const fd = openSync(path, 'r');
  try {
    return use(fd);
  } finally {
    closeSync(fd);
  }
}
