// What the views of the page are made from: addresses, filters, layout, time ranges, numbers, notices.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareSteps } from '../../web/model/compare.ts';
import { countByState, filterRuns, groupByDay, labelsIn, sparkline, startOfWeek } from '../../web/model/fleet.ts';
import { count, duration, money } from '../../web/model/format.ts';
import { layoutGraph } from '../../web/model/graph.ts';
import { isSamePlan, nodeHeight, nodeWidth, placeSteps } from '../../web/model/place-steps.ts';
import type { Run, RunRow, Step } from '../../web/model/run.ts';
import { seriesOf } from '../../web/model/series.ts';
import { formatRoute, parseRoute, type Route } from '../../web/route.ts';
import { fullRange, pan, ticks, zoom } from '../../web/timeline/range.ts';

const isoOf = (ms: number): string => new Date(ms).toISOString();
const row = (id: string, part: Partial<RunRow> = {}): RunRow => ({
  ...{ runId: id, traceId: '', workflow: 'nightly', description: '', file: '', resumedFrom: null },
  ...{ state: 'success', since: null, cause: '', until: null, message: '', warnings: 0, alertCount: 0 },
  ...{ startedAt: isoOf(Number(id)), endedAt: null, durationMs: 1000, currentStep: null, waitingUntil: null },
  ...{ totalSteps: 1, completedSteps: 1, reusedSteps: 0, skippedSteps: 0, progress: 100, tokens: 0 },
  ...{ params: {}, labels: {}, activity: null },
  ...{ costUsd: 0, costBasis: 'known', costAtLeastUsd: 0, costEstimated: false, ...part },
});
const step = (id: string, needs: readonly string[], part: Partial<Step> = {}): Step => ({
  ...{
    id,
    name: id,
    kind: 'run',
    needs,
    when: '',
    maxAttempts: 1,
    state: 'finished',
    outcome: { kind: 'success' },
    tolerated: false,
  },
  ...{ waitsFor: null, startedAt: isoOf(0), endedAt: null, durationMs: 100, activity: '', activitySince: null },
  ...{ costUsd: 0, costBasis: 'known', costAtLeastUsd: 0, lastLine: '', toolCalls: 0, toolErrors: 0 },
  ...{ lines: { stdout: 0, stderr: 0, system: 0, debug: 0 }, findings: { counts: {}, items: [] }, warning: '' },
  ...{ questions: [], askedCount: 0, askedWaitMs: 0, resources: null, attemptCount: 0, attempts: [], ...part },
});

describe('addresses', () => {
  test('come back as they were', () => {
    const route = {
      view: 'run',
      runId: '20261123-151507-k3f9x2',
      tab: 'timeline',
      line: 12,
      steps: ['a b', 'c'],
    } as const;
    expect(parseRoute(formatRoute(route))).toEqual(route);
    const chosen: Route = {
      ...{ view: 'run', runId: '20261123-151507-k3f9x2', tab: 'output', line: 12, to: 20, top: 4 },
      ...{ streams: [], severities: ['warning', 'error'], search: 'a & /b/?' },
    };
    expect(parseRoute(formatRoute(chosen))).toEqual(chosen);
    const span = { ...route, span: 'tool:a b#1:toolu_&' };
    expect(parseRoute(formatRoute(span))).toEqual(span);
    const list = { view: 'fleet', state: 'failed', workflow: 'a&b', search: '#1' } as const;
    expect(parseRoute(formatRoute(list))).toEqual(list);
    expect(formatRoute({ view: 'fleet', state: 'all', workflow: '', search: '' })).toBe('#/');
  });

  test.each(['#/runs/../../etc', '#/runs/%2e%2e', '#/runs/<script>', '#/nothing', '', '#/compare/a/..'])(
    'that are none show the runs: %s',
    (hash) => expect(parseRoute(hash)).toEqual({ view: 'fleet' }),
  );

  test('take a code from a link', () => {
    expect(parseRoute('#code=a-b_c')).toEqual({ view: 'login', code: 'a-b_c', to: { view: 'fleet' } });
  });

  test('take from a link where it leads, which is never another link', () => {
    const run = { view: 'run', runId: '20261123-151507-k3f9x2', tab: 'output' } as const;
    expect(parseRoute(`#code=a&to=/runs/${run.runId}`)).toEqual({ view: 'login', code: 'a', to: run });
    const at = { ...run, at: '1763928000000000001' } as const;
    expect(parseRoute(formatRoute(at))).toEqual(at);
    expect(parseRoute(`#/runs/${run.runId}/output?at=1e9`)).toEqual(run);
    const login = { view: 'login', code: 'a', to: { ...run, line: 3, steps: ['a&to=b'] } } as const;
    expect(parseRoute(formatRoute(login))).toEqual(login);
    expect(parseRoute('#code=a&to=code=b')).toEqual({ view: 'login', code: 'a', to: { view: 'fleet' } });
  });
});

