// Where each step and each arrow of the workflow graph is drawn. The layout is dagre's; sizes and paths are ours. Pure.
import { Graph, layout } from '@dagrejs/dagre';
import { type Step, stepState } from './run.ts';

export type GraphNode = { readonly step: Step; readonly x: number; readonly y: number };

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

/** Positions depend on the plan alone, so a node never moves while its run is active. */
export function layoutGraph(steps: readonly Step[]): GraphLayout {
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
    const at = pointOf(graph.node(step.id));
    return { step, x: at.x - nodeWidth / 2, y: at.y - nodeHeight / 2 };
  });
  const columns = new Set(nodes.map((node) => node.x));
  const edges = links.map(({ from, to }) => {
    const { points = [] } = graph.edge(from, to);
    // If an arrow passes other steps, dagre keeps a lane free for it: there it is level, as long as a step is wide.
    const lanes = points
      .slice(1, -1)
      .map(pointOf)
      .filter((point: Point) => columns.has(point.x - nodeWidth / 2));
    const path = curve(sideOf(graph, from, 1), lanes, sideOf(graph, to, -1));
    return { key: `${from} ${to}`, path, state: edgeState(byId.get(from), byId.get(to)) };
  });
  const { width = 0, height = 0 } = graph.graph();
  return { width, height, nodes, edges };
}

function edgeState(from: Step | undefined, to: Step | undefined): GraphEdge['state'] {
  if (to === undefined || from === undefined || to.state === 'planned') return 'waiting';
  return ['running', 'retrying', 'waiting'].includes(stepState(to)) ? 'active' : 'done';
}

type Point = { readonly x: number; readonly y: number };

/** The layout sets both; before it neither is there. */
function pointOf({ x = 0, y = 0 }: { readonly x?: number | undefined; readonly y?: number | undefined }): Point {
  return { x, y };
}

/** The middle of the right (1) or the left (-1) side of a node: an arrow begins and ends there. */
function sideOf(graph: Graph, id: string, side: 1 | -1): Point {
  const { x, y } = pointOf(graph.node(id));
  return { x: x + (side * nodeWidth) / 2, y };
}

function curve(start: Point, lanes: readonly Point[], end: Point): string {
  let at = start;
  let path = `M${round(start.x)} ${round(start.y)}`;
  const bendTo = (next: Point): void => {
    const middle = round((at.x + next.x) / 2);
    path += ` C${middle} ${round(at.y)} ${middle} ${round(next.y)} ${round(next.x)} ${round(next.y)}`;
    at = next;
  };
  for (const { x, y } of lanes) {
    bendTo({ x: x - nodeWidth / 2, y });
    at = { x: x + nodeWidth / 2, y };
    path += ` H${round(at.x)}`;
  }
  bendTo(end);
  return path;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
