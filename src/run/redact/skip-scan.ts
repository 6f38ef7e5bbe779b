// Finds where a secret may be: all places of some byte strings ("anchors", parts that every secret of its kind has). Called
// by the matcher, which asks the rule or the secret behind each place.
//
// Long anchors are found by the algorithm of Wu and Manber (1994): a table says, for the last 3 bytes of a window, how far the
// window may move because no anchor can end earlier. Four windows move at once, each over a quarter of the text: one alone
// waits for its own loads, four hide each other's. Short anchors leave a window little to move by; a prefilter in WebAssembly,
// which looks at 16 places at once, finds them faster (docs/benchmarks.md, Redaction by itself).
import { BLOCK_BYTES, BLOCK_OVERLAP, createPrefilter } from './prefilter.ts';

/** Windows of this many bytes, two to a secret. */
export const LONG_ANCHOR = 8;
/** For the first bytes of formats and for short secrets. An anchor may also be one byte shorter. */
export const SHORT_ANCHOR = 4;

/** What an anchor leads to: `visit` gets the target and the index of the first byte of the anchor. */
export type Anchored<T> = { readonly bytes: Uint8Array; readonly target: T };

/** Calls `visit` for each place of an anchor, in no particular order of targets. */
export type SkipScan<T> = (text: Uint8Array, visit: (target: T, index: number) => void) => void;

const TABLE_SIZE = 0x10000;
const HASHED_BYTES = 3;
/** Texts below this are not worth four windows. */
const MIN_QUARTERED_BYTES = 256;

/**
 * @param anchors each of LONG_ANCHOR bytes, or of SHORT_ANCHOR bytes, or one less than that
 */
export function createSkipScan<T>(anchors: readonly Anchored<T>[]): SkipScan<T> {
  const scanLong = createLongScan(anchors.filter((anchor) => anchor.bytes.length === LONG_ANCHOR));
  const scanShort = createShortScan(anchors.filter((anchor) => anchor.bytes.length !== LONG_ANCHOR));
  return (text, visit) => {
    scanLong(text, visit);
    scanShort(text, visit);
  };
}

function createLongScan<T>(anchors: readonly Anchored<T>[]): SkipScan<T> {
  if (anchors.length === 0) return () => undefined;
  const skips = new Uint8Array(TABLE_SIZE).fill(LONG_ANCHOR - HASHED_BYTES + 1);
  const byLastBytes = new Map<number, Anchored<T>[]>();
  for (const anchor of anchors) {
    for (let end = HASHED_BYTES - 1; end < LONG_ANCHOR; end++) {
      const hash = hashAt(anchor.bytes, end);
      skips[hash] = Math.min(skips[hash] ?? 0, LONG_ANCHOR - 1 - end);
    }
    addTo(byLastBytes, hashAt(anchor.bytes, LONG_ANCHOR - 1), anchor);
  }
  return (text, visit) => {
    for (const end of scanBy3(text, skips)) {
      visitMatching(text, end - LONG_ANCHOR + 1, byLastBytes.get(hashAt(text, end)), visit);
    }
  };
}

function createShortScan<T>(anchors: readonly Anchored<T>[]): SkipScan<T> {
  if (anchors.length === 0) return () => undefined;
  const prefilter = createPrefilter(anchors.map((anchor) => anchor.bytes));
  const byFirstBytes = new Map<number, Anchored<T>[]>();
  for (const anchor of anchors) addTo(byFirstBytes, hashAt(anchor.bytes, HASHED_BYTES - 1), anchor);
  return (text, visit) => {
    for (let start = 0; start < text.length; start += BLOCK_BYTES) {
      const length = Math.min(BLOCK_BYTES, text.length - start);
      prefilter.text.set(text.subarray(start, start + length + BLOCK_OVERLAP));
      // What a visitor calls may scan another text, which overwrites the places.
      for (const place of Array.from(prefilter.scan(length))) {
        if (place >= length) continue;
        const index = start + place;
        visitMatching(text, index, byFirstBytes.get(hashAt(text, index + HASHED_BYTES - 1)), visit);
      }
    }
  };
}

function addTo<T>(map: Map<number, T[]>, key: number, value: T): void {
  const known = map.get(key);
  if (known === undefined) map.set(key, [value]);
  else known.push(value);
}

function hashAt(bytes: Uint8Array, end: number): number {
  return (((bytes[end - 2] ?? 0) << 10) ^ ((bytes[end - 1] ?? 0) << 5) ^ (bytes[end] ?? 0)) & 0xffff;
}

/** Visits those of `anchors` that are at `start` byte by byte. */
function visitMatching<T>(
  text: Uint8Array,
  start: number,
  anchors: readonly Anchored<T>[] | undefined,
  visit: (target: T, index: number) => void,
): void {
  for (const { bytes, target } of anchors ?? []) {
    let i = 0;
    while (i < bytes.length && text[start + i] === bytes[i]) i++;
    if (i === bytes.length) visit(target, start);
  }
}

/** The ends of windows at which a long anchor may end, in ascending order within each quarter, quarters in order. */
function scanBy3(text: Uint8Array, skips: Uint8Array): readonly number[] {
  const size = text.length;
  const first = LONG_ANCHOR - 1;
  const quarter = size < MIN_QUARTERED_BYTES ? 0 : size >> 2;
  const hits: readonly [number[], number[], number[], number[]] = [[], [], [], []];
  const [hitsA, hitsB, hitsC, hitsD] = hits;
  let a = first;
  let b = quarter;
  let c = quarter * 2;
  let d = quarter === 0 ? first : quarter * 3;
  const endA = quarter;
  const endB = quarter * 2;
  const endC = quarter * 3;
  while (a < endA && b < endB && c < endC && d < size) {
    const skipA = skips[hashAt(text, a)] ?? 1;
    const skipB = skips[hashAt(text, b)] ?? 1;
    const skipC = skips[hashAt(text, c)] ?? 1;
    const skipD = skips[hashAt(text, d)] ?? 1;
    if (skipA === 0) hitsA.push(a++);
    else a += skipA;
    if (skipB === 0) hitsB.push(b++);
    else b += skipB;
    if (skipC === 0) hitsC.push(c++);
    else c += skipC;
    if (skipD === 0) hitsD.push(d++);
    else d += skipD;
  }
  const rest = (from: number, end: number, found: number[]): void => {
    for (let i = from; i < end; ) {
      const skip = skips[hashAt(text, i)] ?? 1;
      if (skip === 0) found.push(i++);
      else i += skip;
    }
  };
  rest(a, endA, hitsA);
  rest(b, endB, hitsB);
  rest(c, endC, hitsC);
  rest(d, size, hitsD);
  return hits.flat();
}
