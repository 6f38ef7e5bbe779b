// A random source with the same numbers for the same seed on every machine, so that a run of the matrix can be repeated.

export type Random = {
  /** From 0 up to, not including, 1. */
  readonly next: () => number;
  /** A whole number from `from` to `to`, both included. */
  readonly between: (from: number, to: number) => number;
  readonly pick: <T>(from: readonly T[]) => T;
  /** A source of its own for one fault, so that leaving out another one changes nothing for it. */
  readonly fork: (name: string) => Random;
};

/** mulberry32: 32 bits of state are enough to choose faults with. @param seed 0 to 2^32 - 1 */
export function randomOf(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const between = (from: number, to: number): number => from + Math.floor(next() * (to - from + 1));
  return {
    next,
    between,
    pick: (from) => from[between(0, from.length - 1)]!,
    fork: (name) => randomOf([...name].reduce((mixed, char) => Math.imul(mixed ^ char.charCodeAt(0), 16777619), seed)),
  };
}
