// What a rule for a well-known format is, and the parts that rules are made of. Used by the files with the rules themselves.
import type { RedactionKind } from './kinds.ts';
import { at, OUTSIDE, type View } from './view.ts';

/**
 * What a rule has found at one place.
 * - `from`: where it must start to read again when the text continues.
 * - `start` to `end`: hidden for certain; nothing if both are equal.
 * - `undecided`: from here on only more text can decide; `undefined` if everything is decided.
 * - `secretFrom`: where the secret itself would begin, if the text before it only names it; absent: at `undecided`.
 * - `more`: the text that follows may still belong to it, but what is undecided does not have to wait for that.
 */
export type Sighting = {
  readonly from: number;
  readonly start: number;
  readonly end: number;
  readonly undecided: number | undefined;
  readonly secretFrom?: number;
  readonly more: boolean;
  /** The rule has read up to here and is not called for openings before it, so that no byte is read often. */
  readonly readTo: number;
};

export type Rule = {
  readonly kind: RedactionKind;
  /** How it begins, as latin1 text. The part that is looked for is 4 bytes of it, or all 3. */
  readonly openings: readonly string[];
  /** Where in the openings that part is; 0 when absent. */
  readonly anchorOffset?: number;
  /**
   * Reads the text at `index`, where an opening starts of which one part was found. Looks at a bounded number of bytes,
   * and at most `LEAD_BYTES` back.
   */
  readonly read: (view: View, index: number) => Sighting | undefined;
};

/** No token of any service is longer: a signed one (JWT) with many claims has about 2 KiB. */
export const MAX_TOKEN_BYTES = 4096;

export type ByteSet = Uint8Array;

/** The set of the bytes that match a character class, as `byteSet(/[a-z]/)`. */
export function byteSet(chars: RegExp): ByteSet {
  return Uint8Array.from({ length: 256 }, (_, byte) => (byte < 128 && chars.test(String.fromCharCode(byte)) ? 1 : 0));
}

export function isIn(set: ByteSet, byte: number): boolean {
  return byte !== OUTSIDE && set[byte] === 1;
}

export const digits = byteSet(/[0-9]/);
export const letters = byteSet(/[A-Za-z]/);
export const alphanumerics = byteSet(/[A-Za-z0-9]/);
export const words = byteSet(/[A-Za-z0-9_-]/);
export const base64 = byteSet(/[A-Za-z0-9+/]/);
const hexDigits = byteSet(/[A-Fa-f0-9]/);
const escapeLetters = byteSet(/[bfnrt]/);
const colourParts = byteSet(/[0-9;]/);

/** Behind the run of bytes of `set` that starts at `index`, at most `limit` bytes further. */
export function behindRun(view: View, index: number, set: ByteSet, limit: number): number {
  let i = index;
  while (i - index < limit && isIn(set, at(view, i))) i++;
  return i;
}

/** Whether any byte from `start` to `end` is of `set`. */
export function holds(view: View, start: number, end: number, set: ByteSet): boolean {
  for (let i = start; i < end; i++) if (isIn(set, at(view, i))) return true;
  return false;
}

/** Whether the text stops at `index` and may continue. */
export function stopsAt(view: View, index: number): boolean {
  return index >= view.bytes.length && !view.ended;
}

/** Nothing is certain yet: everything from `from` waits for more text. @param secretFrom see `Sighting` */
export function undecidedFrom(from: number, secretFrom = from): Sighting {
  const readTo = Number.POSITIVE_INFINITY;
  return { from, start: from, end: from, undecided: from, secretFrom, more: false, readTo };
}

/** Hidden from `start` to `end`, completely. */
export function hiddenBetween(start: number, end: number): Sighting {
  return { from: start, start, end, undecided: undefined, more: false, readTo: end };
}

/** Nothing here, nor at a later opening of the same rule before `readTo`. */
export function nothingUpTo(readTo: number): Sighting {
  return { from: readTo, start: readTo, end: readTo, undecided: undefined, more: false, readTo };
}

/**
 * Whether a word may start at `index`: nothing, a mark or a blank is before it. A letter there does not count if it ends an
 * escape, as in `\nsk-` (JSON), `%3Dsk-` (URL), `\u0022sk-` or `ESC[31msk-` (colour).
 */
export function startsWord(view: View, index: number): boolean {
  const before = at(view, index - 1);
  if (!isIn(words, before)) return true;
  if (isIn(escapeLetters, before) && at(view, index - 2) === 0x5c) return true;
  const hexBefore = isIn(hexDigits, before) && isIn(hexDigits, at(view, index - 2));
  if (hexBefore && at(view, index - 3) === 0x25) return true;
  if (hexBefore && at(view, index - 5) === 0x75 && at(view, index - 6) === 0x5c) return true;
  return before === 0x6d && endsColour(view, index - 1);
}

/** Whether the `m` at `index` ends an SGR sequence; its ESC may be a byte or an escape such as `\u001b` or `\x1b`. */
function endsColour(view: View, index: number): boolean {
  let i = index - 1;
  while (index - i < 24 && isIn(colourParts, at(view, i))) i--;
  if (at(view, i) !== 0x5b) return false;
  const before = at(view, i - 1);
  return before === 0x1b || before === 0x62 || before === 0x42 || before === 0x33 || before === 0x65;
}
