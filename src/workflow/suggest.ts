// Did-you-mean: the known word that a mistyped one was most likely meant to be. Pure.

/** The candidate nearest to `word`; undefined if none is near enough to be what was meant. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  const wanted = plain(word);
  let best: string | undefined;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const known = plain(candidate);
    // A third of the letters may be wrong: `timout`, `alowedTools`; a word of two letters must agree but for case.
    const bound = Math.floor(Math.max(wanted.length, known.length) / 3);
    if (Math.abs(wanted.length - known.length) > bound) continue;
    const distance = editDistance(wanted, known);
    if (distance <= bound && distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** `did you mean X?` if a candidate is near, else the whole list after `otherwise`. */
export function didYouMean(word: string, candidates: readonly string[], otherwise: string): string {
  const near = nearest(word, candidates);
  if (near !== undefined) return `did you mean \`${near}\`?`;
  return candidates.length === 0 ? otherwise : `${otherwise} ${listOf(candidates)}`;
}

/** `a, b, c` in code marks, cut after 30 words so that the line stays readable. */
export function listOf(words: readonly string[]): string {
  const shown = words.slice(0, 30).map((word) => `\`${word}\``);
  if (words.length > shown.length) shown.push(`and ${words.length - shown.length} more`);
  return shown.join(', ');
}

/** `continue-on-failure`, `continue_on_failure` and `ContinueOnFailure` are one word to a person. */
function plain(word: string): string {
  return word.replace(/[-_ ]/g, '').toLowerCase().slice(0, 64);
}

/** Optimal string alignment: insertions, deletions, changes and swaps of neighbours count 1 each. */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = a[i - 1] === b[j - 1] ? 0 : 1;
      let cost = Math.min(costAt(last, j) + 1, costAt(row, j - 1) + 1, costAt(last, j - 1) + change);
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (isSwap) cost = Math.min(cost, costAt(before, j - 2) + 1);
      row.push(cost);
    }
    before = last;
    last = row;
  }
  return costAt(last, b.length);
}

/** Outside of the table there is no way, so its cost is infinite. */
function costAt(row: readonly number[], column: number): number {
  return row[column] ?? Number.POSITIVE_INFINITY;
}
