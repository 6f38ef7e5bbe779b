// The standard OTEL_* variables, as they arrive at a real server, and the messages about those that cannot be used.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { trace } from '@opentelemetry/api';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { isShippingConfigured, readSettings } from '../../../src/readers/ship/settings.ts';
import { type OtlpServer, startOtlpServer } from './support/otlp-server.ts';
import { finishedRun } from './support/runs.ts';
import { ship } from './support/ship.ts';

async function shipped(env: Record<string, string>): Promise<OtlpServer> {
  const sink = await startOtlpServer();
  onTestFinished(() => sink.close());
  const { folder } = await finishedRun(['hello', 'world']);
  const own = Object.fromEntries(Object.entries(env).map(([key, value]) => [key, value.replace('$URL', sink.url)]));
  await (await ship(folder, sink, own)).done;
  return sink;
}

const logsAt = (sink: OtlpServer) => sink.requests.filter(({ path: at }) => at.includes('logs'));

describe('what arrives', () => {
  test('is JSON of the two exporters and protobuf of lines by default, at v1/logs and v1/traces', async () => {
    const sink = await shipped({});
    expect(new Set(sink.requests.map(({ path: at }) => at))).toEqual(new Set(['/v1/logs', '/v1/traces']));
    expect(logsAt(sink).map(({ headers }) => headers['content-type'])).toEqual([
      'application/x-protobuf',
      'application/json',
    ]);
    expect(sink.logs[0]?.resource).toMatchObject({
      'service.name': 'stepspan',
      'service.version': '9.9.9',
      'host.name': 'box',
      'telemetry.sdk.name': 'opentelemetry',
    });
    // It would be another one with each process that ships, and make another stream in Loki.
    expect(sink.logs[0]?.resource).not.toHaveProperty('service.instance.id');
  });

  test('has the headers, those of the signal over the common ones', async () => {
    const sink = await shipped({
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20abc,x-tenant=all',
      OTEL_EXPORTER_OTLP_LOGS_HEADERS: 'x-tenant=logs',
    });
    expect(logsAt(sink)[0]?.headers).toMatchObject({ authorization: 'Bearer abc', 'x-tenant': 'logs' });
    expect(sink.requests.find(({ path: at }) => at === '/v1/traces')?.headers['x-tenant']).toBe('all');
  });

  test('is compressed if a setting asks for it', async () => {
    const sink = await shipped({ OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip' });
    expect(logsAt(sink)[0]?.headers['content-encoding']).toBe('gzip');
    expect(logsAt(sink)[0]?.wireBytes).toBeLessThan(logsAt(sink)[0]?.body.length ?? 0);
    expect(sink.logs.map(({ body }) => body)).toEqual(['hello', 'world']);
  });

  test('goes to the endpoint of its signal as it is written', async () => {
    const sink = await shipped({ OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: '$URL/otlp/own/logs' });
    expect(new Set(logsAt(sink).map(({ path: at }) => at))).toEqual(new Set(['/otlp/own/logs']));
  });

  test('names the service and the resource as set', async () => {
    const sink = await shipped({
      OTEL_SERVICE_NAME: 'nightly',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test,host.name=other,team=a%2Cb',
    });
    expect(sink.logs[0]?.resource).toMatchObject({
      'service.name': 'nightly',
      'deployment.environment.name': 'test',
      'host.name': 'other',
      team: 'a,b',
    });
    expect(sink.traces[0]?.includes('nightly')).toBe(true);
  });

  test('is OTLP/JSON if a setting asks for it', async () => {
    const sink = await shipped({ OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' });
    expect(logsAt(sink)[0]?.headers['content-type']).toBe('application/json');
    type Group = { scopeLogs: { logRecords: { body: { stringValue: string } }[] }[] };
    const groups = logsAt(sink).flatMap(({ body }) => JSON.parse(String(body)).resourceLogs as Group[]);
    const records = groups.flatMap(({ scopeLogs }) => scopeLogs[0]?.logRecords ?? []);
    const said = records.map(({ body }) => body.stringValue);
    expect(said.filter((text) => !text.startsWith('run '))).toEqual(['hello', 'world']);
    expect(said).toContainEqual(expect.stringMatching(/^run success after /));
    const traces = sink.requests
      .filter(({ path: at }) => at === '/v1/traces')
      .map(({ body }) => JSON.parse(String(body)));
    const names = traces.flatMap((each) =>
      each.resourceSpans[0].scopeSpans[0].spans.map(({ name }: { name: string }) => name),
    );
    expect(names).toEqual(['run.started', 'RUN nightly']);
  });

  test('is cut where OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT says, as the SDK does', async () => {
    const sink = await shipped({
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT: '4',
    });
    const bodies = sink.requests.filter(({ path: at }) => at === '/v1/traces').map(({ body }) => String(body));
    expect(bodies.join('')).toContain('{"key":"cicd.pipeline.name","value":{"stringValue":"nigh"}}');
  });

  test('is one signal only where the other is off', async () => {
    const sink = await shipped({ OTEL_TRACES_EXPORTER: 'none' });
    expect(new Set(sink.requests.map(({ path: at }) => at))).toEqual(new Set(['/v1/logs']));
  });

  test('is nothing if the SDK is disabled', async () => {
    expect((await shipped({ OTEL_SDK_DISABLED: 'true' })).requests).toEqual([]);
  });
});

test('an SDK that the process has already keeps its place', async () => {
  const theirs = { getTracer: () => ({ name: 'theirs' }) as never };
  trace.setGlobalTracerProvider(theirs);
  onTestFinished(() => trace.disable());
  const sink = await shipped({});
  expect(sink.logs).toHaveLength(2);
  expect(trace.getTracer('x')).toEqual({ name: 'theirs' });
});

test('an SDK that the process gets later finds its place free', async () => {
  await shipped({});
  expect(trace.setGlobalTracerProvider({ getTracer: () => ({ name: 'theirs' }) as never })).toBe(true);
  onTestFinished(() => trace.disable());
  expect(trace.getTracer('x')).toEqual({ name: 'theirs' });
});

test('of the settings of the process, none reaches what is sent for a run with others', async () => {
  const theirs = {
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1',
    OTEL_EXPORTER_OTLP_HEADERS: 'x-token=secret-of-the-process',
    OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
    OTEL_RESOURCE_ATTRIBUTES: 'team=theirs',
    OTEL_SERVICE_NAME: 'theirs',
    OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT: '1',
    OTEL_NODE_RESOURCE_DETECTORS: 'all',
    OTEL_LOGS_EXPORTER: 'console',
  };
  for (const [name, value] of Object.entries(theirs)) vi.stubEnv(name, value);
  onTestFinished(() => void vi.unstubAllEnvs());
  const before = { environment: process.env, values: { ...process.env } };
  const sink = await shipped({ OTEL_EXPORTER_OTLP_HEADERS: 'x-own=1' });
  expect(process.env).toBe(before.environment);
  expect({ ...process.env }).toEqual(before.values);
  for (const { headers } of sink.requests) {
    expect(headers).toMatchObject({ 'x-own': '1' });
    expect(headers).not.toHaveProperty('x-token');
    expect(headers).not.toHaveProperty('content-encoding');
  }
  const resource = sink.logs[0]?.resource;
  expect(resource).toMatchObject({ 'service.name': 'stepspan' });
  expect(resource).not.toHaveProperty('team');
  expect(resource).not.toHaveProperty('process.pid');
  expect(sink.traces.some((body) => body.includes('nightly'))).toBe(true);
});

describe('what cannot be used', () => {
  const broken: readonly [string, string, RegExp][] = [
    [
      'OTEL_EXPORTER_OTLP_ENDPOINT',
      'localhost:4318',
      /OTEL_EXPORTER_OTLP_ENDPOINT=localhost:4318: .*http:\/\/localhost:4318/,
    ],
    ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'nowhere', /OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=nowhere: not an http/],
    ['OTEL_EXPORTER_OTLP_PROTOCOL', 'grpc', /OTEL_EXPORTER_OTLP_PROTOCOL=grpc: .*http\/protobuf/],
    ['OTEL_EXPORTER_OTLP_COMPRESSION', 'zstd', /OTEL_EXPORTER_OTLP_COMPRESSION=zstd: .*gzip or none/],
    ['OTEL_EXPORTER_OTLP_TIMEOUT', 'soon', /OTEL_EXPORTER_OTLP_TIMEOUT=soon: .*milliseconds/],
    ['OTEL_EXPORTER_OTLP_CERTIFICATE', '/nowhere.pem', /OTEL_EXPORTER_OTLP_CERTIFICATE=\/nowhere.pem: .*ENOENT/],
    ['OTEL_LOGS_EXPORTER', 'console', /OTEL_LOGS_EXPORTER=console: .*otlp, or none/],
  ];
  test.each(broken)('is reported once, with what to write instead: %s=%s', (name, value, wanted) => {
    const settings = readSettings({ [name]: value });
    expect(settings).toMatchObject({ ok: false, problems: [expect.stringMatching(wanted)] });
  });

  test('is found in one go', () => {
    const settings = readSettings({ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc', OTEL_EXPORTER_OTLP_TIMEOUT: '-1' });
    expect(settings.ok ? [] : settings.problems).toHaveLength(2);
  });

  test('is not a certificate that can be read', async () => {
    const { root } = await finishedRun([]);
    const file = path.join(root, 'ca.pem');
    writeFileSync(file, 'pem');
    expect(readSettings({ OTEL_EXPORTER_OTLP_CERTIFICATE: file }).ok).toBe(true);
  });
});

test('shipping is on when an endpoint is named, and not by itself', () => {
  expect(isShippingConfigured({})).toBe(false);
  expect(isShippingConfigured({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318' })).toBe(true);
  expect(isShippingConfigured({ OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: 'http://c:4318' })).toBe(true);
  expect(isShippingConfigured({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318', OTEL_SDK_DISABLED: 'true' })).toBe(false);
});
