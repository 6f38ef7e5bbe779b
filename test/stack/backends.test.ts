// The real Collector, Loki and Prometheus and the trace sink, each doing what the other stack tests rely on, and every
// promise that otel-collector.yaml and stack/loki.yaml make in a comment. No stepspan here: the input is plain OTLP.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type HttpServer, serveHttp } from '../support/http-server.ts';
import { locateBackends } from './support/backends.ts';
import { type Collector, startCollector } from './support/collector.ts';
import { needs } from './support/external-programs.ts';
import { type Loki, startLoki } from './support/loki.ts';
import { type Prometheus, startPrometheus } from './support/prometheus.ts';
import { eventually } from './support/service.ts';
import { startTraceSink, type TraceSink } from './support/trace-sink.ts';

const MS = 1_000_000n;
const HOUR_NS = 3_600_000n * MS;
const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const RUN = 'b7ad6b7169203331';
const STEP = '00f067aa0ba902b7';

const withLoki = needs('loki');
let loki: Loki;
let sink: TraceSink;
let collector: Collector;
let prometheus: Prometheus;
let application: HttpServer;

beforeAll(async () => {
  if (!withLoki.skip) loki = await startLoki();
  sink = await startTraceSink();
  collector = await startCollector({
    lokiEndpoint: loki?.otlpEndpoint ?? 'http://127.0.0.1:9',
    tempoEndpoint: sink.endpoint,
  });
  application = await serveOpenMetrics();
  prometheus = await startPrometheus({
    targets: { collector: collector.metricsTarget, application: application.host },
  });
});

afterAll(async () => {
  await Promise.all([application?.close(), collector?.remove(), loki?.remove(), prometheus?.remove(), sink?.close()]);
});

describe('locateBackends', () => {
  test('names install.sh when nothing is installed', () => {
    expect(() => locateBackends({ STEPSPAN_CACHE_DIR: '/nowhere' })).toThrow('bash test/stack/backends/install.sh');
  });
});

describe('a log record', withLoki, () => {
  test('goes through the Collector into Loki with its exact time, labels and metadata, and once when sent twice', async () => {
    const timeNs = nowNs() + 789n;
    const body = logs('once', [{ timeNs, line: 'hello from step one' }]);
    await post('/v1/logs', body);
    const [entry] = await arrived('once', 1);
    expect(entry).toMatchObject({
      timeNs,
      line: 'hello from step one',
      labels: { service_name: 'stepspan', cicd_pipeline_name: 'once' },
      metadata: { trace_id: TRACE_ID, span_id: STEP, severity_text: 'INFO', log_iostream: 'stdout' },
    });
    expect(Object.keys(entry!.labels).sort()).toEqual(['__time_shard__', 'cicd_pipeline_name', 'service_name']);
    expect(entry!.metadata.cicd_pipeline_run_id).toBe('run-1');

    // The second, different line shows when the copy has passed, as there is one sender and it keeps the order.
    await post('/v1/logs', body);
    await post('/v1/logs', logs('once', [{ timeNs: timeNs + 1n, line: 'the end' }]));
    const lines = (await arrived('once', 2)).map(({ line }) => line);
    expect(lines).toEqual(['hello from step one', 'the end']);
  });

  test('is read back in order and in full when there are more of them than pages hold', async () => {
    const total = 45_000;
    const startNs = nowNs();
    const all = Array.from({ length: total }, (_, i) => ({ timeNs: startNs + BigInt(i), line: `line ${i}` }));
    for (let i = 0; i < total; i += 5_000) await post('/v1/logs', logs('many', all.slice(i, i + 5_000)));
    const entries = await arrived('many', total);
    expect(entries.map(({ timeNs, line }) => ({ timeNs, line }))).toEqual(all);
  });

  test('is taken into a stream that has lines younger by hours, and found there at once, still once when sent twice', async () => {
    const now = nowNs();
    const old = logs('late', [{ timeNs: now - 30n * HOUR_NS, line: 'a replay' }]);
    await post('/v1/logs', logs('late', [{ timeNs: now, line: 'a newer run' }]));
    await arrived('late', 1);
    await post('/v1/logs', old);
    await post('/v1/logs', old);
    await post('/v1/logs', logs('late', [{ timeNs: now - 20n * HOUR_NS, line: 'its end' }]));
    const range = { startNs: now - 40n * HOUR_NS };
    const entries = await arrived('late', 3, range);
    expect(entries.map(({ line }) => line)).toEqual(['a replay', 'its end', 'a newer run']);
  });
});

describe('a trace', () => {
  test('goes through the Collector into the sink, as one tree, with a span sent twice kept once and counted', async () => {
    await post('/v1/traces', spans([{ spanId: STEP, parentSpanId: RUN, name: 'build', startNs: 20n * MS }]));
    await post('/v1/traces', spans([{ spanId: STEP, parentSpanId: RUN, name: 'a copy', startNs: 20n * MS }]));
    await post('/v1/traces', spans([{ spanId: RUN, name: 'RUN demo', startNs: 10n * MS }]));
    await sink.waitFor(TRACE_ID, (found) => found.some(({ spanId }) => spanId === RUN));
    const [root, ...others] = sink.tree(TRACE_ID);
    expect(others).toEqual([]);
    expect(root).toMatchObject({
      span: {
        name: 'RUN demo',
        kind: 'SERVER',
        status: { code: 'ERROR', message: 'exit code 1' },
        resource: { 'service.name': 'stepspan' },
        attributes: { attempts: 2, cost: 0.25, ok: true, tags: ['a', 'b'] },
      },
      children: [{ span: { name: 'build', startNs: 20n * MS, endNs: 21n * MS }, children: [] }],
    });
    expect(sink.duplicates()).toBe(1);
  });
});

