// The critical path of a run: the steps that waited for each other up to its end, and within each the calls that came last. Making
// one of them faster makes the run faster. Pure.
import type { Step } from '../model/run.ts';
import type { TimelineNode } from './tree.ts';

export type CriticalPath = {
  /** Ids of the nodes on it. */
  readonly ids: ReadonlySet<string>;
  /** Its steps, from the first to the last. */
  readonly steps: readonly Step[];
  /** What its steps took together. The rest of the run was spent between them, as in the queue for a free place. */
  readonly lengthMs: number;
};

/** Clocks of two processes: one that ends so much after the next began came before it all the same. */
const toleranceMs = 1;

export function criticalPath(root: TimelineNode, nowMs: number): CriticalPath {
  const nodes = new Map<string, TimelineNode>();
  for (const node of stepNodes(root))
    if (node.step !== undefined && node.startMs !== undefined) nodes.set(node.step.id, node);
  const endOf = (node: TimelineNode): number => node.endMs ?? nowMs;
  const last = (candidates: readonly (TimelineNode | undefined)[]): TimelineNode | undefined =>
    candidates.reduce((best, node) => {
      if (node === undefined || (best !== undefined && endOf(node) < endOf(best))) return best;
      // Of those that still run the one that began first has kept the run longest.
      return best !== undefined && endOf(node) === endOf(best) && (node.startMs ?? 0) >= (best.startMs ?? 0)
        ? best
        : node;
    }, undefined);

  const ids = new Set<string>();
  const steps: Step[] = [];
  let lengthMs = 0;
  const seen = new Set<string>();
  for (let node = last([...nodes.values()]); node?.step !== undefined && !seen.has(node.step.id); ) {
    seen.add(node.step.id);
    steps.unshift(node.step);
    lengthMs += endOf(node) - (node.startMs ?? 0);
    markWithin(node, endOf, ids);
    node = last(node.step.needs.map((need) => nodes.get(need)));
  }
  if (steps.length > 0) ids.add(root.id);
  return { ids, steps, lengthMs };
}

function* stepNodes(root: TimelineNode): Generator<TimelineNode> {
  for (const child of root.children) {
    if (child.kind === 'group') yield* child.children;
    else yield child;
  }
}

/** From the end backwards: the part that ended last, then the last one that had ended when that began, and so on. */
function markWithin(node: TimelineNode, endOf: (node: TimelineNode) => number, ids: Set<string>): void {
  ids.add(node.id);
  let until = endOf(node) + toleranceMs;
  const parts = node.children
    .filter(({ startMs, kind }) => startMs !== undefined && kind !== 'stall' && kind !== 'pause')
    .sort((a, b) => endOf(b) - endOf(a));
  for (const part of parts) {
    // A tool may begin while the answer that calls it is still being given.
    const isAnswer = part.kind === 'model' && (part.startMs ?? until) < until;
    if (endOf(part) > until + toleranceMs && !isAnswer) continue;
    markWithin(part, endOf, ids);
    until = Math.min(until, part.startMs ?? until);
  }
}
