// What the graph says of a step, and that a large, dense plan is placed by its columns alone.
import { expect, test } from 'vitest';
import { detailOf, factsOf, spokenOf } from '../../web/graph/step-text.ts';
import { placeSteps } from '../../web/model/place-steps.ts';
import type { Step } from '../../web/model/run.ts';

const step = (part: Partial<Step>): Step =>
  ({
    ...{ id: 'a', name: 'Deploy', kind: 'run', needs: [], state: 'planned', outcome: null, waitsFor: null, when: '' },
    ...{ maxAttempts: 1, attemptCount: 0, attempts: [], startedAt: null, durationMs: null, activity: '', warning: '' },
    ...part,
  }) as Step;

test('a step that was skipped says why, and one with a condition when it runs', () => {
  const outcome = { kind: 'skip', reason: 'when', message: 'its `when` is false' } as const;
  const skipped = step({ state: 'finished', outcome, when: 'failure()', needs: ['b'], maxAttempts: 3 });
  expect(detailOf(skipped, 0)).toBe('skipped');
  expect(factsOf(skipped, new Map([['b', 'Build']]), 0)).toEqual([
    ['State', 'skipped'],
    ['Why', 'its `when` is false'],
    ['Attempts', '0 of at most 3'],
    ['When', 'failure()'],
    ['After', 'Build'],
  ]);
  expect(spokenOf(skipped, 0)).toBe('Deploy skipped, skipped, its `when` is false, when failure()');
});

test('five hundred steps with ten thousand arrows keep those that no others imply', () => {
  // Each step needs about twenty of those before it.
  let seed = 7;
  const random = (below: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return seed % below;
  };
  const plan = Array.from({ length: 500 }, (_, index) => ({
    id: `s${index}`,
    needs: index === 0 ? [] : [...new Set(Array.from({ length: 22 }, () => `s${random(index)}`))],
  }));
  const { arrows } = placeSteps(plan);
  const needs = new Map(plan.map(({ id, needs: own }) => [id, own]));
  const above = new Map<string, Set<string>>();
  for (const { id, needs: own } of plan)
    above.set(id, new Set(own.flatMap((need) => [need, ...(above.get(need) ?? [])])));
  const isImplied = (from: string, to: string) => (needs.get(to) ?? []).some((other) => above.get(other)?.has(from));
  const expected = plan.flatMap(({ id, needs: own }) =>
    own.filter((need) => !isImplied(need, id)).map((need) => `${need} ${id}`),
  );
  expect(arrows.map(({ from, to }) => `${from} ${to}`).sort()).toEqual(expected.sort());
});
