// The official exporters are what sends, and what their results do not say is read at their agent. Here against a real server:
// that they carry everything but lines, that lines look the same, and that no export is repeated but by the shipper.
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { RunId } from '../../../src/core/ids.ts';
import type { JournalRecord } from '../../../src/core/record.ts';
import { schemaUrl } from '../../../src/otlp/names.ts';
import type { Answer } from '../../../src/readers/ship/deliver/answer.ts';
import { openSpanExporter } from '../../../src/readers/ship/deliver/exporters.ts';
import { openTransport, type Transport } from '../../../src/readers/ship/deliver/transport.ts';
import type { SpanContent } from '../../../src/readers/ship/encode/batch.ts';
import { bareContext } from '../../../src/readers/ship/map/run-context.ts';
import { createSpanMapper } from '../../../src/readers/ship/map/spans.ts';
import { type Sdk, startSdk } from '../../../src/readers/ship/sdk.ts';
import { readSettings } from '../../../src/readers/ship/settings.ts';
import { type OtlpServer, type Reply, startOtlpServer } from './support/otlp-server.ts';
import { build, finishedRun, newRun, print, recorder, runFinished, runStarted } from './support/runs.ts';
import { ship } from './support/ship.ts';

const runId = '20261123-100000-abcdef' as RunId;
let sdk: Sdk;

beforeAll(async () => {
  const started = await startSdk({}, { host: 'here', version: '1', run: bareContext(runId) });
  if (started === undefined) throw new Error('the SDK is off');
  sdk = started;
});

/** Records of a small run, made again each time: the same records become the same spans. */
function sampleRun(): JournalRecord[] {
  const make = recorder();
  return [make.event(runStarted(runId)), make.output('one\n', { subject: build }), make.event(runFinished)];
}

function sampleSpans(): SpanContent {
  const mapper = createSpanMapper(runId);
  const mapped = sampleRun().flatMap((record) => mapper.apply(record));
  return { kind: 'spans', spans: mapped.map((span) => (span.kind === 'own' ? sdk.spanOf(span.spec) : span.span)) };
}

async function server(reply: (index: number) => Reply = () => ({ kind: 'accept' })): Promise<OtlpServer> {
  const started = await startOtlpServer((_received, index) => reply(index));
  onTestFinished(() => started.close());
  return started;
}

/** Sends spans by the official exporter. `ended` settles when the exporter itself has finished with the first of them. */
async function spanTransport(
  url: string,
  more: Record<string, string> = {},
): Promise<{ readonly transport: Transport<SpanContent>; readonly ended: Promise<void> }> {
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: url, ...more };
  const settings = readSettings(env);
  if (!settings.ok || settings.traces.kind === 'off') throw new Error('settings that cannot be used');
  const { http, encoding } = settings.traces;
  let end = (): void => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const transport = await openTransport<SpanContent>({
    signal: 'traces',
    options: http,
    async open({ agent }) {
      const send = await openSpanExporter({ agent, encoding, http });
      return (content, done) =>
        send(content, (result) => {
          done(result);
          end();
        });
    },
  });
  onTestFinished(() => transport.close());
  return { transport, ended };
}

const sendOnce = async (transport: Transport<SpanContent>): Promise<Answer> =>
  (await transport.send(sampleSpans(), new AbortController().signal)).answer;

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

const json = 'application/json';
const protobuf = 'application/x-protobuf';

