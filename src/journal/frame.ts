// One frame: encoding, parsing, and its way to and from a journal record. The byte layout is in `format.ts`. No IO.
import { crc32 } from 'node:zlib';
import type { Event } from '../core/event.ts';
import { type JournalRecord, type Severity, type Stream, type Subject, severities, streams } from '../core/record.ts';
import { frameHeadBytes, maxFrameBytes, readSeq, writeSeq } from './format.ts';
import { parseEvent } from './former-events.ts';

const kindCodes = { event: 1, output: 2 } as const;
const flagContinues = 1;
const flagUnterminated = 2;
const flagSubject = 4;

/** What a frame says, apart from its payload. */
export type FrameFields = {
  readonly kind: 'event' | 'output';
  readonly stream: Stream | undefined;
  readonly severity: Severity | undefined;
  readonly continues: boolean;
  readonly unterminated: boolean;
  readonly lineCount: number;
  readonly seq: number;
  readonly timeNs: bigint;
  readonly subject: Subject | undefined;
};

export type Frame = Omit<FrameFields, 'kind'> & {
  /** `unknown` was added by a later minor version: it takes sequence numbers and is skipped. */
  readonly kind: 'event' | 'output' | 'unknown';
  readonly payload: Buffer;
  /** Size of the whole frame: the next one begins so many bytes later. */
  readonly bytes: number;
};

export type ParsedFrame = { readonly kind: 'frame'; readonly frame: Frame } | NoFrame;

export type NoFrame =
  /** The bytes end before the frame does; `needs` is how many it takes from its start, as far as is known. */
  { readonly kind: 'incomplete'; readonly needs: number } | { readonly kind: 'corrupt'; readonly reason: string };

/** How many bytes a frame takes. */
export function frameBytes(fields: FrameFields, payloadBytes: number): number {
  return frameHeadBytes + (fields.subject === undefined ? 0 : Buffer.byteLength(fields.subject.step)) + payloadBytes;
}

/** Head and step id of a frame, with the checksum over them and the payload; the payload follows as it is. */
export function encodeFrameHead(fields: FrameFields, payload: Buffer, seed: number): Buffer {
  const { subject } = fields;
  const stepBytes = subject === undefined ? 0 : Buffer.byteLength(subject.step);
  const head = Buffer.allocUnsafe(frameHeadBytes + stepBytes);
  head.writeUInt32LE(head.length + payload.length, 4);
  head[8] = kindCodes[fields.kind];
  head[9] = fields.stream === undefined ? 0 : streams.indexOf(fields.stream) + 1;
  head[10] = fields.severity === undefined ? 0 : severities.indexOf(fields.severity) + 1;
  head[11] =
    (fields.continues ? flagContinues : 0) |
    (fields.unterminated ? flagUnterminated : 0) |
    (subject === undefined ? 0 : flagSubject);
  head.writeUInt32LE(fields.lineCount, 12);
  writeSeq(head, fields.seq, 16);
  head.writeBigUInt64LE(fields.timeNs, 24);
  head.writeUInt32LE(subject?.attempt ?? 0, 32);
  head.writeUInt16LE(stepBytes, 36);
  head.writeUInt16LE(0, 38);
  if (subject !== undefined) head.write(subject.step, frameHeadBytes, 'utf8');
  head.writeUInt32LE(crc32(payload, crc32(head.subarray(4), seed)), 0);
  return head;
}

/**
 * Reads the frame that starts at `at`. Never throws, whatever the bytes are.
 * The payload is a view on `bytes`, not a copy.
 * @param seed from `frameSeed`, of the segment that the bytes come from
 */
export function parseFrame(bytes: Buffer, at: number, seed: number): ParsedFrame {
  const available = bytes.length - at;
  if (available < 8) return { kind: 'incomplete', needs: frameHeadBytes };
  const length = bytes.readUInt32LE(at + 4);
  if (length < frameHeadBytes || length > maxFrameBytes) {
    return { kind: 'corrupt', reason: `a frame of ${length} bytes cannot be` };
  }
  if (available < length) return { kind: 'incomplete', needs: length };
  if (crc32(bytes.subarray(at + 4, at + length), seed) !== bytes.readUInt32LE(at)) {
    return { kind: 'corrupt', reason: 'the checksum of the frame does not match' };
  }
  const kindCode = bytes.readUInt8(at + 8);
  const streamCode = bytes.readUInt8(at + 9);
  const severityCode = bytes.readUInt8(at + 10);
  const flags = bytes.readUInt8(at + 11);
  const lineCount = bytes.readUInt32LE(at + 12);
  const seq = readSeq(bytes, at + 16);
  const payloadAt = at + frameHeadBytes + bytes.readUInt16LE(at + 36);
  const kind = kindCode === kindCodes.event ? 'event' : kindCode === kindCodes.output ? 'output' : 'unknown';
  const stream = streams[streamCode - 1];
  // From here on the bytes are what somebody wrote; fields that cannot be mean a writer with a defect.
  if (seq === undefined || lineCount === 0 || payloadAt > at + length || (kind === 'output' && stream === undefined)) {
    return { kind: 'corrupt', reason: 'the fields of the frame contradict each other' };
  }
  const subject =
    (flags & flagSubject) === 0
      ? undefined
      : { step: bytes.toString('utf8', at + frameHeadBytes, payloadAt), attempt: bytes.readUInt32LE(at + 32) };
  return {
    kind: 'frame',
    frame: {
      kind,
      stream,
      severity: severities[severityCode - 1],
      continues: (flags & flagContinues) !== 0,
      unterminated: (flags & flagUnterminated) !== 0,
      lineCount,
      seq,
      timeNs: bytes.readBigUInt64LE(at + 24),
      subject,
      payload: bytes.subarray(payloadAt, at + length),
      bytes: length,
    },
  };
}

