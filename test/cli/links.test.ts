// Links to a run open what is theirs at the time of the run, whenever they are followed.
import { expect, test } from 'vitest';
import { linksOf } from '../../src/cli/links.ts';
import { emptyRunState, type RunState } from '../../src/runs/index.ts';

const startMs = Date.UTC(2026, 10, 23, 15, 15, 7);
const ns = (ms: number): bigint => BigInt(ms) * 1_000_000n;
const run: RunState = {
  ...emptyRunState(),
  runId: '20261123-151507-k3f9x2',
  traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
  workflow: 'nightly',
  startedNs: ns(startMs),
};

function ended(durationMs: number): RunState {
  const endedNs = ns(startMs + durationMs);
  return { ...run, phase: { kind: 'finished', outcome: { kind: 'success' }, durationMs, endedNs } };
}

const settings = { grafanaUrl: 'https://grafana.example.com/', traceLink: undefined, logsLink: undefined };

function linksTo(state: Parameters<typeof linksOf>[1]) {
  const found = new Map(linksOf(settings, state).map(({ label, url }) => [label, new URL(url)]));
  const dashboard = found.get('dashboard')!.searchParams;
  const paneOf = (label: string) => JSON.parse(found.get(label)!.searchParams.get('panes')!).a;
  return { path: found.get('dashboard')!.pathname, dashboard, trace: paneOf('trace'), logs: paneOf('logs') };
}

test('a run that has ended fills what its links open', () => {
  const { path, dashboard, trace, logs } = linksTo(ended(2_000));
  expect(path).toBe('/d/stepspan-run');
  const range = { from: String(startMs - 5_000), to: String(startMs + 7_000) };
  expect(Object.fromEntries(dashboard)).toEqual({ 'var-run': run.runId, 'var-trace': run.traceId, ...range });
  expect(trace.range).toEqual(range);
  expect(trace.queries[0].query).toBe(run.traceId);
  expect(logs.range).toEqual(range);
  expect(logs.queries[0].expr).toContain(`"${run.runId}"`);
});

test('a long run has room at both ends in proportion to it', () => {
  const { dashboard } = linksTo(ended(10 * 3_600_000));
  expect(dashboard.get('from')).toBe(String(startMs - 1_800_000));
  expect(dashboard.get('to')).toBe(String(startMs + 10 * 3_600_000 + 1_800_000));
});

test('an active run is shown from its start to now', () => {
  const range = { from: String(startMs - 5_000), to: 'now' };
  const { dashboard, logs } = linksTo({ ...run, phase: { kind: 'running' } });
  expect([dashboard.get('from'), dashboard.get('to')]).toEqual([range.from, range.to]);
  expect(logs.range).toEqual(range);
});

test('a run whose start is not known is looked for in the last day', () => {
  const { dashboard, logs } = linksTo({ runId: run.runId, traceId: run.traceId, workflow: run.workflow });
  expect(dashboard.get('from')).toBeNull();
  expect(logs.range).toEqual({ from: 'now-24h', to: 'now' });
});

test('links of one’s own take the place of those of Grafana', () => {
  const own = linksOf(
    {
      grafanaUrl: undefined,
      traceLink: 'https://t.example/{traceId}',
      logsLink: 'https://l.example/{workflow}/{runId}',
    },
    run,
  );
  expect(own).toEqual([
    { label: 'trace', url: `https://t.example/${run.traceId}` },
    { label: 'logs', url: `https://l.example/nightly/${run.runId}` },
  ]);
});
