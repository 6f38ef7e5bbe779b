// The tree of the timeline and its critical path, from spans as the API answers them.
import { describe, expect, test } from 'vitest';
import type { Step } from '../../web/model/run.ts';
import { criticalPath } from '../../web/timeline/critical-path.ts';
import type { Span } from '../../web/timeline/spans.ts';
import { marksOf } from '../../web/timeline/strip.ts';
import { buildTree, pathTo, rowsOf, type TimelineNode } from '../../web/timeline/tree.ts';

type Part = Partial<Span> & Pick<Span, 'id'>;

function spansOf(...parts: readonly Part[]): ReadonlyMap<string, Span> {
  return new Map(
    parts.map((part) => {
      const [kind = '', name = ''] = part.id.split(':');
      const span = { kind, name, parentId: 'run', step: undefined, attempt: undefined, startMs: 0, endMs: 10 };
      const rest = { detail: '', usage: null, count: 0, startNs: '0', result: 'success', seq: undefined };
      return [part.id, { ...span, ...rest, ...part } as Span];
    }),
  );
}

const step = (id: string, part: Partial<Step> = {}): Step =>
  ({
    id,
    name: `Step ${id}`,
    needs: [],
    state: 'finished',
    outcome: { kind: 'success' },
    waitsFor: null,
    ...part,
  }) as Step;

function treeOf(spans: ReadonlyMap<string, Span>, steps: readonly Step[]): TimelineNode {
  const root = buildTree(spans, steps);
  if (root === undefined) throw new Error('there is no tree');
  return root;
}

/** The rows with their depth. */
function shown(root: TimelineNode, open: ReadonlyMap<string, boolean> = new Map()): readonly string[] {
  return rowsOf(root, open).map(({ node, level }) => `${'  '.repeat(level - 1)}${node.label}`);
}

const run: Part = { id: 'run', kind: 'run', name: 'nightly', parentId: undefined, endMs: 100 };
const started = (id: string, part: Partial<Span> = {}): Part => ({ id: `step:${id}`, step: id, ...part });

describe('the tree', () => {
  test('has the steps in the order of the plan, also those that did not run, and no attempt that is the only one', () => {
    const skipped = step('b', { outcome: { kind: 'skip', reason: 'need', message: 'a step that it needs failed' } });
    const root = treeOf(
      spansOf(
        run,
        started('c'),
        started('a'),
        { id: 'attempt:a#1', parentId: 'step:a', step: 'a' },
        { id: 'turn:1', parentId: 'attempt:a#1', step: 'a' },
        { id: 'tool:Bash', parentId: 'turn:1', step: 'a' },
        { id: 'attempt:c#1', parentId: 'step:c', step: 'c', name: 'attempt 1', startMs: 0 },
        { id: 'attempt:c#2', parentId: 'step:c', step: 'c', name: 'attempt 2', startMs: 5 },
      ),
      [step('a'), skipped, step('c')],
    );
    expect(shown(root)).toEqual([
      'nightly',
      '  Step a',
      '    Turn 1',
      '  Step b',
      '  Step c',
      '    Attempt 1',
      '    Attempt 2',
    ]);
    const [, b] = root.children;
    expect(b).toMatchObject({ state: 'skip', detail: 'a step that it needs failed', startMs: undefined });
    expect(pathTo(root, 'tool:Bash').map(({ label }) => label)).toEqual(['nightly', 'Step a', 'Turn 1', 'Bash']);
    expect(root).toMatchObject({ below: 7, failedBelow: 0 });
  });

  test('leaves out nothing: many are in groups, what has no parent is below the run, and what is over the bound is counted', () => {
    const calls = Array.from({ length: 1_000 }, (_, index) => ({
      ...{ id: `tool:${index}`, parentId: 'step:a', step: 'a', startMs: index, endMs: index + 1 },
      result: index === 250 ? 'tool_error' : 'success',
    }));
    const more = { id: 'more:a', kind: 'more', parentId: 'step:a', step: 'a', count: 500, startMs: 2_000 } as const;
    const root = treeOf(
      spansOf(
        run,
        started('a'),
        ...calls,
        more,
        { id: 'claude:orphan', parentId: 'claude:gone' },
        { id: 'claude:self', parentId: 'claude:self' },
      ),
      [step('a')],
    );
    expect(root.below).toBe(1 + 1_000 + 500 + 2);
    const a = root.children.find(({ id }) => id === 'step:a');
    expect(a?.children).toHaveLength(11);
    expect(a?.children[2]).toMatchObject({
      kind: 'group',
      label: '201 to 300',
      failedBelow: 1,
      startMs: 200,
      endMs: 300,
    });
    expect(a?.failedBelow).toBe(1);
    expect(shown(root).filter((label) => label.includes('orphan'))).toHaveLength(1);
  });

  test('is as deep as it can be read, whatever names what as its parent', () => {
    const chain = Array.from({ length: 20_000 }, (_, index) => ({
      ...{ id: `claude:${index}`, parentId: index === 0 ? 'step:a' : `claude:${index - 1}`, step: 'a' },
    }));
    const root = treeOf(spansOf(run, started('a'), ...chain), [step('a')]);
    expect(root.below).toBe(1 + 20_000);
  });

  test('shows what is below a closed row as marks within its bar, in which a failure wins', () => {
    const root = treeOf(
      spansOf(
        run,
        started('a', { endMs: 100 }),
        { id: 'model:m', parentId: 'step:a', step: 'a', startMs: 0, endMs: 50 },
        { id: 'tool:t', parentId: 'step:a', step: 'a', startMs: 50, endMs: 75, result: 'tool_error' },
      ),
      [step('a')],
    );
    const [a] = root.children;
    const marks = a === undefined ? [] : marksOf(a, { fromMs: 0, toMs: 200 }, 0);
    expect(marks.map(({ kind }) => kind)).toEqual(['model', 'failure']);
    expect(marks[0]).toMatchObject({ left: 0, width: 50 });
    expect((marks[1]?.left ?? 0) + (marks[1]?.width ?? 0)).toBeLessThanOrEqual(76);
  });
});

