// Finds known secret values in a text: each form of each secret, also broken by line ends. Pure. Called by the matcher at
// the places that the scan for anchors has found.
import type { Source } from './kinds.ts';
import { type Anchored, LONG_ANCHOR, SHORT_ANCHOR } from './skip-scan.ts';
import { at, endsEscapedBreak, OUTSIDE, skipBreak, skipBreakBack, startsEscapedBreak, type View } from './view.ts';

/** One form of one secret. `bytes` has no line ends. */
export type Needle = { readonly bytes: Uint8Array; readonly source: Source };

const BACKSLASH = 0x5c;

/** A place in a needle that is looked for in the text. */
export type NeedleAnchor = { readonly needle: Needle; readonly offset: number };

/**
 * Shorter needles are only found in one piece: broken ones would be found by chance, as the digits of a PIN at the end of
 * one line and the start of the next.
 */
export const MIN_BREAKABLE_BYTES = 8;

const NOT_HERE = Number.NEGATIVE_INFINITY;
/** The text ends inside of the needle: the next text decides. */
export const STILL_OPEN = Number.POSITIVE_INFINITY;

/**
 * Two neighbouring parts of each needle. If two line breaks are at least as far apart as both parts are long (16 bytes; 8
 * for a secret below 16 bytes), only one of the parts can be broken, and the other one leads to the secret.
 */
export function anchorsOf(needle: Needle): readonly Anchored<NeedleAnchor>[] {
  const { bytes } = needle;
  const length = bytes.length >= 2 * LONG_ANCHOR ? LONG_ANCHOR : SHORT_ANCHOR;
  const offsets = bytes.length >= 2 * length ? [0, length] : [0];
  return offsets.map((offset) => ({ bytes: bytes.subarray(offset, offset + length), target: { needle, offset } }));
}

/** From its first byte to behind its last one, given that the part of the needle at `offset` begins at `index`. */
export function locateNeedle(
  view: View,
  { needle, offset }: NeedleAnchor,
  index: number,
): { readonly start: number; readonly end: number } | undefined {
  const end = endOf(view, needle, offset, index);
  if (end === NOT_HERE || end === STILL_OPEN) return undefined;
  const start = startOf(view, needle, offset, index);
  return start === NOT_HERE ? undefined : { start, end };
}

/** Where a needle whose part at `offset` begins at `index` ends: behind its last byte, `STILL_OPEN`, or `NOT_HERE`. */
export function endOf(view: View, needle: Needle, offset: number, index: number): number {
  const { bytes } = needle;
  const text = view.bytes;
  const breakable = bytes.length >= MIN_BREAKABLE_BYTES;
  let i = index;
  for (let n = offset; n < bytes.length; n++) {
    // The usual case without a call; the rest is for line breaks, and for what lies outside of the text.
    while (n < bytes.length && text[i] === bytes[n] && bytes[n] !== BACKSLASH) {
      i++;
      n++;
    }
    if (n === bytes.length) return i;
    const wanted = bytes[n] ?? OUTSIDE;
    const byte = at(view, i);
    // A break is always inside of a needle: a backslash that is its last byte belongs to it, whatever letter follows.
    const isInside = n > 0 && n + 1 < bytes.length;
    if (byte === wanted && !(breakable && byte === BACKSLASH && isInside && isBreakNotText(view, i, bytes[n + 1]))) {
      i++;
      continue;
    }
    if (breakable && n > 0) {
      const behind = skipBreak(view, i, wanted);
      if (behind !== i && at(view, behind) === wanted) {
        i = behind + 1;
        continue;
      }
      i = behind;
    }
    return i >= view.bytes.length ? STILL_OPEN : NOT_HERE;
  }
  return i;
}

/** How many bytes of a needle the text has before it ends, for one that is `STILL_OPEN` at `index`. */
export function matchedBytes(view: View, needle: Needle, index: number): number {
  let n = 0;
  let i = index;
  while (i < view.bytes.length && n < needle.bytes.length) {
    const wanted = needle.bytes[n] ?? OUTSIDE;
    const behind = at(view, i) === wanted ? i : skipBreak(view, i, wanted);
    if (at(view, behind) !== wanted) break;
    i = behind + 1;
    n++;
  }
  return n;
}

/** Where the needle begins, read back from its part at `offset`, which is at `index`. */
function startOf(view: View, needle: Needle, offset: number, index: number): number {
  const { bytes } = needle;
  let i = index - 1;
  for (let n = offset - 1; n >= 0; n--) {
    const wanted = bytes[n] ?? OUTSIDE;
    const escaped = n > 0 && endsEscapedBreak(view, i) && bytes[n - 1] !== BACKSLASH;
    if (at(view, i) !== wanted || escaped) {
      const before = skipBreakBack(view, i);
      if (before === i || at(view, before) !== wanted) return NOT_HERE;
      i = before;
    }
    i--;
  }
  return i + 1;
}

/** A backslash of the text that begins an escaped line end, while the needle continues with another letter. */
function isBreakNotText(view: View, index: number, next: number | undefined): boolean {
  return startsEscapedBreak(view, index) && at(view, index + 1) !== next;
}