/**
 * Size and lines of the output frame with the number `seq` at `at`, by its head alone: its checksum is not compared, so the rest of it
 * does not have to be read. Undefined for any other frame, and for bytes that are not a head.
 */
export function outputHeadAt(
  bytes: Buffer,
  at: number,
  seq: number,
): { readonly bytes: number; readonly lineCount: number } | undefined {
  if (bytes[at + 8] !== kindCodes.output || bytes.length - at < frameHeadBytes) return undefined;
  const length = bytes.readUInt32LE(at + 4);
  const lineCount = bytes.readUInt32LE(at + 12);
  const isPossible = length >= frameHeadBytes && length <= maxFrameBytes && lineCount > 0;
  return isPossible && readSeq(bytes, at + 16) === seq ? { bytes: length, lineCount } : undefined;
}

/** The whole frames from `at` on, in order. Returns what comes behind them: bytes that are not a frame, or not a whole one. */
export function* framesIn(bytes: Buffer, at: number, seed: number): Generator<Frame, NoFrame> {
  for (let offset = at; ; ) {
    const parsed = parseFrame(bytes, offset, seed);
    if (parsed.kind !== 'frame') return parsed;
    offset += parsed.frame.bytes;
    yield parsed.frame;
  }
}

/** A frame behind damage has a number this much above the one before at most: a power cut takes 100 ms of lines. */
const maxLead = 2 ** 32;

/**
 * Where the next frame begins behind `bytes[0]`, at which there is a damaged one that would have had the number `seq`. Undefined if
 * there is none: then the bytes are the torn end of a segment, or what is still being written.
 */
export function findFrame(bytes: Buffer, seed: number, seq: number): number | undefined {
  // Mostly the payload is damaged, and the head still says where the next frame begins.
  const next = bytes.length < frameHeadBytes ? 0 : bytes.readUInt32LE(4);
  if (next >= frameHeadBytes && beginsFrame(bytes, next, seed, seq)) return next;
  for (let at = 1; at + frameHeadBytes <= bytes.length; at++) if (beginsFrame(bytes, at, seed, seq)) return at;
  return undefined;
}

/** The number has to be a later one: what a step prints can be an older part of this very journal. */
function beginsFrame(bytes: Buffer, at: number, seed: number, seq: number): boolean {
  if (at + frameHeadBytes > bytes.length) return false;
  // These few bytes rule out nearly every place before a checksum is computed.
  const length = bytes.readUInt32LE(at + 4);
  if (length < frameHeadBytes || length > bytes.length - at) return false;
  const found = readSeq(bytes, at + 16);
  if (found === undefined || found <= seq || found - seq > maxLead) return false;
  return parseFrame(bytes, at, seed).kind === 'frame';
}

/**
 * The record that a frame holds, cut to begin at sequence number `from` where that lies inside it.
 * Undefined for a kind that this version does not know, and for an event that is not JSON.
 */
export function recordOf(frame: Frame, from = frame.seq): JournalRecord | undefined {
  const { seq, timeNs, subject } = frame;
  if (frame.kind === 'event') {
    const event = eventIn(frame.payload);
    return event && { kind: 'event', seq, timeNs, subject, event };
  }
  if (frame.kind === 'unknown' || frame.stream === undefined) return undefined;
  const skipped = Math.min(Math.max(from - seq, 0), frame.lineCount - 1);
  return {
    kind: 'output',
    seq: seq + skipped,
    timeNs: timeNs + BigInt(skipped),
    subject,
    stream: frame.stream,
    severity: frame.severity,
    lineCount: frame.lineCount - skipped,
    bytes: skipped === 0 ? frame.payload : frame.payload.subarray(offsetOfLine(frame.payload, skipped)),
    continues: skipped === 0 && frame.continues,
    unterminated: frame.unterminated,
  };
}

function eventIn(payload: Buffer): Event | undefined {
  try {
    return parseEvent(payload);
  } catch {
    return undefined;
  }
}

function offsetOfLine(bytes: Buffer, line: number): number {
  let at = 0;
  for (let index = 0; index < line; index++) {
    const newline = bytes.indexOf(0x0a, at);
    if (newline === -1) return bytes.length;
    at = newline + 1;
  }
  return at;
}
