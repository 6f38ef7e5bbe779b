// What a closed row shows of everything below it: parts of its width in the colour of what happened there. As many parts as can be
// distinguished, however many spans there are. Pure.
import type { TimeRange } from './range.ts';
import type { TimelineNode } from './tree.ts';

export type Mark = {
  readonly kind: 'model' | 'tool' | 'failure' | 'wait';
  readonly left: number;
  readonly width: number;
};

/** More cannot be distinguished. */
const parts = 160;
const byWeight = ['model', 'tool', 'wait', 'failure'] as const;

/** @returns marks in percent of what is seen of the bar of the node, from left to right */
export function marksOf(node: TimelineNode, seen: TimeRange, nowMs: number): readonly Mark[] {
  const fromMs = Math.max(seen.fromMs, node.startMs ?? seen.fromMs);
  const toMs = Math.min(seen.toMs, node.endMs ?? nowMs);
  const weights = new Uint8Array(parts);
  const perPart = Math.max(1e-6, (toMs - fromMs) / parts);
  const leaves = [...node.children];
  for (let leaf = leaves.pop(); leaf !== undefined; leaf = leaves.pop()) {
    for (const child of leaf.children) leaves.push(child);
    const kind = markKind(leaf);
    const weight = kind === undefined ? 0 : byWeight.indexOf(kind) + 1;
    if (weight === 0 || leaf.startMs === undefined) continue;
    const endMs = leaf.endMs ?? nowMs;
    if (endMs < fromMs || leaf.startMs > toMs) continue;
    const first = Math.max(0, Math.floor((leaf.startMs - fromMs) / perPart));
    const last = Math.min(parts - 1, Math.floor((endMs - fromMs) / perPart));
    for (let part = first; part <= last; part++) weights[part] = Math.max(weights[part] ?? 0, weight);
  }
  const marks: Mark[] = [];
  for (let part = 0; part < parts; ) {
    const weight = weights[part] ?? 0;
    let end = part + 1;
    while (end < parts && weights[end] === weight) end += 1;
    const kind = byWeight[weight - 1];
    if (kind !== undefined) marks.push({ kind, left: (100 * part) / parts, width: (100 * (end - part)) / parts });
    part = end;
  }
  return marks;
}

function markKind({ kind, state }: TimelineNode): Mark['kind'] | undefined {
  if (kind === 'retry_wait' || kind === 'stall' || kind === 'pause') return 'wait';
  if (kind !== 'model' && kind !== 'tool' && kind !== 'more' && kind !== 'attempt' && kind !== 'step') return undefined;
  if (state === 'failure' || state === 'error' || state === 'timeout') return kind === 'step' ? undefined : 'failure';
  return kind === 'model' ? 'model' : 'tool';
}