describe('the fleet', () => {
  const rows = [
    row('1'),
    row('2', { state: 'failure', message: 'tests broke' }),
    row('3', { state: 'running', workflow: 'deploy' }),
  ];

  test('is filtered by state, workflow and words', () => {
    const ids = (filter: Parameters<typeof filterRuns>[1]): readonly string[] =>
      filterRuns(rows, filter).map((one) => one.runId);
    expect(ids({ state: 'failed', workflow: '', label: '', search: '' })).toEqual(['2']);
    expect(ids({ state: 'all', workflow: 'deploy', label: '', search: '' })).toEqual(['3']);
    expect(ids({ state: 'all', workflow: '', label: '', search: 'TESTS' })).toEqual(['2']);
    expect(countByState(rows)).toEqual({ all: 3, active: 1, failed: 1, succeeded: 1, cancelled: 0 });
  });

  test('finds a run by what it was started with', () => {
    const started = [row('1', { params: { branch: 'main' } }), row('2', { params: { branch: 'cart', deep: true } })];
    const found = filterRuns(started, { state: 'all', workflow: '', label: '', search: 'deep=true' });
    expect(found.map(({ runId }) => runId)).toEqual(['2']);
    const labelled = [row('1', { labels: { team: 'a' } }), row('2', { labels: { team: 'ab', pr: '1' } })];
    const ofTeam = filterRuns(labelled, { state: 'all', workflow: '', label: 'team=a', search: '' });
    expect(ofTeam.map(({ runId }) => runId)).toEqual(['1']);
    expect(labelsIn(labelled)).toEqual(['pr=1', 'team=a', 'team=ab']);
  });

  test('is grouped by the days of who looks, newest first', () => {
    const now = new Date(2026, 10, 28, 0, 30).getTime();
    const at = (...time: readonly [number, number, number, number]): RunRow =>
      row(String(new Date(...time, 0).getTime()), { startedAt: new Date(...time, 0).toISOString() });
    const days = groupByDay([at(2026, 10, 28, 0), at(2026, 10, 27, 23), at(2026, 10, 27, 1), at(2025, 10, 27, 1)], now);
    expect(days.map(({ name, rows: ofDay }) => [name, ofDay.length])).toEqual([
      ['Today', 1],
      ['Yesterday', 2],
      [expect.stringContaining('2025'), 1],
    ]);
    expect(new Date(startOfWeek(now)).getDay()).toBe(1);
  });

  test('shows earlier runs of the same workflow beside each, oldest first', () => {
    expect(sparkline(rows, row('2'), 0).map((bar) => bar.id)).toEqual(['1', '2']);
  });
});

describe('the graph', () => {
  test('leads an arrow past the steps between, not behind them', () => {
    const { nodes, edges } = layoutGraph([step('a', []), step('b', ['a']), step('c', ['b']), step('d', ['a', 'c'])]);
    const long = edges.find((edge) => edge.key === 'a d')?.path ?? '';
    const lanes = [...long.matchAll(/ ([\d.]+) H([\d.]+)/g)].map(([, y, end]) => ({ y: Number(y), end: Number(end) }));
    expect(lanes).toHaveLength(2);
    for (const { y, end } of lanes) {
      const passed = nodes.filter((node) => node.x < end && node.x + nodeWidth >= end);
      expect(passed).toHaveLength(1);
      for (const node of passed) expect(y < node.y || y > node.y + nodeHeight).toBe(true);
    }
  });

  test('puts a step to the right of what it needs', () => {
    const { nodes, edges } = layoutGraph([
      step('c', ['a', 'b']),
      step('a', []),
      step('b', ['a'], { state: 'running' }),
    ]);
    const x = (id: string): number => nodes.find((node) => node.step.id === id)?.x ?? Number.NaN;
    expect(x('a')).toBeLessThan(x('b'));
    expect(x('b')).toBeLessThan(x('c'));
    expect(edges.find((edge) => edge.key === 'a b')?.state).toBe('active');
    expect(edges.every((edge) => /^M[\d. ]+ C[\d. CH]+$/.test(edge.path))).toBe(true);
  });

  test('puts a large plan into columns: no two steps over each other, each behind its needs, no arrow that others imply', () => {
    const layer = (index: number) => Array.from({ length: 20 }, (_, row) => `s${index}-${row}`);
    const plan = Array.from({ length: 25 }, (_, index) => index).flatMap((index) =>
      layer(index).map((id) => ({
        id,
        needs: [...(index > 0 ? layer(index - 1) : []), ...(index > 1 ? layer(index - 2) : [])],
      })),
    );
    const { corners, arrows, width, height } = placeSteps(plan);
    const places = [...corners.values()].map(({ x, y }) => `${x} ${y}`);
    expect(new Set(places).size).toBe(500);
    expect(arrows).toHaveLength(24 * 400);
    for (const { from, to } of arrows) expect(corners.get(from)?.x).toBeLessThan(corners.get(to)?.x ?? 0);
    for (const { x, y } of corners.values()) {
      expect([x >= 0, y >= 0, x + nodeWidth <= width, y + nodeHeight <= height]).not.toContain(false);
    }
  });

  test('is placed again for another plan only', () => {
    const plan = [step('a', []), step('b', ['a'])];
    expect(isSamePlan(plan, [step('a', [], { state: 'running' }), step('b', ['a'])])).toBe(true);
    expect(isSamePlan(plan, [step('a', []), step('b', [])])).toBe(false);
    expect(isSamePlan(plan, [step('a', [])])).toBe(false);
    expect(isSamePlan(plan, [step('b', ['a']), step('a', [])])).toBe(false);
  });

  test('leaves out a need that no step has', () => {
    expect(layoutGraph([step('a', ['gone'])]).edges).toEqual([]);
  });
});

