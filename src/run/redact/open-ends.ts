// Secrets that may begin just before the end of a text and continue in the next one. Decides what is worth waiting for;
// how long is decided by the caller. Called by the matcher at the end of each text.
import { unreachable } from '../../core/unreachable.ts';
import type { Source } from './kinds.ts';
import { endOf, MIN_BREAKABLE_BYTES, matchedBytes, type Needle, STILL_OPEN } from './literals.ts';
import type { Rule } from './rule.ts';
import { at, OUTSIDE, skipBreak, type View } from './view.ts';

/**
 * A line is only held back when it ends in at least this much of a secret's beginning: otherwise every line that
 * ends in the first letter of some secret would wait. So this much of a broken secret can be seen, less one byte.
 */
const MIN_HELD_PREFIX_BYTES = 4;

/** At the end of everything, half of a secret is hidden as one; less could be the usual start of an address. */
const MIN_HALF_BYTES = 8;

/** Breaks may make a secret in the text longer than it is, but not more than twice. */
const MAX_STRETCH = 2;

const LF = 0x0a;

/** `start` is where it began. `keep`: it is shown, but needed when more text comes. */
export type OpenEnd =
  | { readonly kind: 'wait' | 'keep'; readonly start: number }
  | { readonly kind: 'hide'; readonly start: number; readonly source: Source };

/**
 * - `reading`: more text comes soon.
 * - `unfinished`: an unfinished line is released, as it may ask a person a question. Only the likely beginning of a secret
 *   still waits: a secret that is printed byte by byte stays hidden.
 * - `closing`: everything is released; half of a secret at the end counts as one.
 */
export type Examining = 'reading' | 'unfinished' | 'closing';

/** @returns the open ends of a view; of those to be waited for only the earliest */
export function createOpenEnds(
  needles: readonly Needle[],
  rules: readonly Rule[],
): (view: View, how: Examining) => readonly OpenEnd[] {
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

  return (view, how) => {
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
        if (!endsLine && !view.ended) ends.push({ kind: how === 'reading' ? 'wait' : 'keep', start });
      } else if (begins[(first << 8) | second] === 1) {
        for (const needle of byTwoBytes.get((first << 8) | second) ?? []) {
          const open = openEnd({ view, needle, start, endsLine, how });
          if (open !== undefined) ends.push(open);
        }
      }
      if (ends.length > 0 && how === 'reading') break;
    }
    if (opening !== undefined) ends.push({ kind: how === 'reading' ? 'wait' : 'keep', start: opening });
    return ends;
  };
}

type Beginning = {
  readonly view: View;
  readonly needle: Needle;
  readonly start: number;
  readonly endsLine: boolean;
  readonly how: Examining;
};

function openEnd({ view, needle, start, endsLine, how }: Beginning): OpenEnd | undefined {
  if (endOf(view, needle, 0, start) !== STILL_OPEN) return undefined;
  const matched = matchedBytes(view, needle, start);
  const isHalf = matched * 2 >= needle.bytes.length;
  const isLong = matched >= MIN_HELD_PREFIX_BYTES;
  switch (how) {
    case 'closing':
      return isHalf && matched >= MIN_HALF_BYTES
        ? { kind: 'hide', start, source: needle.source }
        : { kind: 'keep', start };
    case 'unfinished':
      return { kind: isHalf || isLong ? 'wait' : 'keep', start };
    case 'reading':
      return !endsLine || (isLong && needle.bytes.length >= MIN_BREAKABLE_BYTES) ? { kind: 'wait', start } : undefined;
    default:
      return unreachable(how);
  }
}

/** Where the text ends in a part of an opening, if it does. */
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
