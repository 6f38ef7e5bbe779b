// What goes over the wire is what the official exporters would send: the same spans and lines, through
// exporter-trace-otlp-http and exporter-logs-otlp-http into a real HTTP server, give the same requests as ours. And why they
// are not what sends: what they do that a shipper must not.
import { Agent } from 'node:http';
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-http';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RunId } from '../../../src/core/ids.ts';
import type { JournalRecord } from '../../../src/core/record.ts';
import { attr, schemaUrl } from '../../../src/otlp/names.ts';
import type { Batcher } from '../../../src/readers/ship/encode/batch.ts';
import { createJsonLogBatcher } from '../../../src/readers/ship/encode/json-log-batcher.ts';
import { createSpanBatcher } from '../../../src/readers/ship/encode/readable-batcher.ts';
import { withProcessEnv } from '../../../src/readers/ship/env.ts';
import { createEventLogs } from '../../../src/readers/ship/map/event-records.ts';
import { logRecordsOf } from '../../../src/readers/ship/map/log-records.ts';
import type { ReadableSpan } from '../../../src/readers/ship/map/otlp-types.ts';
import { bareContext, contextAfter } from '../../../src/readers/ship/map/run-context.ts';
import { createSpanMapper } from '../../../src/readers/ship/map/spans.ts';
import { type Sdk, startSdk } from '../../../src/readers/ship/sdk.ts';
import { type HttpServer, jsonOf, serveHttp } from '../../support/http-server.ts';
import { until } from '../../support/until.ts';
import { build, recorder, runFinished, runStarted } from './support/runs.ts';

const runId = '20261123-100000-abcdef' as RunId;
const wide = { items: 1e6, bytes: 4e6 };
const received = new Map<string, unknown>();
let sdk: Sdk;
let server: HttpServer;

beforeAll(async () => {
  server = await serveHttp(async (request, response) => {
    received.set(request.url ?? '', await jsonOf(request));
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  });
  const started = await startSdk({}, { host: 'here', version: '1', run: bareContext(runId) });
  if (started === undefined) throw new Error('the SDK is off');
  sdk = started;
});
afterAll(() => server.close());

/** Records of a small run, made again each time: the same records become the same spans and lines. */
function sampleRun(): JournalRecord[] {
  const make = recorder();
  return [
    make.event(runStarted(runId)),
    make.output('one\n\u001b[31mtwo ERROR\u001b[0m\n', { subject: build, lineCount: 2 }),
    make.event(runFinished),
  ];
}

function bodyOf(batcher: Batcher, records: readonly JournalRecord[]): unknown {
  for (const record of records) for (const _full of batcher.push(record)) throw new Error('a wide batch was full');
  const batch = batcher.take();
  return JSON.parse(Buffer.from(batch?.body(0, batch.count) ?? []).toString());
}

const exported = (send: (done: (result: { code: number; error?: Error }) => void) => void): Promise<void> =>
  new Promise((resolve, reject) => send(({ error }) => (error === undefined ? resolve() : reject(error))));

test('the resource of spans names the run and its machine, that of log records neither', async () => {
  const run = { ...bareContext(runId), workflow: `nightly, ${'ü'.repeat(300)} = x` };
  const own = await startSdk({}, { host: 'here', version: '1', run });
  const [span] = createSpanMapper(runId)
    .apply(sampleRun()[0] as JournalRecord)
    .flatMap((each) => (each.kind === 'own' && own !== undefined ? [own.spanOf(each.spec)] : []));
  expect(span?.resource.attributes).toMatchObject({
    'service.name': 'stepspan',
    'host.name': 'here',
    'cicd.pipeline.name': run.workflow,
    'cicd.pipeline.run.id': runId,
    'cicd.worker.id': 'here',
  });
  expect(span?.instrumentationScope.schemaUrl).toBe(schemaUrl);
  const ofLogs = Object.keys(own?.logOrigin.resource.attributes ?? {});
  expect(ofLogs).toContain('service.name');
  expect(ofLogs.filter((key) => key.startsWith('cicd.'))).toEqual([]);
  const given = await startSdk(
    { OTEL_RESOURCE_ATTRIBUTES: 'cicd.pipeline.name=mine' },
    { host: 'here', version: '1', run },
  );
  expect(given?.logOrigin.resource.attributes).toMatchObject({ 'cicd.pipeline.name': 'mine' });
});

