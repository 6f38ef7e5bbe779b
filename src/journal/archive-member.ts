// One gzip member of an archived segment (RFC 1952), and the table of those in a file. `zcat` reads the whole file.
// Each member holds whole frames (the first one the segment header too) and says in its extra field what it holds,
// so that a reader steps from member to member without inflating, and needs no second file that could go stale.
//
//   extra subfield "SP", 36 bytes: member bytes u32, raw bytes u32, raw offset u64, first seq u64, first time (ns) u64,
//   bytes of segment header in front of the first frame u32
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { constants, crc32, inflateRawSync } from 'node:zlib';
import { maxFrameBytes, readSeq, segmentHeaderBytes, writeSeq } from './format.ts';

/** So much raw per member: a seek inflates 1 MiB (3 ms), and deflate loses under 1 % against one stream of the whole. */
export const memberRawBytes = 1024 * 1024;

/** A member closes once it has reached `memberRawBytes`, so it may hold that and one whole frame more. */
const maxMemberRawBytes = memberRawBytes + maxFrameBytes + segmentHeaderBytes;

const fixedBytes = 10;
const extraDataBytes = 36;
const extraBytes = 4 + extraDataBytes;
const headBytes = fixedBytes + 2 + extraBytes;
const trailerBytes = 8;

export type Member = {
  /** Where the deflate stream of the member is in the file. */
  readonly fileOffset: number;
  readonly deflatedBytes: number;
  /** Which part of the raw segment it holds. */
  readonly rawOffset: number;
  readonly rawBytes: number;
  /** Sequence number and time (Unix ns) of its first frame, and the raw offset of that frame. */
  readonly seq: number;
  readonly timeNs: bigint;
  readonly offset: number;
};

/** The bytes of a member around `deflated`, the raw deflate stream of `raw`. */
export function encodeMember(
  raw: Buffer,
  deflated: Buffer,
  at: { readonly rawOffset: number; readonly seq: number; readonly timeNs: bigint; readonly headerBytes: number },
): Buffer {
  const head = Buffer.alloc(headBytes);
  // Magic, deflate, flag FEXTRA, no time, no extra flags, operating system unknown (255).
  Buffer.from([0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 255]).copy(head);
  head.writeUInt16LE(extraBytes, fixedBytes);
  head.write('SP', fixedBytes + 2, 'latin1');
  head.writeUInt16LE(extraDataBytes, fixedBytes + 4);
  const data = fixedBytes + 6;
  head.writeUInt32LE(headBytes + deflated.length + trailerBytes, data);
  head.writeUInt32LE(raw.length, data + 4);
  writeSeq(head, at.rawOffset, data + 8);
  writeSeq(head, at.seq, data + 16);
  head.writeBigUInt64LE(at.timeNs, data + 24);
  head.writeUInt32LE(at.headerBytes, data + 32);
  const trailer = Buffer.alloc(trailerBytes);
  trailer.writeUInt32LE(crc32(raw), 0);
  trailer.writeUInt32LE(raw.length, 4);
  return Buffer.concat([head, deflated, trailer]);
}

export type MemberTable = {
  readonly members: readonly Member[];
  /** Where and why the table stops before the end of the file; undefined when it does not. */
  readonly damage: { readonly fileOffset: number; readonly reason: string } | undefined;
};

/** All members of an archived segment: one read of 52 bytes each. */
export function readMemberTable(fd: number): MemberTable {
  const { size } = fstatSync(fd);
  const members: Member[] = [];
  const head = Buffer.alloc(headBytes);
  let at = 0;
  let rawOffset = 0;
  while (at < size) {
    readSync(fd, head, 0, headBytes, at);
    const data = fixedBytes + 6;
    const memberBytes = head.readUInt32LE(data);
    const rawBytes = head.readUInt32LE(data + 4);
    const seq = readSeq(head, data + 16);
    const sound =
      head.readUInt16BE(0) === 0x1f8b &&
      head[3] === 4 &&
      head.readUInt16LE(fixedBytes) === extraBytes &&
      memberBytes > headBytes + trailerBytes &&
      memberBytes <= size - at &&
      rawBytes <= maxMemberRawBytes &&
      head.readUInt32LE(data + 32) <= rawBytes &&
      readSeq(head, data + 8) === rawOffset;
    if (!sound || seq === undefined) {
      return { members, damage: { fileOffset: at, reason: 'an archive member does not check out' } };
    }
    members.push({
      fileOffset: at + headBytes,
      deflatedBytes: memberBytes - headBytes - trailerBytes,
      rawOffset,
      rawBytes,
      seq,
      timeNs: head.readBigUInt64LE(data + 24),
      offset: rawOffset + head.readUInt32LE(data + 32),
    });
    at += memberBytes;
    rawOffset += rawBytes;
  }
  return { members, damage: undefined };
}

/** Deflated bytes in which the tables of a block and the first of what it holds have room; at most 1 MiB of raw ones. */
const headDeflatedBytes = 1024;

/**
 * The first raw bytes of a member, without uncompressing the rest of it: a late reader of many segments needs only their
 * headers. Fewer if the member is damaged, none if it is damaged from its start on.
 */
export function readMemberHead(fd: number, member: Member, bytes: number): Buffer {
  const deflated = Buffer.alloc(Math.min(member.deflatedBytes, headDeflatedBytes));
  const read = readSync(fd, deflated, 0, deflated.length, member.fileOffset);
  try {
    const cutShort = { finishFlush: constants.Z_SYNC_FLUSH };
    return inflateRawSync(deflated.subarray(0, read), cutShort).subarray(0, bytes);
  } catch {
    return Buffer.alloc(0);
  }
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
