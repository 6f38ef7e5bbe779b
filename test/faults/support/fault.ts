// What a fault of the matrix is: a name, what it does in words, and a function that goes through it and counts. No behaviour.
import type { Random } from './random.ts';
import type { Tally } from './tally.ts';

export type FaultContext = {
  /** The fault's own source of choices, made from the seed of the whole matrix. */
  readonly random: Random;
  /** `short` is what CI has time for; `full` is what docs/guarantees.md shows. */
  readonly scale: 'short' | 'full';
  /** Prints how far it is, one line at a time. */
  readonly log: (line: string) => void;
};

export type Fault = {
  readonly name: string;
  /** One sentence for docs/guarantees.md. */
  readonly what: string;
  /** Why it cannot be run here; undefined if it can. Absent if it can be run everywhere. */
  readonly needs?: () => string | undefined;
  /** It waits more than it works, so it begins first, beside others. */
  readonly isSlow?: true;
  readonly run: (context: FaultContext) => Promise<Tally>;
};
