// The frame and segment readers of the journal: any bytes are a whole frame with its checksum, incomplete, or corrupt. Bytes that
// were mutated fail their checksum, so it is corrected as well: a writer with a defect could have written the rest.
import { crc32 } from 'node:zlib';
import {
  encodeSegmentHeader,
  frameHeadBytes,
  frameSeed,
  parseSegmentHeader,
  segmentHeaderBytes,
} from '../../../src/journal/format.ts';
import {
  encodeFrameHead,
  type Frame,
  type FrameFields,
  findFrame,
  parseFrame,
  recordOf,
} from '../../../src/journal/frame.ts';
import { type FuzzTarget, must } from '../target.ts';

const runId = '20260101-000000-aaaaaa';
const header = encodeSegmentHeader(runId, 0, 1n);
const seed = frameSeed({ runId, firstSeq: 0 });

function frame(fields: Partial<FrameFields>, payload: string): Buffer {
  const bytes = Buffer.from(payload);
  const whole = {
    kind: 'output',
    seq: 0,
    timeNs: 1n,
    subject: { step: 'a', attempt: 1 },
    stream: 'stdout',
    severity: undefined,
    lineCount: 1,
    ...fields,
  };
  return Buffer.concat([encodeFrameHead(whole as FrameFields, bytes, seed), bytes]);
}

export const frames: FuzzTarget = {
  name: 'frames',
  seeds: [
    Buffer.concat([header, frame({}, 'hello\n')]),
    Buffer.concat([
      header,
      frame({ lineCount: 2 }, 'a\nb\n'),
      frame({ seq: 2, kind: 'event' } as Partial<FrameFields>, '{"type":"step.started"}'),
    ]),
    // The first frame is damaged, its length too, and what it printed is an older frame.
    Buffer.concat([
      header,
      damaged(frame({ seq: 1 }, `printed ${frame({}, 'older\n').toString('latin1')}\n`)),
      frame({ seq: 2 }, 'behind\n'),
    ]),
  ],
  words: [header, frame({}, '\n'), '{"type":"run.finished"}'],
  run(input) {
    const parsed = parseSegmentHeader(input.subarray(0, segmentHeaderBytes));
    if (parsed.kind === 'header')
      must(parsed.header.headerBytes >= segmentHeaderBytes, 'frames begin behind the header');
    for (let at = 0; at < input.length; at++) {
      const found = parseFrame(input, at, seed);
      if (found.kind === 'incomplete')
        must(found.needs > input.length - at, 'what is incomplete needs more than there is');
      if (found.kind === 'frame') check(found.frame);
    }
    checkResync(input.subarray(parsed.kind === 'header' ? parsed.header.headerBytes : 0));
    // Each frame by the length that it says it has, with a checksum that fits; the first may follow a header.
    const corrected = Buffer.from(input);
    const start = parsed.kind === 'header' ? parsed.header.headerBytes : 0;
    for (let at = start, step = 1; at + frameHeadBytes <= corrected.length; at += step) {
      const end = at + corrected.readUInt32LE(at + 4);
      step = 1;
      if (end <= at + checksumBytes || end > corrected.length) continue;
      const before = parseFrame(corrected, at, seed);
      const sum = crc32(corrected.subarray(at + 4, end), seed);
      must(before.kind !== 'frame' || corrected.readUInt32LE(at) === sum, 'no frame is taken with another checksum');
      corrected.writeUInt32LE(sum, at);
      const after = parseFrame(corrected, at, seed);
      must(after.kind !== 'incomplete', 'a whole frame is not incomplete');
      if (after.kind !== 'frame') continue;
      must(after.frame.bytes === end - at, 'a frame is as long as it says');
      const stepBytes = corrected.readUInt16LE(at + 36);
      must(after.frame.payload.length + frameHeadBytes + stepBytes === end - at, 'head, step and payload fill a frame');
      must(
        parseFrame(corrected.subarray(0, end - 1), at, seed).kind === 'incomplete',
        'a frame without its end is incomplete',
      );
      check(after.frame);
      step = end - at;
    }
  },
};

/** Of the checksum at the start of a frame, which it does not cover. */
const checksumBytes = 4;

function damaged(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.alloc(8, 0xff), bytes.subarray(8)]);
}

/** Behind damage, reading continues at a frame with a later number, if there is one. */
function checkResync(bytes: Buffer): void {
  const isLater = (at: number): boolean => {
    const found = parseFrame(bytes, at, seed);
    return found.kind === 'frame' && found.frame.seq > 1;
  };
  const found = findFrame(bytes, seed, 1);
  if (found !== undefined) must(found > 0 && isLater(found), 'what is found is a later frame');
  else for (let at = 1; at < bytes.length; at++) must(!isLater(at), 'a later frame behind damage is found');
}

function check(frame: Frame): void {
  must(frame.seq >= 0 && Number.isSafeInteger(frame.seq), 'a number is a number');
  must(frame.lineCount > 0, 'a frame takes at least one number');
  must(frame.payload.length + frameHeadBytes <= frame.bytes, 'the payload lies within its frame');
  must(frame.kind !== 'output' || frame.stream !== undefined, 'output is of a stream');
  const whole = recordOf(frame);
  must(whole === undefined || (whole.seq === frame.seq && whole.timeNs === frame.timeNs), 'a record is its frame');
  const late = recordOf(frame, frame.seq + 1);
  if (late?.kind !== 'output' || whole?.kind !== 'output') return;
  must(late.seq + late.lineCount === whole.seq + whole.lineCount, 'a record that is cut ends where it did');
  const cut = whole.bytes.length - late.bytes.length;
  must(whole.bytes.subarray(cut).equals(late.bytes), 'it is the end of the whole');
  must(late.seq === whole.seq || late.bytes.length === 0 || whole.bytes[cut - 1] === 0x0a, 'it begins with a line');
}
