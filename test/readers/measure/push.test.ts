// The metrics of a run over OTLP, for runs that nobody can scrape: what a real HTTP server gets of real runs, over outages, and
// what a hub then counts.
import { mkdtempSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { arrayAt, isObject, type JsonObject, objectAt, objectsAt } from '../../../src/core/json.ts';
import { createRunCounter } from '../../../src/hub/count-runs.ts';
import { writeHubRecord } from '../../../src/hub/hub-files.ts';
import { pushRest } from '../../../src/hub/push-run.ts';
import { dataFolder, openJournal, savedPosition } from '../../../src/journal/index.ts';
import { type RunDone, startWorkflow } from '../../../src/library/run-workflow.ts';
import { itemsIn } from '../../../src/otlp/request.ts';
import { attributesOf } from '../../../src/otlp/values.ts';
import { createMeasure, metrics, pushCursor } from '../../../src/readers/measure/index.ts';
import { readMetricSettings } from '../../../src/readers/ship/index.ts';
import { startCliRig } from '../../support/cli-rig.ts';
import { type HttpServer, jsonOf, serveHttp } from '../../support/http-server.ts';

type Point = { readonly labels: Record<string, unknown>; readonly value: number; readonly at: string };

/** An intake for OTLP/JSON that keeps what it acknowledged. @param statusOf by the number of the request */
async function intake(statusOf: (index: number) => number = () => 200) {
  const requests: JsonObject[] = [];
  let count = 0;
  const server: HttpServer = await serveHttp(async (request, response) => {
    const body = await jsonOf<JsonObject>(request);
    const status = statusOf(count++);
    if (status === 200) requests.push(body);
    response.writeHead(status, { 'content-type': 'application/json' }).end('{}');
  });
  onTestFinished(server.close);
  /** Points of a metric, by request. */
  const points = (name: string): Point[][] =>
    requests.map((request) =>
      [...itemsIn(request, 'metrics')]
        .filter((metric) => metric.name === name)
        .flatMap((metric) => [
          ...objectsAt(objectAt(metric, 'sum'), 'dataPoints'),
          ...objectsAt(objectAt(metric, 'gauge'), 'dataPoints'),
          ...objectsAt(objectAt(metric, 'histogram'), 'dataPoints'),
        ])
        .map((point) => ({
          labels: attributesOf(point),
          value: Number(point.asDouble ?? point.asInt ?? point.count),
          at: String(point.timeUnixNano),
        })),
    );
  /** Runs that have ended, by the last export of this one. */
  const total = (runId: string): number => {
    const own = requests.filter((request) => JSON.stringify(request.resourceMetrics).includes(runId)).slice(-1);
    const ends = own.flatMap((request) => [...itemsIn(request, 'metrics')]);
    return ends
      .filter(({ name }) => name === 'stepspan_runs_total')
      .flatMap((metric) => objectsAt(objectAt(metric, 'sum'), 'dataPoints'))
      .reduce((sum, point) => sum + Number(point.asDouble ?? point.asInt), 0);
  };
  const until = async (isTrue: () => boolean): Promise<void> => {
    while (!isTrue()) await delay(20);
  };
  const ended = (runId: string): boolean => total(runId) > 0;
  return { url: server.url, requests, count: () => count, points, total, ended, until, close: server.close };
}

function newDataDir(): string {
  const dir = mkdtempSync(path.join(tmpdir(), 'stepspan-push-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

async function runOne(url: string, dataDir: string, more: { readonly shipWaitMs?: number } = {}): Promise<RunDone> {
  const started = await startWorkflow({
    workflow: { name: 'ci', steps: [{ id: 'a', run: 'echo one; echo two' }] },
    cwd: dataDir,
    dataDir,
    env: envOf(url),
    control: false,
    ...more,
  });
  if (started.kind !== 'started') throw new Error(started.message);
  return started.run.done;
}

const envOf = (url: string) => ({
  PATH: process.env.PATH,
  OTEL_METRICS_EXPORTER: 'otlp',
  OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: `${url}/v1/metrics`,
  OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
});

const totals = (points: readonly Point[][], labels: Record<string, unknown>): number[] =>
  points.map((each) =>
    each
      .filter((point) => Object.entries(labels).every(([name, value]) => point.labels[name] === value))
      .reduce((sum, { value }) => sum + value, 0),
  );

/** What a hub counts of the data folder as it is now. */
async function countedByHub(dataDir: string): Promise<number> {
  const data = dataFolder(dataDir);
  const measure = createMeasure({ scope: 'hub', version: '1', sinceMs: 0 });
  const counter = createRunCounter({ data, measure, endedRunOf: async () => undefined, sinceMs: 0, onError: () => {} });
  const runIds = data.listRunIds();
  const runs = runIds.map((runId) => ({ kind: 'ended', runId }) as never);
  await counter.look({ runs, present: new Set(runIds), settle: () => {} } as never);
  const series = measure.snapshot().seriesOf(metrics.runsStarted);
  return series.reduce((sum, one) => sum + (one.kind === 'counter' ? one.value : 0), 0);
}

test('every series is at 0 before it counts, and the end of the run is in the last export', async () => {
  const sink = await intake();
  const dataDir = newDataDir();
  const { metricsNote, result } = await runOne(sink.url, dataDir);
  expect(metricsNote).toBe('');
  const ended = totals(sink.points('stepspan_runs_total'), { workflow: 'ci', outcome: 'success' });
  expect(ended[0]).toBe(0);
  expect(ended.at(-1)).toBe(1);
  expect(totals(sink.points('stepspan_output_lines_total'), { stream: 'stdout' }).at(-1)).toBe(2);
  expect(totals(sink.points('stepspan_run_duration_seconds'), { outcome: 'success' }).at(-1)).toBe(1);
  expect(totals(sink.points('stepspan_active_runs'), { workflow: 'ci' }).at(-1)).toBe(0);
  // One that a convention names has its name and attributes.
  const pipeline = { 'cicd.pipeline.name': 'ci', 'cicd.pipeline.result': 'success' };
  expect(totals(sink.points('cicd.pipeline.run.duration'), pipeline).at(-1)).toBe(1);
  const times = sink.points('stepspan_runs_total').map(([first]) => first?.at);
  expect(new Set(times).size).toBe(times.length);
  const [resource] = sink.requests.flatMap((request) => objectsAt(request, 'resourceMetrics'));
  expect(attributesOf(objectAt(resource ?? {}, 'resource'))).toMatchObject({
    'service.name': 'stepspan',
    'service.instance.id': result.runId,
  });
  expect(sink.requests.every((request) => isObject(request) && arrayAt(request, 'resourceMetrics').length === 1)).toBe(
    true,
  );
  // What a shipper does is not said by the run: it would be a 0 that is not true.
  expect(sink.points('stepspan_shipper_sent_records_total').flat()).toEqual([]);
});

describe('an intake that', () => {
  test('is busy at first gets all of it', async () => {
    const sink = await intake((index) => (index === 0 ? 503 : 200));
    expect((await runOne(sink.url, newDataDir(), { shipWaitMs: 60_000 })).metricsNote).toBe('');
    expect(totals(sink.points('stepspan_runs_total'), { outcome: 'success' }).at(-1)).toBe(1);
  });

  test('is not there is named, and `ship` sends the rest', async () => {
    const gone = await intake();
    await gone.close();
    const dataDir = newDataDir();
    const { metricsNote, result } = await runOne(gone.url, dataDir);
    expect(metricsNote).toMatch(/the last metrics of the run were not taken .*ECONNREFUSED.*stepspan ship/);

    const sink = await intake();
    const reader = openJournal(dataFolder(dataDir).runDir(result.runId));
    const context = { env: envOf(sink.url), metricLabels: [], version: '1' };
    const rest = () => pushRest(reader, context, { ms: 60_000, giveUp: 'never' }, false);
    expect(await rest()).toBe('');
    expect(totals(sink.points('stepspan_runs_total'), { outcome: 'success' })).toEqual([0, 1]);
    const before = sink.count();
    expect(await rest()).toBe('');
    expect(sink.count()).toBe(before);
  });

  test('takes no metrics does not hold up the run', async () => {
    const sink = await intake(() => 404);
    const { metricsNote } = await runOne(sink.url, newDataDir());
    expect(metricsNote).toContain('HTTP 404');
  });
});

describe('a run and a hub', () => {
  test('do not count the same run: what the run sends, the hub leaves out', async () => {
    const sink = await intake();
    const dataDir = newDataDir();
    const { result } = await runOne(sink.url, dataDir);
    expect(savedPosition(dataFolder(dataDir).runDir(result.runId), pushCursor)).toBeGreaterThan(0);
    expect(await countedByHub(dataDir)).toBe(0);
  });

  test('do not count the same run: while a hub looks after the folder, the run sends nothing', async () => {
    const sink = await intake();
    const dataDir = newDataDir();
    const data = dataFolder(dataDir);
    writeHubRecord(data, { url: 'http://127.0.0.1:1', host: '127.0.0.1', port: 1, version: '1' });
    await runOne(sink.url, dataDir);
    expect(sink.count()).toBe(0);
    expect(await countedByHub(dataDir)).toBe(1);
  });
});

test('a run that is killed has its end counted once, by the run that resumes it or by a hub', async () => {
  const sink = await intake();
  const rig = await startCliRig();
  onTestFinished(rig.close);
  const { PATH: _own, ...env } = envOf(sink.url);
  const file = rig.write('w.yaml', 'name: killed\nsteps:\n  - {id: a, run: echo one; test -f go || sleep 600}\n');
  /** @returns its id */
  const killOne = async (): Promise<string> => {
    const before = sink.requests.length;
    const run = rig.start(['run', file], env);
    await run.said(/one/);
    await sink.until(() => sink.requests.length > before);
    run.child.kill('SIGKILL');
    await run.done;
    return rig.runIds().find((runId) => !sink.ended(runId)) ?? '';
  };

  const resumed = await killOne();
  expect(sink.ended(resumed)).toBe(false);
  rig.write('go', '');
  expect((await rig.run(['resume', resumed], env)).code).toBe(0);
  expect(sink.ended(resumed)).toBe(true);

  await rm(path.join(rig.work, 'go'));
  const adopted = await killOne();
  const hub = rig.start(['serve', '--port', '0'], env);
  await sink.until(() => sink.ended(adopted));
  hub.child.kill('SIGTERM');
  await hub.done;
  const before = sink.requests.length;
  expect((await rig.run(['ship', adopted], env)).stderr).toBe('');
  expect(sink.requests).toHaveLength(before);
  expect(rig.runIds().map((runId) => sink.total(runId))).toEqual([1, 1, 1]);
});

describe('settings', () => {
  test('send nothing by themselves', () => {
    expect(readMetricSettings({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318' }).kind).toBe('off');
    expect(readMetricSettings({ OTEL_METRICS_EXPORTER: 'otlp' }).kind).toBe('off');
    expect(readMetricSettings({ ...envOf('http://c:4318'), OTEL_SDK_DISABLED: 'true' }).kind).toBe('off');
  });

  test('say how often, and what cannot be used is named', () => {
    const env = envOf('http://c:4318');
    expect(readMetricSettings(env)).toMatchObject({ kind: 'on', encoding: 'json', intervalMs: 60_000 });
    expect(readMetricSettings({ ...env, OTEL_METRIC_EXPORT_INTERVAL: '5000' })).toMatchObject({ intervalMs: 5_000 });
    const wrong = {
      ...env,
      OTEL_METRIC_EXPORT_INTERVAL: 'often',
      OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: 'delta',
    };
    expect(readMetricSettings(wrong)).toMatchObject({
      kind: 'invalid',
      problems: [
        expect.stringContaining('OTEL_METRIC_EXPORT_INTERVAL=often'),
        expect.stringContaining('TEMPORALITY_PREFERENCE=delta'),
      ],
    });
  });
});
