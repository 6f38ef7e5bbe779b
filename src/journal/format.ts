// The design page of the journal's files: what a segment and a frame look like, byte by byte, and why.
// It owns the constants and the segment header; `frame.ts` owns the frame. No IO. All numbers are little-endian.
//
// One journal is one run: `journal/<first seq, 20 digits>.seg`, one file after the other, never written twice.
//
//   segment header, 64 bytes                         frame head, 40 bytes, then step id, then payload
//   at  size  what                                   at  size  what
//    0   8    magic "STEPSPAN"                        0   4    CRC-32 of bytes 4..length, seeded by the segment
//    8   2    format major                            4   4    length of the whole frame, head included
//   10   2    format minor                            8   1    kind: 1 event, 2 output
//   12   4    header bytes (frames begin there)       9   1    stream: 0 none, 1 stdout, 2 stderr, 3 system, 4 debug
//   16   8    first sequence number                  10   1    severity: 0 not set, 1 debug, 2 info, 3 warning, 4 error
//   24   8    time of creation (Unix ns)             11   1    flags: 1 continues, 2 unterminated, 4 has a subject
//   32  24    run id, ASCII, padded with NUL         12   4    line count; the frame takes as many sequence numbers
//   56   4    reserved, 0                            16   8    sequence number (of the first line)
//   60   4    CRC-32 of bytes 0..59                  24   8    time (Unix ns) of the first line; line i has time + i
//                                                    32   4    attempt; 36  2  bytes of the step id; 38  2  reserved, 0
//                                                    40   -    step id (UTF-8), then the payload
//
// Payload of an output frame: the lines as they were read, raw. Payload of an event frame: one JSON object.
//
// Why so:
// - CRC-32 (IEEE) by zlib.crc32 and not CRC32C: Node has it built in at 2.4-4 GB/s, it needs no native package, and it
//   detects every burst of up to 32 bits and all but 2^-32 of the rest, as CRC32C does at these sizes.
// - The CRC is seeded by run id and first seq, so a frame of another file (stale disk blocks, a child that prints a
//   journal) does not check out. It covers the length, so a damaged length is found too.
// - After damage, reading continues where the damaged head says that the next frame begins, or else at the next bytes that are one:
//   its checksum has the seed of the segment and its number is a later one. So text that looks like a frame is not taken for one,
//   also if it is an older part of this journal that a step printed. What has no frame behind it is a torn tail, and is cut.
// - Major rises when an older reader would misread; it refuses such a file. Minor rises for additions (a longer header,
//   new kinds, new flags), which an older reader skips, and when events or their fields get other names.
//
// Versions: 1.0 was the first. 1.1 renamed events and fields (`former-events.ts`). 1.2 archives segments in zstd, as `.seg.zst`
// (archive-member.ts), where 1.0 and 1.1 have gzip, as `.seg.gz`. Journals of each of them are read as before.
import { crc32 } from 'node:zlib';

export const formatMajor = 1;
export const formatMinor = 2;

export const segmentHeaderBytes = 64;
export const frameHeadBytes = 40;

/**
 * No frame is larger. It bounds what a reader must hold at once and what a damaged length can make it wait for.
 * 16 MiB is 4 times the largest OTLP request that Claude Code was seen to send; an event above it is counted as lost.
 */
export const maxFrameBytes = 16 * 1024 * 1024;

/**
 * Output above it is split over frames. 1 MiB is 16 full pipes (64 KiB) and the raw size of an archive member, so that
 * a frame and a member stay within what one read brings in.
 */
export const maxOutputPayloadBytes = 1024 * 1024;

/** A later minor version may lengthen the header; beyond one page the length field itself is taken for damaged. */
const maxSegmentHeaderBytes = 4096;

const magic = Buffer.from('STEPSPAN', 'latin1');
const runIdBytes = 24;
const crcAt = 60;

export type SegmentHeader = {
  readonly major: number;
  readonly minor: number;
  /** Offset of the first frame. */
  readonly headerBytes: number;
  readonly firstSeq: number;
  readonly createdNs: bigint;
  readonly runId: string;
};

export type ParsedHeader =
  | { readonly kind: 'header'; readonly header: SegmentHeader }
  /** There are not yet enough bytes. */
  | { readonly kind: 'incomplete' }
  /** Written by a later major version; must not be read. */
  | { readonly kind: 'newer'; readonly major: number; readonly minor: number }
  | { readonly kind: 'corrupt'; readonly reason: string };

export function encodeSegmentHeader(runId: string, firstSeq: number, createdNs: bigint): Buffer {
  const bytes = Buffer.alloc(segmentHeaderBytes);
  magic.copy(bytes, 0);
  bytes.writeUInt16LE(formatMajor, 8);
  bytes.writeUInt16LE(formatMinor, 10);
  bytes.writeUInt32LE(segmentHeaderBytes, 12);
  writeSeq(bytes, firstSeq, 16);
  bytes.writeBigUInt64LE(createdNs, 24);
  bytes.write(runId, 32, runIdBytes, 'latin1');
  bytes.writeUInt32LE(crc32(bytes.subarray(0, crcAt)), crcAt);
  return bytes;
}

/** Reads a segment header. The version is looked at before the checksum: a later major may have another layout. */
export function parseSegmentHeader(bytes: Buffer): ParsedHeader {
  if (bytes.length < segmentHeaderBytes) return { kind: 'incomplete' };
  if (!bytes.subarray(0, magic.length).equals(magic)) return { kind: 'corrupt', reason: 'it has no journal header' };
  const major = bytes.readUInt16LE(8);
  const minor = bytes.readUInt16LE(10);
  if (major > formatMajor) return { kind: 'newer', major, minor };
  const headerBytes = bytes.readUInt32LE(12);
  const firstSeq = readSeq(bytes, 16);
  if (
    crc32(bytes.subarray(0, crcAt)) !== bytes.readUInt32LE(crcAt) ||
    headerBytes < segmentHeaderBytes ||
    headerBytes > maxSegmentHeaderBytes ||
    firstSeq === undefined
  ) {
    return { kind: 'corrupt', reason: 'the checksum of its header does not match' };
  }
  const runId = bytes.toString('latin1', 32, 32 + runIdBytes).replace(/\0+$/, '');
  return {
    kind: 'header',
    header: { major, minor, headerBytes, firstSeq, createdNs: bytes.readBigUInt64LE(24), runId },
  };
}

/** The header that a file of this name would have: lets frames be read below a header that is damaged. */
export function assumedHeader(runId: string, firstSeq: number): SegmentHeader {
  return { major: formatMajor, minor: formatMinor, headerBytes: segmentHeaderBytes, firstSeq, createdNs: 0n, runId };
}

/** What the CRC of every frame of a segment starts from. */
export function frameSeed(header: { readonly runId: string; readonly firstSeq: number }): number {
  return crc32(`${header.runId}/${header.firstSeq}`);
}

/** Sequence numbers are stored in 64 bits and used as JavaScript integers (2^53 lines are 285 years of 1 million/s). */
export function writeSeq(bytes: Buffer, seq: number, at: number): void {
  bytes.writeUInt32LE(seq % 0x1_0000_0000, at);
  bytes.writeUInt32LE(Math.floor(seq / 0x1_0000_0000), at + 4);
}

/** The number at `at`, or undefined if it is not a safe integer and so was not written by us. */
export function readSeq(bytes: Buffer, at: number): number | undefined {
  const seq = bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * 0x1_0000_0000;
  return Number.isSafeInteger(seq) ? seq : undefined;
}