describe('the timeline', () => {
  test('stays within the run, however it is zoomed and moved', () => {
    const full = fullRange(1000, 1000, 61_000);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.double({ min: 0.2, max: 4, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true }))),
        (moves) => {
          let range = full;
          for (const [factor, share] of moves) {
            range = zoom(range, full, factor, range.fromMs + share * (range.toMs - range.fromMs));
            range = pan(range, full, (share - 0.5) * 30_000);
          }
          expect(range.fromMs).toBeGreaterThanOrEqual(full.fromMs - 0.01);
          expect(range.toMs).toBeLessThanOrEqual(full.toMs + 0.01);
          expect(range.toMs).toBeGreaterThan(range.fromMs);
        },
      ),
    );
    expect(ticks(full, full.fromMs).length).toBeLessThan(12);
  });

  test('shows all of a run again once it was zoomed out as far as it was zoomed in', () => {
    fc.assert(
      fc.property(fc.double({ min: 10, max: 1e8, noNaN: true }), fc.integer({ min: 1, max: 4 }), (tookMs, times) => {
        const whole = fullRange(1_795_893_301_123, 1_795_893_301_123 + tookMs, undefined);
        let range = whole;
        const middle = (): number => (range.fromMs + range.toMs) / 2;
        const factors = [...Array<number>(times).fill(0.5), ...Array<number>(times).fill(2)];
        for (const factor of factors) range = zoom(range, whole, factor, middle());
        if (tookMs / 2 ** times > 5) expect(range).toEqual(whole);
      }),
    );
  });

  test('ends with the run, and while it continues at a time that moves in steps', () => {
    expect(fullRange(1000, 61_000, undefined)).toEqual({ fromMs: 1000, toMs: 61_000 });
    const ends = Array.from({ length: 600 }, (_, second) => fullRange(0, 0, 60_000 + 1000 * second).toMs);
    for (const [second, end] of ends.entries()) expect(end).toBeGreaterThan(60_000 + 1000 * second);
    expect(new Set(ends).size).toBeLessThan(20);
  });
});

test('series have one column for each step and keep gaps', () => {
  const { steps, times, values } = seriesOf(
    [
      { timeMs: 0, step: 'a', value: 1 },
      { timeMs: 1000, step: 'b', value: 5 },
      { timeMs: 2000, step: 'a', value: 2 },
      { timeMs: 60_000, step: 'a', value: 3 },
    ],
    (sample) => sample.value,
  );
  expect(steps).toEqual(['a', 'b']);
  expect([times, ...values]).toEqual([
    [0, 1, 2, 60],
    [1, undefined, 2, 3],
    [null, 5, null, null],
  ]);
});

test('two runs are compared step by step', () => {
  const run = (steps: readonly Step[]): Run => ({ steps }) as unknown as Run;
  const [a, b] = compareSteps(
    run([step('a', [])]),
    run([step('a', [], { durationMs: 150, outcome: { kind: 'timeout', message: '', limitMs: 1 } }), step('b', [])]),
  );
  expect(a).toMatchObject({ id: 'a', durationDelta: 50, changed: true });
  expect(b).toMatchObject({ id: 'b', left: undefined, durationDelta: undefined });
});

test('numbers read as people write them', () => {
  expect([0, 820, 4_200, 59_990, 185_000, 7_440_000, 180_000_000].map(duration)).toEqual([
    '0 s',
    '820 ms',
    '4.2 s',
    '1 m 00 s',
    '3 m 05 s',
    '2 h 04 m',
    '2 d 02 h',
  ]);
  expect([0, 0.0042, 1.271, 340.2].map(money)).toEqual(['$0', '$0.0042', '$1.27', '$340.20']);
  expect([950, 12_400, 3_100_000].map((value) => count(value))).toEqual(['950', '12.4k', '3.10M']);
});
