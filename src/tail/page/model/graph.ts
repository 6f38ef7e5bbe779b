// Where each step and each arrow of the workflow graph is drawn. The layout is dagre's; sizes and paths are ours. Pure.
import { Graph, layout } from '@dagrejs/dagre';
import type { StepView } from './run-view.ts';

export type GraphNode = { readonly step: StepView; readonly x: number; readonly y: number };

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

export const nodeWidth = 176;
export const nodeHeight = 46;

/** Positions depend on the plan alone, so a node never moves while its run goes on. */
export function layoutGraph(steps: readonly StepView[]): GraphLayout {
  const graph = new Graph();
  graph.setGraph({ rankdir: 'LR', nodesep: 14, ranksep: 40, marginx: 6, marginy: 6 });
  graph.setDefaultEdgeLabel(() => ({}));
  const byId = new Map(steps.map((step) => [step.id, step]));
  for (const step of steps) graph.setNode(step.id, { width: nodeWidth, height: nodeHeight });
  const links = steps.flatMap((step) =>
    step.needs.filter((need) => byId.has(need)).map((need) => ({ from: need, to: step.id })),
  );
  for (const { from, to } of links) graph.setEdge(from, to);
  layout(graph);
  const nodes = steps.map((step) => {
    const at = graph.node(step.id) as { x: number; y: number };
    return { step, x: at.x - nodeWidth / 2, y: at.y - nodeHeight / 2 };
  });
  const edges = links.map(({ from, to }) => {
    const { points = [] } = graph.edge(from, to) as { points?: readonly { x: number; y: number }[] };
    return { key: `${from} ${to}`, path: smooth(points), state: edgeState(byId.get(from), byId.get(to)) };
  });
  const size = graph.graph() as { width?: number; height?: number };
  return { width: size.width ?? 0, height: size.height ?? 0, nodes, edges };
}

function edgeState(from: StepView | undefined, to: StepView | undefined): GraphEdge['state'] {
  if (to === undefined || from === undefined || to.status === 'planned') return 'waiting';
  return to.status === 'running' || to.status === 'retrying' ? 'active' : 'done';
}

/** Through the middle of each two points, so that bends are round. */
function smooth(points: readonly { readonly x: number; readonly y: number }[]): string {
  const [first, ...rest] = points;
  const last = rest.at(-1);
  if (first === undefined || last === undefined) return '';
  const bends = rest.slice(0, -1).map((point, index) => {
    const next = rest[index + 1] ?? point;
    return `Q${round(point.x)} ${round(point.y)} ${round((point.x + next.x) / 2)} ${round((point.y + next.y) / 2)}`;
  });
  return `M${round(first.x)} ${round(first.y)} ${bends.join(' ')} L${round(last.x)} ${round(last.y)}`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
