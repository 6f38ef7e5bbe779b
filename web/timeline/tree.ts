// The tree of a timeline: the run, its steps in the order of the plan (those that have not run, too), their attempts if there are
// several, turns, calls and subagents. Where many are side by side they stand in groups, so that nothing is left out. Pure.
import { formatCount } from '../../src/core/units.ts';
import type { Step } from '../model/run.ts';
import { type StepState, stepState } from '../model/run.ts';
import type { Span } from './spans.ts';

export type NodeKind = Span['kind'] | 'group';

export type TimelineNode = {
  readonly id: string;
  readonly kind: NodeKind;
  readonly label: string;
  /** What it is about, in one line. */
  readonly detail: string;
  /** Undefined for a group, and for a step that has not run. */
  readonly span: Span | undefined;
  readonly step: Step | undefined;
  readonly startMs: number | undefined;
  /** Undefined while it lasts. */
  readonly endMs: number | undefined;
  readonly state: StepState | 'stuck' | 'none';
  readonly children: readonly TimelineNode[];
  /** Spans below it, and how many of them failed. */
  readonly below: number;
  readonly failedBelow: number;
};

/** More children than fill a screen stand in groups of this many. */
const groupSize = 100;
const maxChildren = 200;
/** A tree that is deeper cannot be read; what is below is then beside each other. */
const maxDepth = 24;

type Draft = { readonly span: Span; readonly children: Draft[]; depth: number };

/** @param steps in the order of the plan */
export function buildTree(spans: ReadonlyMap<string, Span>, steps: readonly Step[]): TimelineNode | undefined {
  const drafts = linked(spans);
  const run = drafts.get('run');
  if (run === undefined) return undefined;
  const started = new Map(
    run.children.filter(({ span }) => span.kind === 'step').map((draft) => [draft.span.step ?? '', draft]),
  );
  const others = run.children.filter(({ span }) => span.kind !== 'step');
  const known = new Set(steps.map(({ id }) => id));
  const unplanned = [...started].filter(([id]) => !known.has(id)).map(([, draft]) => nodeOf(draft, undefined));
  const children = [
    ...others.map((draft) => nodeOf(draft, undefined)),
    ...steps.map((step) => stepNode(step, started.get(step.id))),
    ...unplanned,
  ];
  return withChildren(plainNode(run.span, undefined), grouped(children));
}

/** Each below its parent. What has none here, or is its own ancestor, is below the run. */
function linked(spans: ReadonlyMap<string, Span>): ReadonlyMap<string, Draft> {
  const drafts = new Map<string, Draft>();
  for (const span of spans.values()) drafts.set(span.id, { span, children: [], depth: -1 });
  const byParent = new Map<string, Draft[]>();
  for (const draft of drafts.values()) {
    const { parentId = '' } = draft.span;
    const list = byParent.get(parentId);
    if (list === undefined) byParent.set(parentId, [draft]);
    else list.push(draft);
  }
  const run = drafts.get('run');
  if (run === undefined) return drafts;
  const take = (root: Draft): void => {
    for (const queue = [root]; ; ) {
      const next = queue.pop();
      if (next === undefined) return;
      for (const child of byParent.get(next.span.id) ?? []) {
        if (child.depth !== -1 || child === run) continue;
        child.depth = Math.min(next.depth + 1, maxDepth);
        next.children.push(child);
        queue.push(child);
      }
    }
  };
  run.depth = 0;
  take(run);
  for (const draft of drafts.values()) {
    if (draft.depth !== -1) continue;
    draft.depth = 1;
    run.children.push(draft);
    take(draft);
  }
  return drafts;
}

function stepNode(step: Step, draft: Draft | undefined): TimelineNode {
  const state = step.waitsFor?.kind === 'stall' ? 'stuck' : stepState(step);
  if (draft === undefined) {
    const detail = step.outcome !== null && step.outcome.kind !== 'success' ? step.outcome.message : '';
    const times = { startMs: undefined, endMs: undefined, span: undefined };
    const empty = { children: [], below: 0, failedBelow: 0 };
    return { ...empty, ...times, id: `step:${step.id}`, kind: 'step', label: step.name, detail, step, state };
  }
  const attempts = draft.children.filter(({ span }) => span.kind === 'attempt');
  // The one attempt of a step is the step.
  const [only] = attempts.length === 1 ? attempts : [];
  const children = draft.children.flatMap((child) => (child === only ? child.children : [child]));
  const nodes = children.map((child) => nodeOf(child, step)).sort(byStart);
  const node = plainNode(draft.span, step);
  return withChildren({ ...node, label: step.name, detail: '', state }, grouped(nodes));
}

function nodeOf(draft: Draft, step: Step | undefined): TimelineNode {
  const children = draft.depth >= maxDepth ? flattened(draft) : draft.children;
  const nodes = children.map((child) => nodeOf(child, step)).sort(byStart);
  return withChildren(plainNode(draft.span, step), grouped(nodes));
}

/** Everything below, as leaves. */
function flattened(draft: Draft): readonly Draft[] {
  const all: Draft[] = [];
  for (const queue = [...draft.children]; ; ) {
    const next = queue.pop();
    if (next === undefined) return all;
    all.push({ ...next, children: [], depth: 0 });
    queue.push(...next.children);
  }
}

function byStart(a: TimelineNode, b: TimelineNode): number {
  return (a.startMs ?? 0) - (b.startMs ?? 0);
}

