// Where each step of the workflow graph and each arrow is drawn. Depends on the plan alone, so that a node never moves while its
// run continues, and a run is laid out once. Small graphs are dagre's; large ones, for which dagre takes seconds and draws arrows
// side by side over 50,000 pixels, are put into columns. Pure.
import { Graph, layout } from '@dagrejs/dagre';

/** What the layout depends on. */
export type PlannedStep = { readonly id: string; readonly needs: readonly string[] };

export type Link = { readonly from: string; readonly to: string };

export type Placed = {
  readonly width: number;
  readonly height: number;
  /** The left upper corner of each node. */
  readonly corners: ReadonlyMap<string, Point>;
  readonly arrows: readonly (Link & { readonly path: string })[];
};

export type Point = { readonly x: number; readonly y: number };

export const nodeWidth = 176;
export const nodeHeight = 46;

const nodeGap = 14;
const columnGap = 40;
const margin = 6;

/** With more arrows dagre takes long enough to be felt: 138 ms for 100 steps with 270, in which the page does not react. */
const MAX_DAGRE_LINKS = 80;

/** @param plan without cycles, as every checked workflow is; needs that no step has are left out */
export function placeSteps(plan: readonly PlannedStep[]): Placed {
  const ids = new Set(plan.map(({ id }) => id));
  const links = plan.flatMap(({ id, needs }) =>
    needs.filter((need) => ids.has(need)).map((need) => ({ from: need, to: id })),
  );
  return links.length > MAX_DAGRE_LINKS ? placeInColumns(plan, links) : placeByDagre(plan, links);
}

/** Whether two lists of steps are the same plan: then nothing has to be placed again. */
export function isSamePlan(one: readonly PlannedStep[], other: readonly PlannedStep[]): boolean {
  const isSameList = (a: readonly string[], b: readonly string[] | undefined): boolean =>
    a === b || (a.length === b?.length && a.every((need, index) => need === b[index]));
  return (
    one.length === other.length &&
    one.every(({ id, needs }, index) => id === other[index]?.id && isSameList(needs, other[index]?.needs))
  );
}

function placeByDagre(plan: readonly PlannedStep[], links: readonly Link[]): Placed {
  const graph = new Graph();
  graph.setGraph({ rankdir: 'LR', nodesep: nodeGap, ranksep: columnGap, marginx: margin, marginy: margin });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const { id } of plan) graph.setNode(id, { width: nodeWidth, height: nodeHeight });
  for (const { from, to } of links) graph.setEdge(from, to);
  layout(graph);
  const corners = new Map(
    plan.map(({ id }) => {
      const { x = 0, y = 0 } = graph.node(id);
      return [id, { x: x - nodeWidth / 2, y: y - nodeHeight / 2 }] as const;
    }),
  );
  const columns = new Set([...corners.values()].map(({ x }) => x));
  const arrows = links.map(({ from, to }) => {
    const { points = [] }: { readonly points?: readonly Point[] } = graph.edge(from, to);
    // If an arrow passes other steps, dagre keeps a lane free for it: there it is level, as long as a step is wide.
    const lanes = points.slice(1, -1).filter(({ x }) => columns.has(x - nodeWidth / 2));
    return { from, to, path: curve(rightSide(corners, from), lanes, leftSide(corners, to)) };
  });
  const { width = 0, height = 0 } = graph.graph();
  return { width, height, corners, arrows };
}

/**
 * Each step is in the column behind the last of its needs, and in it near the middle of them, which keeps most arrows short. An arrow
 * that others imply is not drawn: if `c` needs `a` and `b`, and `b` needs `a`, then `b` to `c` says it.
 */
function placeInColumns(plan: readonly PlannedStep[], links: readonly Link[]): Placed {
  const needs = Map.groupBy(links, ({ to }) => to);
  const columns = columnsOf(plan, needs);
  const rows = new Map<string, number>();
  for (const column of columns) {
    const middle = new Map(
      column.map((id) => {
        const above = (needs.get(id) ?? []).map(({ from }) => rows.get(from) ?? 0);
        return [id, above.reduce((sum, row) => sum + row, 0) / Math.max(1, above.length)];
      }),
    );
    const ordered = [...column].sort((a, b) => (middle.get(a) ?? 0) - (middle.get(b) ?? 0));
    for (const [row, id] of ordered.entries()) rows.set(id, row - (column.length - 1) / 2);
  }
  const tallest = Math.max(0, ...columns.map((column) => column.length));
  const height = 2 * margin + tallest * (nodeHeight + nodeGap) - nodeGap;
  const corners = new Map(
    columns.flatMap((column, index) =>
      column.map((id) => {
        const x = margin + index * (nodeWidth + columnGap);
        const y = (height - nodeHeight) / 2 + (rows.get(id) ?? 0) * (nodeHeight + nodeGap);
        return [id, { x, y }] as const;
      }),
    ),
  );
  const arrows = withoutImplied(columns, needs).map(({ from, to }) => ({
    from,
    to,
    path: curve(rightSide(corners, from), [], leftSide(corners, to)),
  }));
  return { width: 2 * margin + columns.length * (nodeWidth + columnGap) - columnGap, height, corners, arrows };
}

type Needs = ReadonlyMap<string, readonly Link[]>;

function columnsOf(plan: readonly PlannedStep[], needs: Needs): readonly (readonly string[])[] {
  const columns: string[][] = [];
  const placed = new Set<string>();
  for (let left = plan.map(({ id }) => id); left.length > 0; ) {
    const column = left.filter((id) => (needs.get(id) ?? []).every(({ from }) => placed.has(from)));
    if (column.length === 0) return [...columns, left];
    for (const id of column) placed.add(id);
    columns.push(column);
    left = left.filter((id) => !placed.has(id));
  }
  return columns;
}

function withoutImplied(columns: readonly (readonly string[])[], needs: Needs): readonly Link[] {
  const ids = columns.flat();
  const numbers = new Map(ids.map((id, number) => [id, number]));
  const words = Math.ceil(ids.length / 32);
  /** What each step comes after, whether it says so itself or another says it: a bit for each step. */
  const before = new Map<string, Uint32Array>();
  const drawn: Link[] = [];
  for (const id of ids) {
    const own = needs.get(id) ?? [];
    const implied = new Uint32Array(words);
    for (const { from } of own) {
      const earlier = before.get(from);
      if (earlier !== undefined)
        for (let word = 0; word < words; word++) implied[word] = (implied[word] ?? 0) | (earlier[word] ?? 0);
    }
    for (const link of own) {
      const number = numbers.get(link.from) ?? 0;
      if ((((implied[number >>> 5] ?? 0) >>> (number & 31)) & 1) === 0) drawn.push(link);
    }
    for (const { from } of own) {
      const number = numbers.get(from) ?? 0;
      implied[number >>> 5] = (implied[number >>> 5] ?? 0) | (1 << (number & 31));
    }
    before.set(id, implied);
  }
  return drawn;
}

/** Where an arrow begins: the middle of the right side of its node. */
function rightSide(corners: ReadonlyMap<string, Point>, id: string): Point {
  const { x, y } = corners.get(id) ?? { x: 0, y: 0 };
  return { x: x + nodeWidth, y: y + nodeHeight / 2 };
}

function leftSide(corners: ReadonlyMap<string, Point>, id: string): Point {
  const { x, y } = corners.get(id) ?? { x: 0, y: 0 };
  return { x, y: y + nodeHeight / 2 };
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
