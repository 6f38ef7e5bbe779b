// Finds where a secret may stand, in one or two passes over the text that look at every third to sixth byte only.
// Knows byte strings ("anchors", parts of secrets that must be there), no secrets and no rules.
//
// The algorithm is Wu and Manber's (1994): a table says, for the last 2 or 3 bytes of a window, how far the window may
// move because no anchor can end earlier. Four windows move at once, each over a quarter of the text: one alone waits
// for its own loads, four hide each other's (long anchors: 1,460 MB/s with one window in the first draft). Measured on a
// shared 2-core machine, MB per second of processor time, median of five, 64 KiB reads of 100-byte log lines, 20 secrets
// with 6 forms each, 40 anchors of formats: long anchors 2,450, short ones 1,070, both 790; one regular expression of
// the formats 750, of the secrets' first four bytes 110; Buffer.indexOf for each form 110. So for formats alone a regular
// expression is not far behind; for secrets it is 20 times slower. WebAssembly was not tried, as the aim (400) is met.

/** Windows of this many bytes, two to a secret. */
export const LONG_ANCHOR = 8;
/** For the first bytes of formats and for short secrets. An anchor may also be one byte shorter. */
export const SHORT_ANCHOR = 4;

/** Something to be told where its anchor stands. Called with the index of the anchor's first byte. */
export type Anchored<T> = { readonly bytes: Uint8Array; readonly target: T };

/** Calls `visit` for each place where an anchor of `long` or `short` stands, in no particular order of targets. */
export type SkipScan<T> = (text: Uint8Array, visit: (target: T, index: number) => void) => void;

const TABLE_SIZE = 0x10000;
/** Texts below this are not worth four windows. */
const MIN_QUARTERED_BYTES = 256;

/**
 * @param anchors each of LONG_ANCHOR bytes, or of SHORT_ANCHOR bytes, or one less than that
 */
export function createSkipScan<T>(anchors: readonly Anchored<T>[]): SkipScan<T> {
  const long = anchors.filter((anchor) => anchor.bytes.length === LONG_ANCHOR);
  const short = anchors.filter((anchor) => anchor.bytes.length !== LONG_ANCHOR);
  const longSkips = skipTable(long, LONG_ANCHOR, 3);
  const shortSkips = skipTable(short, SHORT_ANCHOR, 2);
  const longBuckets = buckets(long, 3);
  const shortBuckets = buckets(short, 2);
  const shortHeads = pairsBefore(short);
  return (text, visit) => {
    if (long.length > 0) visitHits(text, scanBy3(text, longSkips), longBuckets, 3, visit);
    if (short.length > 0)
      visitHits(text, withHeads(text, scanBy2(text, shortSkips), shortHeads), shortBuckets, 2, visit);
  };
}

/** How far a window whose last `block` bytes hash to the index may move; 0 where an anchor may end. */
function skipTable(anchors: readonly Anchored<unknown>[], window: number, block: 2 | 3): Uint8Array {
  const skips = new Uint8Array(TABLE_SIZE).fill(window - block + 1);
  for (const { bytes } of anchors) {
    for (let end = block - 1; end < bytes.length; end++) {
      const hash = hashAt(bytes, end, block);
      skips[hash] = Math.min(skips[hash] ?? 0, bytes.length - 1 - end);
    }
    // A shorter anchor has any byte before it, so that every block that ends in its first byte counts too.
    for (let before = 0; bytes.length < window && before < 256; before++) {
      const hash = (before << 8) | (bytes[0] ?? 0);
      skips[hash] = Math.min(skips[hash] ?? 0, window - 2);
    }
  }
  return skips;
}

/** Which two bytes stand before the last two of a short anchor; of the first of them nothing is known where it is shorter. */
function pairsBefore(anchors: readonly Anchored<unknown>[]): Uint8Array {
  const pairs = new Uint8Array(TABLE_SIZE);
  for (const { bytes } of anchors) {
    const last = bytes[bytes.length - 3] ?? 0;
    if (bytes.length === SHORT_ANCHOR) pairs[hash2(bytes[0] ?? 0, last)] = 1;
    else for (let before = 0; before < 256; before++) pairs[hash2(before, last)] = 1;
  }
  return pairs;
}

/**
 * The ends before which the rest of an anchor may stand. The end of one alone is found too often: that of `arer`, which is
 * looked for because of `Bearer`, in every `server`, `user` and `handler`.
 */
function withHeads(text: Uint8Array, ends: readonly number[], pairs: Uint8Array): readonly number[] {
  return ends.filter((end) => end < SHORT_ANCHOR - 1 || pairs[(text[end - 3]! << 8) | text[end - 2]!] === 1);
}

function hashAt(bytes: Uint8Array, end: number, block: 2 | 3): number {
  return block === 2 ? hash2(bytes[end - 1] ?? 0, bytes[end] ?? 0) : hash3(bytes, end);
}

function hash2(first: number, second: number): number {
  return (first << 8) | second;
}

function hash3(bytes: Uint8Array, end: number): number {
  return (((bytes[end - 2] ?? 0) << 10) ^ ((bytes[end - 1] ?? 0) << 5) ^ (bytes[end] ?? 0)) & 0xffff;
}

