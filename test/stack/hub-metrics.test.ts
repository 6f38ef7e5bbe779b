// The metrics of a hub in the real Prometheus: a run shorter than the scrape interval shows its increase, exemplars lead
// to its trace, and promtool has nothing to say against what is served.
import { execFileSync } from 'node:child_process';
import { expect, onTestFinished, test } from 'vitest';
import { catalogue } from '../../src/readers/measure/index.ts';
import { beginRun, endRun, hubOf, tempData } from '../hub/hub-rig.ts';
import { locateBackends } from './support/backends.ts';
import { startPrometheus } from './support/prometheus.ts';
import { eventually } from './support/service.ts';

test('a hub in Prometheus: increases of a short run, exemplars, every metric of the catalogue known', async () => {
  const data = tempData();
  const hub = await hubOf(data, { archive: true });
  const prometheus = await startPrometheus({ targets: { stepspan: `127.0.0.1:${hub.port}` } });
  onTestFinished(() => prometheus.remove());
  await prometheus.scraped();
  await endRun(beginRun(data));

  const [increase] = await eventually('the run shows as an increase', async () => {
    const found = await prometheus.query('increase(stepspan_runs_total{outcome="success"}[10m]) > 0');
    return found.length === 1 ? found : undefined;
  });
  // Prometheus extrapolates over the window, so it is not exactly 1; without a first sample at 0 it would be nothing.
  expect(increase?.value).toBeGreaterThan(0);
  const [total] = await prometheus.query('stepspan_runs_total{outcome="success"}');
  expect(total?.value).toBe(1);
  const first = await prometheus.query('min_over_time(stepspan_runs_total{outcome="success"}[10m])');
  expect(first[0]?.value).toBe(0);

  const exemplars = await eventually('an exemplar is there', async () => {
    const found = await prometheus.exemplars('stepspan_run_duration_seconds_bucket');
    return found.length > 0 ? found : undefined;
  });
  expect(exemplars[0]?.labels).toEqual({
    trace_id: '0123456789abcdef0123456789abcdef',
    span_id: expect.stringMatching(/^[0-9a-f]{16}$/),
  });

  const metadata = (await (await fetch(`${prometheus.url}/api/v1/metadata`)).json()) as {
    data: Record<string, { type: string }[]>;
  };
  for (const { name, type } of catalogue) {
    const known = metadata.data[name] ?? metadata.data[name.replace(/_total$/, '')];
    expect(known?.[0]?.type, name).toBe(type);
  }
  const text = await (await fetch(`${hub.url}/metrics`)).text();
  // It names a deviation from the conventions on standard error and then ends with 3.
  execFileSync(locateBackends().promtool, ['check', 'metrics'], { input: text });
});
