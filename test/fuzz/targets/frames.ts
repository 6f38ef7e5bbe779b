// The frame and segment readers of the journal: any bytes are a whole frame with its checksum, incomplete, or corrupt.
import { encodeSegmentHeader, frameSeed, parseSegmentHeader, segmentHeaderBytes } from '../../../src/journal/format.ts';
import { encodeFrameHead, type FrameFields, parseFrame, recordOf } from '../../../src/journal/frame.ts';
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
  ],
  words: [header, frame({}, '\n'), '{"type":"run.finished"}'],
  run(input) {
    const parsed = parseSegmentHeader(input.subarray(0, segmentHeaderBytes));
    must(typeof parsed.kind === 'string', 'a header is one of the known kinds');
    for (let at = 0; at < input.length; ) {
      const found = parseFrame(input, at, seed);
      if (found.kind !== 'frame') {
        if (found.kind === 'incomplete')
          must(found.needs > input.length - at, 'what is incomplete needs more than there is');
        at++;
        continue;
      }
      must(found.frame.seq >= 0 && Number.isSafeInteger(found.frame.seq), 'a number is a number');
      recordOf(found.frame);
      at++;
    }
  },
};
