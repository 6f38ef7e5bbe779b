// Rounds and medians. Contenders are measured in turn within each round, so that a machine that slows down slows all of
// them, and what is printed is the median over the rounds. Used by every benchmark.

/** Throws for samples that no clock and no counter can have: negative, infinite, or not a number. */
export function checkSamples(name: string, samples: readonly number[]): void {
  const impossible = samples.filter((sample) => !Number.isFinite(sample) || sample < 0);
  if (impossible.length > 0) throw new Error(`${name} cannot be ${impossible.join(', ')}: the measurement is wrong`);
}

/** @param contenders are called once per round, one after the other; one that is undefined has no samples */
export async function interleave<Name extends string>(
  rounds: number,
  contenders: Readonly<Record<Name, (() => Promise<number>) | undefined>>,
): Promise<Readonly<Record<Name, readonly number[]>>> {
  const names = Object.keys(contenders) as Name[];
  const samples = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  for (let round = 0; round < rounds; round++) {
    // Every other round goes backwards, so that nobody always comes after the same neighbour.
    for (const name of round % 2 === 0 ? names : [...names].reverse()) {
      const sample = await contenders[name]?.();
      if (sample === undefined) continue;
      checkSamples(name, [sample]);
      samples[name].push(sample);
    }
  }
  return samples;
}

/**
 * The median over the rounds of `ours / theirs`. Both of one pair were measured within seconds of each other, so what
 * else runs on the machine is mostly in both.
 */
export function medianRatio(ours: readonly number[], theirs: readonly number[]): number {
  return median(ours.map((value, round) => value / (theirs[round] ?? Number.NaN)));
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}