describe('Prometheus', () => {
  test('scrapes every second and answers instant, range and exemplar queries', async () => {
    await prometheus.scraped();
    expect(await prometheus.query('sum by (job) (up)')).toMatchObject([
      { labels: { job: expect.any(String) }, value: 1 },
      { labels: { job: expect.any(String) }, value: 1 },
    ]);
    const end = Date.now() / 1000;
    const [series] = await prometheus.queryRange('runs_total', { start: end - 5, end });
    expect(series?.points.at(-1)?.value).toBe(7);
    expect(await prometheus.exemplars('runs_total')).toMatchObject([
      { series: { job: 'application' }, labels: { trace_id: TRACE_ID }, value: 1 },
    ]);
  });

  test("has the Collector's own metrics", async () => {
    await prometheus.scraped();
    const [sample] = await prometheus.query('otelcol_exporter_queue_capacity{exporter="otlp_http/loki"}');
    expect(sample?.value).toBe(1024 ** 3);
  });
});

describe('what the Collector has acknowledged', () => {
  test('survives an outage of Loki and a kill of the Collector in the middle of it', withLoki, async () => {
    const lines = Array.from({ length: 500 }, (_, i) => ({ timeNs: nowNs() + BigInt(i), line: `kept ${i}` }));
    await loki.stop();
    for (let i = 0; i < lines.length; i += 50) await post('/v1/logs', logs('outage', lines.slice(i, i + 50)));
    await collector.kill();
    await loki.start();
    await collector.start();
    const entries = await arrived('outage', lines.length);
    expect(entries.map(({ line }) => line)).toEqual(lines.map(({ line }) => line));
  });

  test('is all that it takes: a full queue answers 503, and takes more when the backend is back', async () => {
    sink.answerWith(503);
    const small = await startCollector({
      lokiEndpoint: 'http://127.0.0.1:9',
      tempoEndpoint: sink.endpoint,
      env: { OTELCOL_QUEUE_BYTES: '300000' },
    });
    try {
      const batch = spans([{ spanId: RUN, name: 'x'.repeat(100_000), startNs: 1n }]);
      const statuses: number[] = [];
      while (statuses.at(-1) !== 503 && statuses.length < 20) statuses.push(await send(small, '/v1/traces', batch));
      expect(statuses.at(0)).toBe(200);
      expect(statuses.at(-1)).toBe(503);
      sink.answerWith(200);
      await eventually('the queue takes data again', async () => {
        return (await send(small, '/v1/traces', batch)) === 200 || undefined;
      });
    } finally {
      sink.answerWith(200);
      await small.remove();
    }
  });
});

async function arrived(pipeline: string, count: number, range = {}) {
  const selector = `{cicd_pipeline_name="${pipeline}"}`;
  await eventually(`Loki has ${count} entries of ${selector}`, async () => {
    return (await loki.count(selector, range)) >= count || undefined;
  });
  expect(await loki.count(selector, range)).toBe(count);
  return loki.entries(selector, range);
}

async function post(path: string, body: object): Promise<void> {
  expect(await send(collector, path, body)).toBe(200);
}

async function send(to: Collector, path: string, body: object): Promise<number> {
  const headers = { 'content-type': 'application/json' };
  return (await fetch(`${to.endpoint}${path}`, { method: 'POST', headers, body: JSON.stringify(body) })).status;
}

const text = (key: string, stringValue: string) => ({ key, value: { stringValue } });

function logs(pipeline: string, records: { timeNs: bigint; line: string }[]): object {
  const logRecords = records.map(({ timeNs, line }) => ({
    timeUnixNano: `${timeNs}`,
    severityNumber: 9,
    severityText: 'INFO',
    body: { stringValue: line },
    attributes: [text('log.iostream', 'stdout')],
    traceId: TRACE_ID,
    spanId: STEP,
  }));
  const attributes = [
    text('service.name', 'stepspan'),
    text('cicd.pipeline.name', pipeline),
    text('cicd.pipeline.run.id', 'run-1'),
  ];
  return { resourceLogs: [{ resource: { attributes }, scopeLogs: [{ logRecords }] }] };
}

function spans(some: { spanId: string; parentSpanId?: string; name: string; startNs: bigint }[]): object {
  const full = some.map(({ startNs, ...span }) => ({
    ...span,
    traceId: TRACE_ID,
    kind: 2,
    startTimeUnixNano: `${startNs}`,
    endTimeUnixNano: `${startNs + MS}`,
    status: { code: 2, message: 'exit code 1' },
    attributes: [
      { key: 'attempts', value: { intValue: '2' } },
      { key: 'cost', value: { doubleValue: 0.25 } },
      { key: 'ok', value: { boolValue: true } },
      { key: 'tags', value: { arrayValue: { values: [{ stringValue: 'a' }, { stringValue: 'b' }] } } },
    ],
  }));
  const attributes = [text('service.name', 'stepspan')];
  return { resourceSpans: [{ resource: { attributes }, scopeSpans: [{ spans: full }] }] };
}

function serveOpenMetrics(): Promise<HttpServer> {
  const exposition = `# TYPE runs counter\nruns_total 7 # {trace_id="${TRACE_ID}"} 1\n# EOF\n`;
  return serveHttp((_request, response) => {
    response.setHeader('content-type', 'application/openmetrics-text; version=1.0.0; charset=utf-8').end(exposition);
  });
}

function nowNs(): bigint {
  return BigInt(Date.now()) * MS;
}
