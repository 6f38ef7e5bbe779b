// Cuts a long text to its head and its tail, at line ends where possible and never inside a character. Used wherever an
// output is bounded. Pure.

export type TextSize = {
  readonly bytes: number;
  /** Line ends in it. */
  readonly lines: number;
};

/** Of a text that is not in memory as a whole: its beginning, its end, and its size. The two may overlap. */
export type TextEnds = { readonly head: Buffer; readonly tail: Buffer; readonly size: TextSize };

export type CutText = { readonly text: string; readonly headBytes: number; readonly tailBytes: number };

/** Room for the marker and the line ends around it. */
const markerBytes = 512;

/** The share of the head. A failure shows at the end, what was asked for at the beginning. */
const headShare = 1 / 3;

const LF = 0x0a;

export function sizeOf(text: Buffer): TextSize {
  let lines = 0;
  for (let at = text.indexOf(LF); at !== -1; at = text.indexOf(LF, at + 1)) lines += 1;
  return { bytes: text.length, lines };
}

/**
 * Head, marker and tail in at most `maxBytes` bytes.
 * @param marker makes the line in the place of what was left out
 */
export function cutMiddle(
  { head, tail, size }: TextEnds,
  maxBytes: number,
  marker: (leftOut: TextSize) => string,
): CutText {
  const room = Math.max(maxBytes - markerBytes, 0);
  const headRoom = Math.floor(room * headShare);
  const before = head.subarray(0, endOfHead(head, Math.min(headRoom, head.length)));
  const after = tail.subarray(startOfTail(tail, Math.max(tail.length - (room - headRoom), 0)));
  const leftOut = {
    bytes: size.bytes - before.length - after.length,
    lines: size.lines - sizeOf(before).lines - sizeOf(after).lines,
  };
  const separator = before.length === 0 || before[before.length - 1] === LF ? '' : '\n';
  const text = `${before.toString('utf8')}${separator}${marker(leftOut)}\n${after.toString('utf8')}`;
  return { text, headBytes: before.length, tailBytes: after.length };
}

/** Behind the last line end of the first `limit` bytes, if that keeps at least half of them; else behind a character. */
function endOfHead(head: Buffer, limit: number): number {
  const lineEnd = limit === 0 ? -1 : head.lastIndexOf(LF, limit - 1);
  return lineEnd >= limit / 2 ? lineEnd + 1 : characterEnd(head, limit);
}

/** Behind the first line end from `from` on, if that keeps at least half of the rest; else where a character starts. */
function startOfTail(tail: Buffer, from: number): number {
  if (from === 0 || tail[from - 1] === LF) return from;
  const lineEnd = tail.indexOf(LF, from);
  return lineEnd !== -1 && lineEnd - from < (tail.length - from) / 2 ? lineEnd + 1 : characterStart(tail, from);
}

/** The last place up to `end` at which no character of UTF-8 is open. */
export function characterEnd(text: Buffer, end: number): number {
  for (let at = end - 1; at >= 0 && at > end - 4; at -= 1) {
    const byte = text[at] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return at + length > end ? at : end;
  }
  return end;
}

/** The first place from `start` on at which a character of UTF-8 can begin. */
export function characterStart(text: Buffer, start: number): number {
  for (let at = start; at < text.length && at < start + 4; at += 1) if (((text[at] ?? 0) & 0xc0) !== 0x80) return at;
  return start;
}
