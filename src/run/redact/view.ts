// A stretch of text under examination: the bytes, the bytes before them, and whether more may follow. Also what a line break
// inside a secret looks like. Used by everything in this folder that compares text.

/**
 * `lead` is text before `bytes` that was released already; positions below 0 look into it.
 * `ended` says that nothing follows; otherwise the last byte is only where reading stopped.
 */
export type View = { readonly bytes: Uint8Array; readonly lead: Uint8Array; readonly ended: boolean };

/** What `at` returns outside of the text. It is not a byte, so it equals nothing that is looked for. */
export const OUTSIDE = -1;

/** How far a rule may look back. Longest need: a variable's name, or a few line breaks inside a literal's first bytes. */
export const LEAD_BYTES = 96;

/** Line ends, blank lines and indentation between two parts of one secret. More than this is two texts, not one. */
const MAX_BREAK_BYTES = 64;

/** Backslashes before an escaped line end: 1 in JSON, 3 in JSON inside JSON, 7 one level deeper. */
const MAX_BACKSLASHES = 7;

const LF = 0x0a;
const CR = 0x0d;
const BACKSLASH = 0x5c;
const LOWER_N = 0x6e;
const LOWER_R = 0x72;

/** The byte at `index`, or `OUTSIDE`. */
export function at(view: View, index: number): number {
  return (index >= 0 ? view.bytes[index] : view.lead[view.lead.length + index]) ?? OUTSIDE;
}

/** Whether `text` (ASCII) is at `index`; `partly` if the view stops inside it and may continue. */
export function textAt(view: View, index: number, text: string): 'yes' | 'no' | 'partly' {
  for (let i = 0; i < text.length; i++) {
    const byte = at(view, index + i);
    if (byte === text.charCodeAt(i)) continue;
    return byte === OUTSIDE && index + i >= view.bytes.length && !view.ended ? 'partly' : 'no';
  }
  return 'yes';
}

/**
 * The index behind a line break that starts at `index`, or `index` itself if there is none. A break is any mix of
 * CR, LF and their backslash escapes (a wrapped secret inside JSON), then spaces and tabs that are not `wanted`.
 */
export function skipBreak(view: View, index: number, wanted: number): number {
  let i = index;
  let broken = false;
  while (i - index < MAX_BREAK_BYTES) {
    const byte = at(view, i);
    if (byte === LF || byte === CR) {
      i++;
      broken = true;
    } else if (byte === BACKSLASH) {
      const behind = behindBackslashes(view, i);
      const letter = at(view, behind);
      if (letter === LOWER_N || letter === LOWER_R) {
        i = behind + 1;
        broken = true;
      } else if (behind === view.bytes.length) {
        return behind;
      } else break;
    } else break;
  }
  while (broken && i - index < MAX_BREAK_BYTES && isBlank(at(view, i)) && at(view, i) !== wanted) i++;
  return i;
}

/** The mirror of `skipBreak`: `index` is the last byte of what may be a break. @returns the byte before the break */
export function skipBreakBack(view: View, index: number): number {
  let i = index;
  while (index - i < MAX_BREAK_BYTES && isBlank(at(view, i))) i--;
  let broken = false;
  while (index - i < MAX_BREAK_BYTES) {
    const byte = at(view, i);
    if (byte === LF || byte === CR) {
      i--;
      broken = true;
    } else if (endsEscapedBreak(view, i)) {
      i--;
      while (at(view, i) === BACKSLASH) i--;
      broken = true;
    } else break;
  }
  return broken ? i : index;
}

/** Whether an escaped line end starts at `index`, as in JSON text. */
export function startsEscapedBreak(view: View, index: number): boolean {
  if (at(view, index) !== BACKSLASH) return false;
  const letter = at(view, behindBackslashes(view, index));
  return letter === LOWER_N || letter === LOWER_R;
}

/** Whether the byte at `index` is the letter of an escaped line end. */
export function endsEscapedBreak(view: View, index: number): boolean {
  const letter = at(view, index);
  return (letter === LOWER_N || letter === LOWER_R) && at(view, index - 1) === BACKSLASH;
}

function behindBackslashes(view: View, index: number): number {
  let i = index;
  while (at(view, i) === BACKSLASH && i - index < MAX_BACKSLASHES) i++;
  return i;
}

function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x09;
}
