// Metrics of runs that nobody scrapes, over OTLP, in a real Prometheus: by its own intake in both encodings, and through the real
// Collector. They have the names that a scrape has, count what happened, and a hub that is scraped besides adds nothing.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CliRig, startCliRig } from '../support/cli-rig.ts';
import { type Collector, startCollector } from './support/collector.ts';
import { type Prometheus, startPrometheus } from './support/prometheus.ts';
import { eventually, freePorts } from './support/service.ts';

const workflow = `
name: ci
steps:
  - id: build
    run: echo one; echo two
  - id: check
    retries: {max: 1, delay: 10ms}
    run: test "$STEPSPAN_ATTEMPT" = 2
`;

let rig: CliRig;
let prometheus: Prometheus;
let collector: Collector;
let hubPort: number;
let file: string;

beforeAll(async () => {
  rig = await startCliRig();
  file = rig.write('ci.yaml', workflow);
  [hubPort = 0] = await freePorts(1);
  prometheus = await startPrometheus({ targets: { hub: `127.0.0.1:${hubPort}` }, takesOtlp: true });
  collector = await startCollector({
    lokiEndpoint: 'http://127.0.0.1:9',
    tempoEndpoint: 'http://127.0.0.1:9',
    configs: ['otel-collector.yaml', 'otel-collector-metrics.yaml'],
    env: { PROMETHEUS_OTLP_ENDPOINT: `${prometheus.url}/api/v1/otlp` },
  });
});
afterAll(async () => {
  await Promise.all([rig?.close(), collector?.remove()]);
  await prometheus?.remove();
});

/** The sum over all runs, each an instance of its own whose sums began at 0. */
async function sumOf(promql: string): Promise<number> {
  const samples = await prometheus.query(`sum(last_over_time(${promql}[1h]))`);
  return samples.reduce((sum, { value }) => sum + value, 0);
}

async function runWith(env: Readonly<Record<string, string>>): Promise<void> {
  const { code, stderr } = await rig.run(['run', file, '--ship-wait', '60s'], {
    OTEL_METRICS_EXPORTER: 'otlp',
    ...env,
  });
  expect({ code, unsent: /not taken.*/.exec(stderr)?.[0] }).toEqual({ code: 0, unsent: undefined });
}

describe('the metrics of a run', () => {
  test.each(['http/protobuf', 'http/json'])('are taken by the intake of Prometheus itself (%s)', async (protocol) => {
    const before = await sumOf('stepspan_runs_total{outcome="success"}');
    await runWith({
      OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: `${prometheus.url}/api/v1/otlp/v1/metrics`,
      OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
    });
    await eventually('the run', async () =>
      (await sumOf('stepspan_runs_total{outcome="success"}')) === before + 1 ? true : undefined,
    );
  });

  test('are taken by the Collector, and come to Prometheus from there', async () => {
    const before = await sumOf('stepspan_runs_total{outcome="success"}');
    await runWith({ OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: `${collector.endpoint}/v1/metrics` });
    await eventually('the run', async () =>
      (await sumOf('stepspan_runs_total{outcome="success"}')) === before + 1 ? true : undefined,
    );
  });

  test('have the names, labels and values of a scrape, and show as an increase', async () => {
    const seen = {
      steps: await sumOf('stepspan_steps_total{workflow="ci",step="build",outcome="success"}'),
      retries: await sumOf('stepspan_step_retries_total{workflow="ci",step="check"}'),
      lines: await sumOf('stepspan_output_lines_total{workflow="ci",stream="stdout"}'),
      durations: await sumOf('stepspan_run_duration_seconds_count{workflow="ci",outcome="success"}'),
      buckets: await sumOf('stepspan_run_duration_seconds_bucket{workflow="ci",outcome="success",le="+Inf"}'),
      convention: await sumOf('cicd_pipeline_run_duration_seconds_count{cicd_pipeline_name="ci"}'),
    };
    expect(seen).toEqual({ convention: 3, steps: 3, retries: 3, lines: 6, durations: 3, buckets: 3 });
    const names = await prometheus.query('count by (__name__) (last_over_time({job="stepspan"}[1h]))');
    const odd = names
      .map(({ labels }) => labels.__name__ ?? '')
      .filter((name) => /_total_total|_seconds_seconds|_bytes_bytes|_usd_|USD_total_|_ratio_ratio/i.test(name))
      .filter((name) => !/^(stepspan_cost_usd_total|claude_code_cost_usage_USD_total)$/.test(name));
    expect(odd).toEqual([]);
    const increase = await prometheus.query('sum(increase(stepspan_runs_total{outcome="success"}[10m]))');
    expect(increase[0]?.value ?? 0).toBeGreaterThan(2.9);
  });

  test('are not counted a second time by a hub of the same data folder that is scraped', async () => {
    const hub = rig.start(['serve', '--port', String(hubPort)]);
    try {
      await hub.url();
      await eventually('a scrape of the hub', async () => {
        const [counted] = await prometheus.query('stepspan_hub_uncounted_runs{job="hub"}');
        const [stored] = await prometheus.query('stepspan_stored_runs{job="hub"}');
        return counted?.value === 0 && stored?.value === 3 ? true : undefined;
      });
      await prometheus.scraped();
      await prometheus.scraped();
      expect(await sumOf('stepspan_runs_total{job="hub"}')).toBe(0);
      expect(await sumOf('stepspan_runs_total')).toBe(3);
      // While it is there, it counts, and the run sends nothing.
      await runWith({ OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: `${prometheus.url}/api/v1/otlp/v1/metrics` });
      await eventually('the run', async () =>
        (await sumOf('stepspan_runs_total{job="hub",outcome="success"}')) === 1 ? true : undefined,
      );
      expect(await sumOf('stepspan_runs_total')).toBe(4);
    } finally {
      hub.child.kill('SIGTERM');
      await hub.done;
    }
  });
});