describe('a request', () => {
  test('of spans is the one that the official trace exporter sends', async () => {
    const mapper = createSpanMapper(runId);
    const spans: ReadableSpan[] = sampleRun().flatMap((record) =>
      mapper.apply(record).map((span) => (span.kind === 'own' ? sdk.spanOf(span.spec) : span.span)),
    );
    expect(spans.length).toBeGreaterThan(1);
    const exporter = new OTLPTraceExporter({ url: `${server.url}/v1/traces` });
    await exported((done) => exporter.export(spans, done));
    await exporter.shutdown();
    expect(bodyOf(createSpanBatcher({ runId, sdk, encoding: 'json', sendFrom: 0, limits: wide }), sampleRun())).toEqual(
      received.get('/v1/traces'),
    );
  });

  test('of lines and events is the one that the official log exporter sends', async () => {
    const records = sampleRun();
    const context = contextAfter(bareContext(runId), records[0] as JournalRecord);
    const eventLogs = createEventLogs(context, sdk.logOrigin);
    const logs = records.flatMap((record) =>
      record.kind === 'output' ? logRecordsOf(record, context, sdk.logOrigin) : eventLogs(record),
    );
    expect(logs.filter(({ attributes }) => attributes[attr.event] === undefined)).toHaveLength(2);
    expect(logs.length).toBeGreaterThan(2);
    const exporter = new OTLPLogExporter({ url: `${server.url}/v1/logs` });
    await exported((done) => exporter.export(logs, done));
    await exporter.shutdown();
    expect(bodyOf(createJsonLogBatcher(context, sdk.logOrigin, wide), records)).toEqual(received.get('/v1/logs'));
  });
});

describe('the official exporters as they are', () => {
  const spansOf = (): ReadableSpan[] =>
    sampleRun().flatMap((record) =>
      createSpanMapper(runId)
        .apply(record)
        .map((span) => (span.kind === 'own' ? sdk.spanOf(span.spec) : span.span)),
    );

  test('cannot be stopped: a request follows when the lock of the run is released and its agent is destroyed', async () => {
    let requests = 0;
    const busy = await serveHttp((_request, response) => {
      requests += 1;
      response.writeHead(requests === 1 ? 503 : 200, { 'content-type': 'application/json' }).end('{}');
    });
    const agent = new Agent();
    const exporter = new OTLPTraceExporter({
      url: `${busy.url}/v1/traces`,
      httpAgentOptions: () => agent,
      // Beyond any delay of a busy machine, so that it is the exporter that decides.
      timeoutMillis: 120_000,
    });
    try {
      const ended = exported((done) => exporter.export(spansOf(), done)).catch(() => {});
      await until(() => requests === 1);
      const stopped = exporter.shutdown();
      agent.destroy();
      await until(() => requests > 1);
      await Promise.all([ended, stopped]);
    } finally {
      await busy.close();
    }
  });

  test('take the page of a portal for an acknowledgement, and send JSON whatever protocol is set', async () => {
    const types: (string | undefined)[] = [];
    const portal = await serveHttp((request, response) => {
      types.push(request.headers['content-type']);
      response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Sign in</h1>');
    });
    try {
      const env = { OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf' };
      const exporter = withProcessEnv(env, () => new OTLPTraceExporter({ url: `${portal.url}/v1/traces` }));
      await exported((done) => exporter.export(spansOf(), done));
      await exporter.shutdown();
      expect(types).toEqual(['application/json']);
    } finally {
      await portal.close();
    }
  });
});
