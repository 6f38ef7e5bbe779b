// Keeps the number of series bounded: the first so many values of a label stay as they are, all others become `other`.
// Which values have a place is kept with the counters, so that a series keeps its name after a restart.
import type { BoundName } from './metric.ts';

/** Shown for values beyond the bound, and for those that are none of a fixed list. */
export const otherValue = 'other';
/** Shown for a missing value: a run whose head is gone, cost that belongs to no model. */
export const unknownValue = 'unknown';

/**
 * Most values by label. A workflow of 10 steps has some 500 series, so 100 workflows are 50,000, which a small Prometheus
 * carries; the others are the most that a team was thought to use, with room.
 */
export const labelBounds: Readonly<Record<BoundName, number>> = {
  workflow: 100,
  /** Pairs of workflow and step: a histogram of 17 series each. */
  step: 500,
  model: 30,
  /** Subagents by name. */
  agent: 50,
  /** The built-in ones are about 30; each MCP server brings its own. */
  tool: 200,
  rule: 60,
  reader: 20,
  language: 40,
  /** Pairs of key and value of the labels of runs that a setting names. */
  label: 100,
};

const boundNames = Object.keys(labelBounds).filter((name): name is BoundName => Object.hasOwn(labelBounds, name));

/** A name longer than this is cut: it is a label, not a text. */
const maxLength = 100;

export type LabelBounds = {
  /**
   * The value to show, and whether it is `other` for want of room.
   * @param within what the value is unique in: a step id is one of its workflow
   */
  readonly take: (
    bound: BoundName,
    value: string,
    within?: string,
  ) => { readonly shown: string; readonly over: boolean };
  readonly stored: () => StoredBounds;
};

export type StoredBounds = Readonly<Partial<Record<BoundName, readonly string[]>>>;

export function createLabelBounds(stored: StoredBounds = {}): LabelBounds {
  const taken = new Map<BoundName, Set<string>>();
  const of = (bound: BoundName): Set<string> => {
    let values = taken.get(bound);
    if (values === undefined) {
      values = new Set((stored[bound] ?? []).slice(0, labelBounds[bound]));
      taken.set(bound, values);
    }
    return values;
  };
  return {
    take(bound, value, within) {
      const shown = shownText(value);
      if (shown === otherValue || shown === unknownValue) return { shown, over: false };
      const key = within === undefined ? shown : `${within}\n${shown}`;
      const values = of(bound);
      if (values.has(key)) return { shown, over: false };
      if (values.size >= labelBounds[bound]) return { shown: otherValue, over: true };
      values.add(key);
      return { shown, over: false };
    },
    stored: () => Object.fromEntries(boundNames.map((bound) => [bound, [...of(bound)]])),
  };
}

/**
 * Half a surrogate pair is not UTF-8, and a scrape with one is refused as a whole. Control characters are of no use in a
 * label, and NUL separates label values in our keys.
 */
function shownText(value: string): string {
  const text = value
    .slice(0, maxLength)
    .replaceAll(/[\0-\x1f]/g, ' ')
    .toWellFormed();
  return text === '' ? unknownValue : text;
}
