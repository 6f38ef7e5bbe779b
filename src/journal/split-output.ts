// Splits output that is larger than one frame may be. Pure; knows lines, not frames.

import type { OutputDraft } from '../core/record.ts';
import { countLineEnds } from '../text/line-ends.ts';

/**
 * The draft in parts of at most `maxBytes`, cut behind line ends. A single longer line is cut inside, between UTF-8
 * characters where it is UTF-8: such a part is `unterminated`, the next one `continues`, and each counts as a line.
 */
export function* splitOutput(draft: OutputDraft, maxBytes: number): Generator<OutputDraft> {
  const { bytes } = draft;
  let start = 0;
  let continues = draft.continues ?? false;
  while (bytes.length - start > maxBytes) {
    const newline = bytes.lastIndexOf(0x0a, start + maxBytes - 1);
    const cutsLine = newline < start;
    const end = cutsLine ? start + wholeCharacters(bytes, start, maxBytes) : newline + 1;
    const part = bytes.subarray(start, end);
    yield { ...draft, bytes: part, lineCount: cutsLine ? 1 : countLineEnds(part), continues, unterminated: cutsLine };
    continues = cutsLine;
    start = end;
  }
  const rest = bytes.subarray(start);
  const lineCount = countLineEnds(rest) + (draft.unterminated ? 1 : 0);
  yield { ...draft, bytes: rest, lineCount: Math.max(lineCount, 1), continues };
}

/** A UTF-8 character has at most three continuation bytes (10xxxxxx); more of them means that it is not UTF-8. */
function wholeCharacters(bytes: Buffer, start: number, maxBytes: number): number {
  for (let back = 0; back < 4 && back < maxBytes; back++) {
    if ((bytes.readUInt8(start + maxBytes - back) & 0xc0) !== 0x80) return maxBytes - back;
  }
  return maxBytes;
}