test.each([
  ['', { lines: protobuf, others: json }],
  ['http/json', { lines: json, others: json }],
  ['http/protobuf', { lines: protobuf, others: protobuf }],
])('spans, events and lines all leave by the official exporters (%s)', async (protocol, { lines, others }) => {
  const { folder } = await finishedRun(['one', 'two']);
  const sink = await server();
  await (await ship(folder, sink, { OTEL_EXPORTER_OTLP_PROTOCOL: protocol })).done;
  const requests = sink.requests.map(({ path, headers }) => [path, headers['content-type'], headers['user-agent']]);
  const agent = expect.stringMatching(/^stepspan OTel-OTLP-Exporter-JavaScript\/\d/);
  // Lines and events in a request each.
  expect(requests.filter(([path]) => path === '/v1/logs')).toEqual([
    ['/v1/logs', lines, agent],
    ['/v1/logs', others, agent],
  ]);
  expect(requests.filter(([path]) => path === '/v1/traces')).toEqual([['/v1/traces', others, agent]]);
});

test('a line that is refused holds up no event, and the events follow the lines', async () => {
  const { folder, journal } = newRun();
  print(journal, ['POISON']);
  journal.event(runFinished);
  await journal.close();
  const sink = await startOtlpServer(({ body }) =>
    body.includes('POISON') ? { kind: 'status', status: 400 } : { kind: 'accept' },
  );
  onTestFinished(() => sink.close());
  const shipper = await ship(folder, sink);
  await shipper.done;
  expect(shipper.status().logs).toMatchObject({ refused: 1, sent: 2, state: { kind: 'finished' } });
  const ofLogs = sink.requests.filter(({ path }) => path === '/v1/logs');
  expect(ofLogs.map(({ body }) => body.includes('POISON'))).toEqual([true, false]);
});

describe('an exporter', () => {
  const failures: readonly [string, Reply, Partial<Answer>][] = [
    ['503', { kind: 'status', status: 503 }, { kind: 'busy', status: 503, retryAfterMs: undefined }],
    [
      '429 with Retry-After',
      { kind: 'status', status: 429, headers: { 'Retry-After': '1' }, body: 'slow down' },
      { kind: 'busy', status: 429, retryAfterMs: 1000, message: 'slow down' },
    ],
    ['a broken connection', { kind: 'reset' }, { kind: 'unreachable', hasConnected: true }],
  ];
  test.each(failures)('repeats nothing by itself after %s, and what it was answered is known', async (...row) => {
    const [, reply, wanted] = row;
    const sink = await server((index) => (index === 0 ? reply : { kind: 'accept' }));
    const { transport, ended } = await spanTransport(sink.url);
    expect(await sendOnce(transport)).toMatchObject(wanted);
    await ended;
    expect(sink.requests).toHaveLength(1);
    expect(await sendOnce(transport)).toMatchObject({ kind: 'accepted' });
    expect(sink.requests).toHaveLength(2);
  });

  test('that gets no answer in time is ended by the limit on the whole exchange', async () => {
    const sink = await server(() => ({ kind: 'hang' }));
    const { transport, ended } = await spanTransport(sink.url, { OTEL_EXPORTER_OTLP_TIMEOUT: '200' });
    expect(await sendOnce(transport)).toMatchObject({
      kind: 'unreachable',
      message: expect.stringContaining('no answer within 200ms'),
    });
    await ended;
    expect(sink.requests.length).toBeLessThanOrEqual(1);
  });

  test('sends nothing once its transport is closed', async () => {
    const sink = await server();
    const { transport, ended } = await spanTransport(sink.url);
    const stopping = new AbortController();
    const sending = transport.send(sampleSpans(), stopping.signal);
    // Before the exporter has made its request.
    stopping.abort();
    transport.close();
    expect((await sending).answer).toMatchObject({ kind: 'unreachable' });
    await ended;
    expect(sink.requests).toEqual([]);
  });

  test('that takes the page of a portal for an acknowledgement acknowledges nothing', async () => {
    const portal = await startOtlpServer(() => ({
      kind: 'status',
      status: 200,
      headers: { 'content-type': 'text/html' },
      body: '<h1>Sign in</h1>',
    }));
    onTestFinished(() => portal.close());
    const { transport } = await spanTransport(portal.url);
    expect(await sendOnce(transport)).toMatchObject({ kind: 'misconfigured', status: 200 });
  });
});