function plainNode(span: Span, step: Step | undefined): TimelineNode {
  const { startMs, endMs } = span;
  const [label, detail] = wordsOf(span);
  const place = { startMs, endMs, children: [], below: span.kind === 'more' ? span.count : 0, failedBelow: 0 };
  return { ...place, id: span.id, kind: span.kind, label, detail, span, step, state: stateOf(span) };
}

function withChildren(node: TimelineNode, children: readonly TimelineNode[]): TimelineNode {
  let { below, failedBelow } = node;
  for (const child of children) {
    below += child.below + (child.kind === 'group' || child.kind === 'more' ? 0 : 1);
    failedBelow += child.failedBelow + (child.state === 'failure' ? 1 : 0);
  }
  const detail = node.kind === 'turn' ? toolsOf(children) : node.detail;
  return { ...node, detail, children, below, failedBelow };
}

function grouped(children: readonly TimelineNode[]): readonly TimelineNode[] {
  if (children.length <= maxChildren) return children;
  const groups: TimelineNode[] = [];
  for (let at = 0; at < children.length; at += groupSize) {
    const own = children.slice(at, at + groupSize);
    const first = own[0];
    const label = `${formatCount(at + 1)} to ${formatCount(at + own.length)}`;
    const started = own.filter(({ startMs }) => startMs !== undefined);
    const isOpen = started.some(({ endMs }) => endMs === undefined);
    groups.push(
      withChildren(
        {
          ...{ id: `group:${first?.id}`, kind: 'group', label, detail: '', span: undefined, step: first?.step },
          startMs:
            started.length === 0
              ? undefined
              : started.reduce((least, { startMs }) => Math.min(least, startMs ?? least), Number.POSITIVE_INFINITY),
          endMs:
            isOpen || started.length === 0
              ? undefined
              : started.reduce((most, { endMs }) => Math.max(most, endMs ?? most), 0),
          ...{ state: isOpen ? 'running' : 'none', children: [], below: 0, failedBelow: 0 },
        },
        own,
      ),
    );
  }
  return groups;
}

function stateOf({ result, endMs, kind }: Span): TimelineNode['state'] {
  if (endMs === undefined) return kind === 'stall' ? 'stuck' : 'running';
  switch (result) {
    case 'tool_error':
    case 'failure':
      return 'failure';
    case 'success':
    case 'error':
    case 'timeout':
    case 'cancellation':
    case 'skip':
      return result;
    default:
      return 'none';
  }
}

/** The names of the tools that a turn called, each once. */
function toolsOf(children: readonly TimelineNode[]): string {
  const names = Map.groupBy(
    children.filter(({ kind }) => kind === 'tool'),
    ({ label }) => label,
  );
  return [...names].map(([name, calls]) => (calls.length === 1 ? name : `${name} × ${calls.length}`)).join(', ');
}

function wordsOf({ kind, name, detail, count }: Span): readonly [string, string] {
  switch (kind) {
    case 'run':
      return [name === '' ? '(no name)' : name, ''];
    case 'attempt':
      return [`Attempt ${name.replace(/^attempt /, '')}`, ''];
    case 'retry_wait':
      return [`${name[0]?.toUpperCase() ?? ''}${name.slice(1)}`, ''];
    case 'pause':
      return ['Paused', name === '' ? '' : `by ${name}`];
    case 'stall':
      return ['Stuck', name.replaceAll('_', ' ')];
    case 'turn':
      return [`Turn ${name}`, ''];
    case 'model':
      return ['Model', name === 'model' ? '' : name];
    case 'claude':
      return [claudeWords[name] ?? name, detail];
    case 'more':
      return [`${formatCount(count)} more spans`, 'over the bound of what is kept one by one'];
    case 'step':
    case 'tool':
      return [name, detail];
  }
}

const claudeWords: Readonly<Record<string, string | undefined>> = {
  'tool.execution': 'Execution',
  'tool.blocked_on_user': 'Permission',
  interaction: 'Interaction',
  hook: 'Hook',
};

/** A row of the tree that is shown: a node with its place among its siblings. */
export type Row = {
  readonly node: TimelineNode;
  readonly level: number;
  readonly parentId: string | undefined;
  readonly position: number;
  readonly siblings: number;
};

/** Whether a node shows what is below it, if nobody has chosen: runs, steps and the attempt that counts. */
export function isOpenAtFirst({ kind, children }: TimelineNode, isLast: boolean): boolean {
  if (children.length === 0) return false;
  if (kind === 'run') return true;
  return kind === 'step' || (kind === 'attempt' && isLast);
}

/** The rows of everything that is open. @param open what was chosen, by id */
export function rowsOf(root: TimelineNode, open: ReadonlyMap<string, boolean>): readonly Row[] {
  const rows: Row[] = [];
  const add = (row: Row): void => {
    rows.push(row);
    const { node, level, position, siblings } = row;
    if (!(open.get(node.id) ?? isOpenAtFirst(node, position === siblings))) return;
    const below = { level: level + 1, parentId: node.id, siblings: node.children.length };
    for (const [index, child] of node.children.entries()) add({ node: child, ...below, position: index + 1 });
  };
  add({ node: root, level: 1, parentId: undefined, position: 1, siblings: 1 });
  return rows;
}

/** The nodes from the root to one; empty if it is not there. */
export function pathTo(root: TimelineNode, id: string): readonly TimelineNode[] {
  if (root.id === id) return [root];
  for (const child of root.children) {
    const path = pathTo(child, id);
    if (path.length > 0) return [root, ...path];
  }
  return [];
}
