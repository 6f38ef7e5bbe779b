// Which texts a run cannot hold, by the trigrams of its lines: a bit for each trigram that occurs, in a table of a size that fits the
// run. A text of which one trigram has no bit occurs nowhere; the others may. Pure. Called by search-index.ts.
//
// A trigram is three ASCII bytes of a line as it was seen, without regard to case. Others are left out on both sides: what is not
// UTF-8 is shown as something else, and a trigram that is left out never says no.

/** At most 128 KiB for a run. A run with so many different trigrams that all bits are set is read each time, as without a table. */
const maxLog2Bits = 20;
const minLog2Bits = 9;

/** Twice as many bits as trigrams set a quarter to 40 % of them: of a text with 8 trigrams, 1 run of 1,000 is read without need. */
const bitsForEach = 2;

export type TrigramTable = { readonly log2Bits: number; readonly bits: Uint8Array };

export type TrigramCollector = {
  /** Whole lines, divided by line feeds. */
  readonly add: (bytes: Uint8Array) => void;
  /** The table of what was added since the last call. */
  readonly take: () => TrigramTable;
};

/** Two megabytes, for as many runs as one likes. */
export function createTrigramCollector(): TrigramCollector {
  const seen = new Uint8Array(2 ** 21);
  let found: number[] = [];
  return {
    add(bytes) {
      eachTrigram(bytes, (trigram) => {
        const at = trigram >>> 3;
        const bit = 1 << (trigram & 7);
        const before = seen[at] ?? 0;
        if ((before & bit) !== 0) return;
        seen[at] = before | bit;
        found.push(trigram);
      });
    },
    take() {
      const wanted = Math.ceil(Math.log2(Math.max(1, found.length * bitsForEach)));
      const log2Bits = Math.min(maxLog2Bits, Math.max(minLog2Bits, wanted));
      const bits = new Uint8Array(2 ** (log2Bits - 3));
      for (const trigram of found) {
        const place = placeOf(trigram, log2Bits);
        bits[place >>> 3] = (bits[place >>> 3] ?? 0) | (1 << (place & 7));
        seen[trigram >>> 3] = 0;
      }
      found = [];
      return { log2Bits, bits };
    },
  };
}

/** The trigrams that a line must have to hold this text; none if it says nothing. */
export function trigramsOf(text: string): readonly number[] {
  const found = new Set<number>();
  eachTrigram(Buffer.from(text), (trigram) => found.add(trigram));
  return [...found];
}

/** False only if no line can hold a text with all of these. */
export function mayHoldAll({ log2Bits, bits }: TrigramTable, trigrams: readonly number[]): boolean {
  return trigrams.every((trigram) => {
    const place = placeOf(trigram, log2Bits);
    return ((bits[place >>> 3] ?? 0) & (1 << (place & 7))) !== 0;
  });
}

/** Of 21 bits: three times seven. */
function eachTrigram(bytes: Uint8Array, take: (trigram: number) => void): void {
  let trigram = 0;
  let length = 0;
  for (let index = 0; index < bytes.length; index++) {
    const byte = bytes[index] ?? 0;
    if (byte >= 0x80 || byte < 0x20) {
      length = 0;
      continue;
    }
    const lower = byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte;
    trigram = ((trigram << 7) | lower) & 0x1f_ffff;
    length += 1;
    if (length >= 3) take(trigram);
  }
}

/** Multiplied by a number without pattern (2^32 divided by the golden ratio), so that neighbours are far apart. */
function placeOf(trigram: number, log2Bits: number): number {
  return Math.imul(trigram, 0x9e37_79b1) >>> (32 - log2Bits);
}
