// Secrets that may have begun just before the end of a text and go on in the next one. Decides what is worth waiting
// for; for how long is the caller's.
import type { Source } from './kinds.ts';
import { endOf, MIN_BREAKABLE_BYTES, matchedBytes, type Needle, STILL_OPEN } from './literals.ts';
import type { Rule } from './rule.ts';
import { at, OUTSIDE, skipBreak, type View } from './view.ts';

/**
 * A complete line is only held back when it ends in at least this much of a secret's beginning: with fewer, every
 * line that ends in the first letter of some secret would wait. So that much can be seen of a broken secret.
 */
const MIN_HELD_PREFIX_BYTES = 4;

/** At the end of everything, half of a secret is hidden as one; less could be the usual start of an address. */
const MIN_HALF_BYTES = 8;

/** Breaks may make a secret in the text longer than it is, but not more than twice. */
const MAX_STRETCH = 2;

const LF = 0x0a;

/** `start` is where it began. With a `source` enough of it is there to hide it; otherwise it has to be waited for. */
export type OpenEnd = { readonly start: number; readonly source: Source | undefined };

/** @returns the open ends of a view; of those to be waited for only the earliest */
export function createOpenEnds(
  needles: readonly Needle[],
  rules: readonly Rule[],
): (view: View, closing: boolean) => readonly OpenEnd[] {
  const byTwoBytes = new Map<number, Needle[]>();
  const begins = new Uint8Array(0x10000);
  const firstBytes = new Uint8Array(256);
  let longest = 0;
  for (const needle of needles) {
    const first = needle.bytes[0] ?? 0;
    const key = (first << 8) | (needle.bytes[1] ?? 0);
    begins[key] = 1;
    firstBytes[first] = 1;
    const same = byTwoBytes.get(key);
    if (same === undefined) byTwoBytes.set(key, [needle]);
    else same.push(needle);
    longest = Math.max(longest, needle.bytes.length);
  }
  const openings = new Set(rules.flatMap((rule) => rule.openings));

  return (view, closing) => {
    const { bytes } = view;
    const size = bytes.length;
    if (size === 0) return [];
    const ends: OpenEnd[] = [];
    const endsLine = bytes[size - 1] === LF;
    const opening = endsLine || view.ended ? undefined : openingAtEnd(bytes, openings);
    const earliest = Math.max(-view.lead.length, size - longest * MAX_STRETCH);
    for (let start = earliest; start < size; start++) {
      const first = at(view, start);
      if (firstBytes[first] !== 1) continue;
      let second = at(view, start + 1);
      if (second === LF || second === 0x0d || second === 0x5c) {
        const behind = skipBreak(view, start + 1, OUTSIDE);
        if (behind > start + 1) second = behind < size ? at(view, behind) : OUTSIDE;
      }
      if (second === OUTSIDE) {
        // One byte that could be a beginning: worth a wait only inside of a line, which is not complete anyway.
        if (!endsLine && !view.ended) ends.push({ start, source: undefined });
      } else if (begins[(first << 8) | second] === 1) {
        for (const needle of byTwoBytes.get((first << 8) | second) ?? []) {
          const open = openEnd(view, needle, start, endsLine, closing);
          if (open !== undefined) ends.push(open);
        }
      }
      if (ends.length > 0 && !closing) break;
    }
    if (opening !== undefined) ends.push({ start: opening, source: undefined });
    return ends;
  };
}

function openEnd(view: View, needle: Needle, start: number, endsLine: boolean, closing: boolean): OpenEnd | undefined {
  if (endOf(view, needle, 0, start) !== STILL_OPEN) return undefined;
  const matched = matchedBytes(view, needle, start);
  if (closing) {
    const isHalf = matched >= MIN_HALF_BYTES && matched * 2 >= needle.bytes.length;
    return { start, source: isHalf ? needle.source : undefined };
  }
  const worthIt = !endsLine || (matched >= MIN_HELD_PREFIX_BYTES && needle.bytes.length >= MIN_BREAKABLE_BYTES);
  return worthIt ? { start, source: undefined } : undefined;
}

/** Where a proper beginning of an opening stands at the very end of the text. */
function openingAtEnd(bytes: Uint8Array, openings: ReadonlySet<string>): number | undefined {
  let earliest: number | undefined;
  for (const opening of openings) {
    for (let length = Math.min(opening.length - 1, bytes.length); length > 0; length--) {
      let i = 0;
      while (i < length && bytes[bytes.length - length + i] === opening.charCodeAt(i)) i++;
      if (i === length) {
        earliest = Math.min(earliest ?? bytes.length, bytes.length - length);
        break;
      }
    }
  }
  return earliest;
}
