// The order that `needs` sets for steps. Pure, and usable on anything with an id and needs: a checked step,
// a planned step of a journal, or the raw text of a file that is still being checked.

export type GraphStep = { readonly id: string; readonly needs: readonly string[] };

/** Ids of all steps that have ended before step `id` comes up: its needs, their needs and so on. */
export function ancestorsOf(steps: readonly GraphStep[], id: string): ReadonlySet<string> {
  const needs = needsById(steps);
  const found = new Set<string>();
  const waiting = [...(needs.get(id) ?? [])];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (found.has(next) || !needs.has(next)) continue;
    found.add(next);
    waiting.push(...needs.get(next)!);
  }
  return found;
}

/**
 * Steps by depth: a step is one level below the lowest of its needs, in the order of the file within a level.
 * Steps of one level can run at the same time. Total: steps on a cycle, which no checked workflow has, come last.
 */
export function levelsOf<T extends GraphStep>(steps: readonly T[]): readonly (readonly T[])[] {
  const known = new Set(steps.map((step) => step.id));
  const placed = new Set<string>();
  const levels: (readonly T[])[] = [];
  let left = [...steps];
  while (left.length > 0) {
    const level = left.filter((step) => step.needs.every((need) => placed.has(need) || !known.has(need)));
    if (level.length === 0) return [...levels, left];
    for (const step of level) placed.add(step.id);
    levels.push(level);
    left = left.filter((step) => !placed.has(step.id));
  }
  return levels;
}

/** All steps such that each comes after those it needs; steps that may swap keep the order of the file. */
export function topologicalOrder<T extends GraphStep>(steps: readonly T[]): readonly T[] {
  return levelsOf(steps).flat();
}

/**
 * Cycles among the needs, one (a shortest) for each knot of steps that wait for one another, each as
 * `[a, b, c, a]` where a needs b. It begins with the first of them in the file. Self needs are left to the caller.
 */
export function cyclesOf(steps: readonly GraphStep[]): readonly (readonly string[])[] {
  const needs = needsById(steps);
  const cycles: (readonly string[])[] = [];
  const seen = new Set<string>();
  // Steps that can be put in order are on no cycle; what is left is small in a file that is nearly right.
  const knotted = new Set((levelsOf(steps).at(-1) ?? []).map((step) => step.id));
  for (const { id } of steps) {
    if (seen.has(id) || !knotted.has(id)) continue;
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
      if (need === start && at !== start) return [...wayTo(at, start, cameFrom), start];
      if (need === start || cameFrom.has(need)) continue;
      cameFrom.set(need, at);
      waiting.push(need);
    }
  }
  return undefined;
}

function wayTo(end: string, start: string, cameFrom: ReadonlyMap<string, string>): readonly string[] {
  const way = [end];
  while (way[0] !== start) way.unshift(cameFrom.get(way[0]!)!);
  return way;
}

function needsById(steps: readonly GraphStep[]): ReadonlyMap<string, readonly string[]> {
  return new Map(steps.map((step) => [step.id, step.needs]));
}