type Buckets<T> = ReadonlyMap<number, readonly Anchored<T>[]>;

function buckets<T>(anchors: readonly Anchored<T>[], block: 2 | 3): Buckets<T> {
  const found = new Map<number, Anchored<T>[]>();
  for (const anchor of anchors) {
    const hash = hashAt(anchor.bytes, anchor.bytes.length - 1, block);
    const bucket = found.get(hash);
    if (bucket === undefined) found.set(hash, [anchor]);
    else bucket.push(anchor);
  }
  return found;
}

function visitHits<T>(
  text: Uint8Array,
  ends: readonly number[],
  found: Buckets<T>,
  block: 2 | 3,
  visit: (target: T, index: number) => void,
): void {
  for (const end of ends) {
    const bucket = found.get(hashAt(text, end, block));
    if (bucket === undefined) continue;
    for (const { bytes, target } of bucket) {
      const start = end - bytes.length + 1;
      if (start < 0) continue;
      let i = 0;
      while (i < bytes.length && text[start + i] === bytes[i]) i++;
      if (i === bytes.length) visit(target, start);
    }
  }
}

/** The ends of windows at which a long anchor may end, in ascending order within each quarter, quarters in order. */
function scanBy3(text: Uint8Array, skips: Uint8Array): readonly number[] {
  const size = text.length;
  const first = LONG_ANCHOR - 1;
  const quarter = size < MIN_QUARTERED_BYTES ? 0 : size >> 2;
  const [h0, h1, h2, h3]: number[][] = [[], [], [], []];
  let a = first;
  let b = quarter;
  let c = quarter * 2;
  let d = quarter === 0 ? first : quarter * 3;
  const endA = quarter;
  const endB = quarter * 2;
  const endC = quarter * 3;
  while (a < endA && b < endB && c < endC && d < size) {
    const skipA = skips[((text[a - 2]! << 10) ^ (text[a - 1]! << 5) ^ text[a]!) & 0xffff]!;
    const skipB = skips[((text[b - 2]! << 10) ^ (text[b - 1]! << 5) ^ text[b]!) & 0xffff]!;
    const skipC = skips[((text[c - 2]! << 10) ^ (text[c - 1]! << 5) ^ text[c]!) & 0xffff]!;
    const skipD = skips[((text[d - 2]! << 10) ^ (text[d - 1]! << 5) ^ text[d]!) & 0xffff]!;
    if (skipA === 0) h0!.push(a++);
    else a += skipA;
    if (skipB === 0) h1!.push(b++);
    else b += skipB;
    if (skipC === 0) h2!.push(c++);
    else c += skipC;
    if (skipD === 0) h3!.push(d++);
    else d += skipD;
  }
  const rest = (from: number, end: number, hits: number[]): void => {
    for (let i = from; i < end; ) {
      const skip = skips[((text[i - 2]! << 10) ^ (text[i - 1]! << 5) ^ text[i]!) & 0xffff]!;
      if (skip === 0) hits.push(i++);
      else i += skip;
    }
  };
  rest(a, endA, h0!);
  rest(b, endB, h1!);
  rest(c, endC, h2!);
  rest(d, size, h3!);
  return h0!.concat(h1!, h2!, h3!);
}

/** As `scanBy3`, for short anchors. */
function scanBy2(text: Uint8Array, skips: Uint8Array): readonly number[] {
  const size = text.length;
  // One byte before a whole window, for anchors of SHORT_ANCHOR - 1 bytes at the very start.
  const first = SHORT_ANCHOR - 2;
  const quarter = size < MIN_QUARTERED_BYTES ? 0 : size >> 2;
  const [h0, h1, h2, h3]: number[][] = [[], [], [], []];
  let a = first;
  let b = quarter;
  let c = quarter * 2;
  let d = quarter === 0 ? first : quarter * 3;
  const endA = quarter;
  const endB = quarter * 2;
  const endC = quarter * 3;
  while (a < endA && b < endB && c < endC && d < size) {
    const skipA = skips[(text[a - 1]! << 8) | text[a]!]!;
    const skipB = skips[(text[b - 1]! << 8) | text[b]!]!;
    const skipC = skips[(text[c - 1]! << 8) | text[c]!]!;
    const skipD = skips[(text[d - 1]! << 8) | text[d]!]!;
    if (skipA === 0) h0!.push(a++);
    else a += skipA;
    if (skipB === 0) h1!.push(b++);
    else b += skipB;
    if (skipC === 0) h2!.push(c++);
    else c += skipC;
    if (skipD === 0) h3!.push(d++);
    else d += skipD;
  }
  const rest = (from: number, end: number, hits: number[]): void => {
    for (let i = from; i < end; ) {
      const skip = skips[(text[i - 1]! << 8) | text[i]!]!;
      if (skip === 0) hits.push(i++);
      else i += skip;
    }
  };
  rest(a, endA, h0!);
  rest(b, endB, h1!);
  rest(c, endC, h2!);
  rest(d, size, h3!);
  return h0!.concat(h1!, h2!, h3!);
}
