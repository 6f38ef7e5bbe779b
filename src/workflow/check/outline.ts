// What can be read of a workflow that may be wrong in places: enough for the checks across fields to run on the good
// parts, so that all mistakes are reported at once.

import { ancestorsOf, type GraphStep } from '../graph.ts';
import type { Path, Report } from '../problem.ts';
import { isMapping, type Tree } from '../source/tree.ts';

export type OutlineStep = GraphStep & {
  readonly path: Path;
  readonly raw: Readonly<Record<string, unknown>>;
  /** False if the step has no usable id; `id` is then '' and nothing can refer to it. */
  readonly hasId: boolean;
  /** Where each of `needs` is written. */
  readonly needPaths: readonly Path[];
};

export type Outline = {
  readonly tree: Tree;
  readonly report: Report;
  /** For what is probably a mistake, and may be meant. */
  readonly warn: Report;
  readonly root: Readonly<Record<string, unknown>>;
  /** Names of params, with what was written for each. */
  readonly params: ReadonlyMap<string, unknown>;
  readonly steps: readonly OutlineStep[];
  /** The first step of each id. */
  readonly byId: ReadonlyMap<string, OutlineStep>;
  readonly ancestors: (id: string) => ReadonlySet<string>;
};

/** Reads what has the right type, and skips the rest: the schema has reported that already. */
export function outlineOf(tree: Tree, report: Report, warn: Report): Outline {
  const root = isMapping(tree.value) ? tree.value : {};
  const params = new Map(Object.entries(isMapping(root.params) ? root.params : {}));
  const list = Array.isArray(root.steps) ? root.steps : [];
  const steps = list.flatMap((raw: unknown, index) => (isMapping(raw) ? [readStep(raw, ['steps', index])] : []));
  const byId = new Map<string, OutlineStep>();
  for (const step of steps) if (step.hasId && !byId.has(step.id)) byId.set(step.id, step);
  const known = new Map<string, ReadonlySet<string>>();
  const unique = [...byId.values()];
  return {
    tree,
    report,
    warn,
    root,
    params,
    steps,
    byId,
    ancestors(id) {
      const found = known.get(id) ?? ancestorsOf(unique, id);
      known.set(id, found);
      return found;
    },
  };
}

function readStep(raw: Readonly<Record<string, unknown>>, path: Path): OutlineStep {
  const id = typeof raw.id === 'string' ? raw.id : '';
  const needs: string[] = [];
  const needPaths: Path[] = [];
  const needsPath = [...path, 'needs'];
  if (typeof raw.needs === 'string') {
    needs.push(raw.needs);
    needPaths.push(needsPath);
  } else if (Array.isArray(raw.needs)) {
    raw.needs.forEach((need: unknown, index) => {
      if (typeof need !== 'string') return;
      needs.push(need);
      needPaths.push([...needsPath, index]);
    });
  }
  return { id, hasId: id !== '', needs, needPaths, path, raw };
}

/** `step \`lint\``, or by its place in the list where it has no id. */
export function stepLabel(step: OutlineStep): string {
  return step.hasId ? `step \`${step.id}\`` : `step ${Number(step.path[1]) + 1}`;
}
