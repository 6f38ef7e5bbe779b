// The workflow graph as it is drawn: where each step is, and which arrows lead to steps that run. Pure.
import { type Placed, type Point, placeSteps } from './place-steps.ts';
import { type Step, stepState } from './run.ts';

export type GraphNode = Point & { readonly step: Step };

export type GraphEdge = {
  readonly key: string;
  readonly path: string;
  /** `active`: leads to a step that runs now; `done`: both ends have ended. */
  readonly state: 'waiting' | 'active' | 'done';
};

export type GraphLayout = {
  readonly width: number;
  readonly height: number;
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
};

/** @param placed where the plan of these steps is drawn */
export function layoutGraph(steps: readonly Step[], placed: Placed = placeSteps(steps)): GraphLayout {
  const byId = new Map(steps.map((step) => [step.id, step]));
  const nodes = steps.map((step) => ({ step, ...(placed.corners.get(step.id) ?? { x: 0, y: 0 }) }));
  const edges = placed.arrows.map(({ from, to, path }) => ({
    key: `${from} ${to}`,
    path,
    state: edgeState(byId.get(from), byId.get(to)),
  }));
  return { width: placed.width, height: placed.height, nodes, edges };
}

function edgeState(from: Step | undefined, to: Step | undefined): GraphEdge['state'] {
  if (to === undefined || from === undefined || to.state === 'planned') return 'waiting';
  return ['running', 'retrying', 'waiting'].includes(stepState(to)) ? 'active' : 'done';
}
