// The order that `needs` sets for steps. Pure, and usable on anything with an id and needs: a checked step,
// a planned step of a journal, or the raw text of a file that is still being checked.

export type GraphStep = { readonly id: string; readonly needs: readonly string[] };

/** Ids of all steps that have ended before step `id` starts: its needs, their needs and so on. */
export function ancestorsOf(steps: readonly GraphStep[], id: string): ReadonlySet<string> {
  const needs = needsById(steps);
  const found = new Set<string>();
  const waiting = [...(needs.get(id) ?? [])];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const own = needs.get(next);
    if (found.has(next) || own === undefined) continue;
    found.add(next);
    waiting.push(...own);
  }
  return found;
}

/**
 * Steps by depth: a step is one level below the lowest of its needs, in the order of the file within a level.
 * Steps of one level can run at the same time. Steps on a cycle, which a checked workflow does not have, come last.
 */
export function levelsOf<T extends GraphStep>(steps: readonly T[]): readonly (readonly T[])[] {
  const known = new Set(steps.map((step) => step.id));
  const placed = new Set<string>();
  const levels: (readonly T[])[] = [];
  let remaining = [...steps];
  while (remaining.length > 0) {
    const level = remaining.filter((step) => step.needs.every((need) => placed.has(need) || !known.has(need)));
    if (level.length === 0) return [...levels, remaining];
    for (const step of level) placed.add(step.id);
    levels.push(level);
    remaining = remaining.filter((step) => !placed.has(step.id));
  }
  return levels;
}

/** All steps such that each comes after those it needs; steps that may swap keep the order of the file. */
export function topologicalOrder<T extends GraphStep>(steps: readonly T[]): readonly T[] {
  return levelsOf(steps).flat();
}

/**
 * Cycles among the needs: the shortest for each group of steps that wait for each other, as `[a, b, c, a]` if a needs b. It begins
 * with the step that is first in the file. A step that needs itself is the caller's to report.
 */
export function cyclesOf(steps: readonly GraphStep[]): readonly (readonly string[])[] {
  const needs = needsById(steps);
  const cycles: (readonly string[])[] = [];
  const seen = new Set<string>();
  // Steps that can be put in order are not on a cycle, so few remain in a file that is nearly right.
  const inCycles = new Set((levelsOf(steps).at(-1) ?? []).map((step) => step.id));
  for (const { id } of steps) {
    if (seen.has(id) || !inCycles.has(id)) continue;
    const cycle = shortestWayBack(id, needs);
    if (cycle === undefined) continue;
    cycles.push(cycle);
    for (const other of ancestorsOf(steps, id)) if (ancestorsOf(steps, other).has(id)) seen.add(other);
  }
  return cycles;
}

function shortestWayBack(start: string, needs: ReadonlyMap<string, readonly string[]>): readonly string[] | undefined {
  const cameFrom = new Map<string, string>();
  const waiting = [start];
  for (const at of waiting) {
    for (const need of needs.get(at) ?? []) {
      if (need === start && at !== start) return [...wayTo(at, cameFrom), start];
      if (need === start || cameFrom.has(need)) continue;
      cameFrom.set(need, at);
      waiting.push(need);
    }
  }
  return undefined;
}

/** From the step where the search started, which came from none, to `end`. */
function wayTo(end: string, cameFrom: ReadonlyMap<string, string>): readonly string[] {
  const way = [end];
  for (let at = cameFrom.get(end); at !== undefined; at = cameFrom.get(at)) way.unshift(at);
  return way;
}

function needsById(steps: readonly GraphStep[]): ReadonlyMap<string, readonly string[]> {
  return new Map(steps.map((step) => [step.id, step.needs]));
}
