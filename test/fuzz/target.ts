// What is fuzzed: a reader of bytes from outside, inputs to begin with, words that matter to it, and what must hold for any bytes.

export type FuzzTarget = {
  readonly name: string;
  readonly seeds: readonly (string | Buffer)[];
  readonly words: readonly (string | Buffer)[];
  /** Throws where a rule is broken; what it throws on purpose for bad input it catches itself. */
  readonly run: (input: Buffer) => void;
};

/** A rule that does not hold. */
export function must(holds: boolean, rule: string): asserts holds {
  if (!holds) throw new Error(`broken rule: ${rule}`);
}