describe('the critical path', () => {
  const pathOf = (spans: ReadonlyMap<string, Span>, steps: readonly Step[], nowMs = 0) => {
    const path = criticalPath(treeOf(spans, steps), nowMs);
    return { steps: path.steps.map(({ id }) => id), lengthMs: path.lengthMs, ids: [...path.ids] };
  };

  test('goes from the step that ended last to the need that it waited for, and so on', () => {
    const spans = spansOf(
      run,
      started('a', { startMs: 0, endMs: 10 }),
      started('b', { startMs: 10, endMs: 30 }),
      started('c', { startMs: 10, endMs: 70 }),
      // It had to wait for a free place.
      started('d', { startMs: 75, endMs: 100 }),
    );
    const steps = [
      step('a'),
      step('b', { needs: ['a'] }),
      step('c', { needs: ['a'] }),
      step('d', { needs: ['b', 'c'] }),
    ];
    expect(pathOf(spans, steps)).toEqual({
      steps: ['a', 'c', 'd'],
      lengthMs: 10 + 60 + 25,
      ids: ['step:d', 'step:c', 'step:a', 'run'],
    });
  });

  test('within a step has the calls that came last, one after the other', () => {
    const spans = spansOf(
      run,
      started('a', { endMs: 100 }),
      { id: 'turn:1', parentId: 'step:a', step: 'a', startMs: 5, endMs: 60 },
      { id: 'model:m', parentId: 'turn:1', step: 'a', startMs: 5, endMs: 22 },
      { id: 'tool:short', parentId: 'turn:1', step: 'a', startMs: 20, endMs: 30 },
      { id: 'tool:long', parentId: 'turn:1', step: 'a', startMs: 20, endMs: 60 },
      { id: 'turn:2', parentId: 'step:a', step: 'a', startMs: 60, endMs: 95 },
    );
    expect(pathOf(spans, [step('a')]).ids).toEqual(['step:a', 'turn:2', 'turn:1', 'tool:long', 'model:m', 'run']);
  });

  test('of a run that continues ends with the step that has run longest', () => {
    const spans = spansOf(
      run,
      started('a', { startMs: 40, endMs: undefined }),
      started('b', { startMs: 20, endMs: undefined }),
    );
    expect(pathOf(spans, [step('a'), step('b')], 90)).toMatchObject({ steps: ['b'], lengthMs: 70 });
  });
});
