// What a benchmark is, and what it returns: tables to read, and ratios with a goal and a floor. Used by main.ts and by
// every benchmark.
import type { Place } from './place.ts';

export type Ratio = {
  readonly name: string;
  readonly value: number;
  /** Worse than the goal is printed; worse than the floor fails. Absent if the number is for information only. */
  readonly bounds?: {
    readonly goal: number;
    readonly floor: number;
    /** `at least` for speed, `at most` for cost. */
    readonly kind: 'at least' | 'at most';
    /** What was measured, if that is short of the goal: the floor is then a share of it, and says only that it gets no worse. */
    readonly reached?: number;
  };
};

export type Table = {
  readonly columns: readonly string[];
  /** The first column is text, the others are numbers with their units. */
  readonly rows: readonly (readonly string[])[];
};

export type Section = {
  readonly title: string;
  /** What was measured, from when to when, and against what: whole sentences. */
  readonly how: string;
  readonly tables: readonly Table[];
  readonly ratios: readonly Ratio[];
  /** What was left out of this run and why. */
  readonly notes: readonly string[];
};

export type Setting = {
  /** Fewer rounds and less data, within about two minutes for all of them: what has no floor then is left out. */
  readonly short: boolean;
  readonly place: Place;
  /** Says how far it is; on stderr, so that results stay apart. */
  readonly say: (text: string) => void;
};

export type Bench = {
  readonly name: string;
  /** Nothing of it can fail, so a short run of all benchmarks leaves it out. */
  readonly isInformation?: true;
  readonly run: (setting: Setting) => Promise<Section>;
};

export type Verdict = 'ok' | 'below goal' | 'BELOW FLOOR' | 'for information';

export function verdictOf({ value, bounds }: Ratio): Verdict {
  if (bounds === undefined) return 'for information';
  const reaches = (bound: number): boolean => (bounds.kind === 'at least' ? value >= bound : value <= bound);
  if (reaches(bounds.goal)) return 'ok';
  return reaches(bounds.floor) ? 'below goal' : 'BELOW FLOOR';
}

export function isBelowFloor(ratio: Ratio): boolean {
  return verdictOf(ratio) === 'BELOW FLOOR';
}

export function atLeast(goal: number, floor: number): NonNullable<Ratio['bounds']> {
  return { goal, floor, kind: 'at least' };
}

export function atMost(goal: number, floor: number): NonNullable<Ratio['bounds']> {
  return { goal, floor, kind: 'at most' };
}

/** A machine under other load measures so much of what a quiet one does. */
const shareUnderLoad = 0.8;

/** A goal that is not reached yet: the floor keeps what was reached when it was last measured. Raise `reached` with each gain. */
export function notYet(
  kind: 'at least' | 'at most',
  { goal, reached }: { readonly goal: number; readonly reached: number },
): NonNullable<Ratio['bounds']> {
  const floor = kind === 'at least' ? reached * shareUnderLoad : reached / shareUnderLoad;
  return { goal, floor: Number(floor.toPrecision(3)), kind, reached };
}

/** What a broken measurement leaves in a section: ratios and cells that are not numbers. Negative samples never get here. */
export function impossibleValues({ tables, ratios }: Section): readonly string[] {
  const wrongRatios = ratios.filter(({ value }) => !Number.isFinite(value));
  const cells = tables.flatMap(({ rows }) => rows.flat());
  return [
    ...wrongRatios.map(({ name, value }) => `${name} is ${value}`),
    ...cells.filter((cell) => /\bNaN\b|\bInfinity\b|\bundefined\b/.test(cell)),
  ];
}
