// The OTLP intake over real HTTP: who may send, what is refused, what becomes of a request, and that nothing crashes it.
import { request as httpRequest } from 'node:http';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { RunId } from '../../src/core/ids.ts';
import { MAX_SERIES } from '../../src/run/claude/intake/cumulative.ts';
import {
  type Intake,
  type OpenedIntake,
  startIntake,
  type TelemetryArrived,
} from '../../src/run/claude/intake/server.ts';

const attempt = {
  runId: '20260101-000000-aaaaaa' as RunId,
  subject: { step: 'ask', attempt: 2 },
  traceId: '0af7651916cd43dd8448eb211c80319c',
  spanId: 'b7ad6b7169203331',
};

let intake: Intake;
let opened: OpenedIntake;
let arrived: TelemetryArrived[] = [];
let refuseToKeep = false;

beforeAll(async () => {
  intake = await startIntake({
    maxBodyBytes: 100_000,
    onRequest: (each) => {
      if (refuseToKeep) throw new Error('disk');
      arrived.push(each);
    },
  });
});
beforeEach(() => {
  opened = intake.open(attempt);
  arrived = [];
  refuseToKeep = false;
});
afterAll(() => intake.close());

type Sent = {
  readonly path?: string;
  readonly method?: string;
  readonly body?: string | Buffer;
  readonly headers?: Record<string, string>;
};

function send(sent: Sent): Promise<{ status: number; body: Record<string, unknown> }> {
  const headers = { 'content-type': 'application/json', 'x-stepspan-token': opened.token, ...sent.headers };
  return new Promise((resolve, reject) => {
    const request = httpRequest(`${opened.url}${sent.path ?? '/v1/traces'}`, {
      method: sent.method ?? 'POST',
      headers,
    });
    request.on('error', reject).on('response', (response) => {
      const chunks: Buffer[] = [];
      response
        .on('data', (chunk: Buffer) => chunks.push(chunk))
        .on('end', () => {
          resolve({ status: response.statusCode ?? 0, body: JSON.parse(Buffer.concat(chunks).toString()) });
        });
    });
    request.end(sent.body ?? '{}');
  });
}

const attribute = (key: string, stringValue = 'x') => ({ key, value: { stringValue } });

function spans(...list: readonly unknown[]): string {
  return JSON.stringify({ resourceSpans: [{ resource: {}, scopeSpans: [{ scope: {}, spans: list }] }] });
}

const span = (spanId: string, parentSpanId: string, more: object = {}) => ({
  traceId: attempt.traceId,
  spanId,
  parentSpanId,
  name: 'claude_code.tool',
  startTimeUnixNano: '5',
  endTimeUnixNano: '9',
  attributes: [],
  ...more,
});

describe('who may send', () => {
  test.each<[string, Sent, number, RegExp]>([
    ['a wrong token', { headers: { 'x-stepspan-token': 'nonsense' } }, 401, /x-stepspan-token/],
    ['another path', { path: '/v1/traces/../../other/v1/traces' }, 401, /x-stepspan-token/],
    ['a host name that is not loopback', { headers: { host: 'evil.example:80' } }, 403, /loopback/],
    ['a browser', { headers: { origin: 'http://127.0.0.1' } }, 403, /browsers/],
    ['an unknown signal', { path: '/v1/profiles' }, 404, /traces/],
    ['another method', { method: 'PUT' }, 405, /POST/],
    ['protobuf', { headers: { 'content-type': 'application/x-protobuf' } }, 415, /http\/json/],
    ['an unknown encoding', { headers: { 'content-encoding': 'br' } }, 415, /gzip/],
    ['text that is not JSON', { body: '{"resourceSpans":' }, 400, /JSON/],
    ['JSON that is not a request', { body: '{"resourceSpans":"x"}' }, 400, /export request/],
    ['bytes that are not gzip', { body: 'x', headers: { 'content-encoding': 'gzip' } }, 400, /gzip/],
    ['a body over the bound', { body: `"${'x'.repeat(100_001)}"` }, 413, /100000/],
    ['a gzip bomb', { body: gzipSync('x'.repeat(1_000_000)), headers: { 'content-encoding': 'gzip' } }, 413, /100000/],
    [
      'a tower of lists',
      { body: `{"resourceSpans":[{"x":${'['.repeat(20_000)}${']'.repeat(20_000)}}]}` },
      400,
      /levels/,
    ],
  ])('%s is refused', async (_, sent, status, message) => {
    expect(await send(sent)).toMatchObject({ status, body: { message: expect.stringMatching(message) } });
    expect(arrived).toEqual([]);
  });

  test('is remembered with its reason; what is asked for again is not', async () => {
    expect(opened.refusals()).toBeUndefined();
    refuseToKeep = true;
    await send({ body: spans(span('a'.repeat(16), attempt.spanId)) });
    expect(opened.refusals()).toBeUndefined();
    await send({ body: '{' });
    await send({ headers: { 'content-type': 'text/plain' } });
    expect(opened.refusals()).toEqual({
      count: 2,
      lastWhy: 'content-type text/plain is not read here; set OTEL_EXPORTER_OTLP_PROTOCOL=http/json',
    });
  });

  test('the token of one attempt does not open the path of another', async () => {
    const other = intake.open({ ...attempt, subject: { step: 'other', attempt: 1 } });
    expect((await send({ headers: { 'x-stepspan-token': other.token } })).status).toBe(401);
  });

  test('the token may be in the path, for a sender that can set no header', async () => {
    const headers = { 'x-stepspan-token': '' };
    expect((await send({ path: `/${opened.token}/v1/traces`, headers })).status).toBe(200);
    expect((await send({ path: `/${'0'.repeat(64)}/v1/traces`, headers })).status).toBe(401);
    const other = intake.open({ ...attempt, subject: { step: 'other', attempt: 1 } });
    expect((await send({ path: `/${other.token}/v1/traces`, headers })).status).toBe(401);
  });

  test('a closed attempt takes nothing more', async () => {
    expect((await send({ body: spans(span('a'.repeat(16), attempt.spanId)) })).status).toBe(200);
    opened.close();
    expect((await send({})).status).toBe(401);
  });
});

describe('a request that is taken', () => {
  test('says whose it is and how much, also when it came as gzip', async () => {
    const body = gzipSync(spans(span('a'.repeat(16), attempt.spanId), span('b'.repeat(16), 'a'.repeat(16))));
    const answer = await send({ body, headers: { 'content-encoding': 'gzip' } });
    expect(answer).toEqual({ status: 200, body: { partialSuccess: {} } });
    expect(arrived).toMatchObject([{ ...attempt, signal: 'traces', items: 2 }]);
  });

  test('leaves out the contents of the conversation that detailed tracing adds', async () => {
    const path = `/${opened.token}`;
    const attributes = [attribute('model'), attribute('new_context'), attribute('later', 'y'.repeat(1_001))];
    await send({ path: `${path}/v1/traces`, body: spans(span('a'.repeat(16), attempt.spanId, { attributes })) });
    const events = ['tool', 'api_request'].map((name) => ({ attributes: [attribute('event.name', name)] }));
    const logs = { resourceLogs: [{ resource: {}, scopeLogs: [{ scope: {}, logRecords: events }] }] };
    await send({ path: `${path}/v1/logs`, body: JSON.stringify(logs) });
    expect(arrived.map(({ items }) => items)).toEqual([1, 1]);
    const kept = JSON.stringify(arrived);
    expect(kept).toContain('"model"');
    expect(kept).toContain('api_request');
    expect(kept).not.toMatch(/new_context|"later"|"stringValue":"tool"/);
  });

  test('is empty and accepted, and no news', async () => {
    expect(await send({ path: '/v1/logs' })).toEqual({ status: 200, body: { partialSuccess: {} } });
    expect(arrived).toEqual([]);
  });

  test('counts elements that are not objects as rejected, and keeps the others', async () => {
    const answer = await send({ body: spans(null, span('a'.repeat(16), attempt.spanId), 7) });
    expect(answer.body).toEqual({ partialSuccess: { rejectedSpans: '2', errorMessage: expect.any(String) } });
    expect(arrived).toMatchObject([{ items: 1 }]);
  });

  test('that cannot be kept is asked for again', async () => {
    refuseToKeep = true;
    expect((await send({ body: spans(span('a'.repeat(16), attempt.spanId)) })).status).toBe(503);
  });

  test('loses identity wherever it is, and keeps the rest', async () => {
    const who = [attribute('user.email', 'dev@example.com'), attribute('Organization.ID'), attribute('user.groups')];
    const kept = attribute('model', 'opus');
    const nested = { key: 'data', value: { kvlistValue: { values: [...who, kept] } } };
    const request = {
      resourceSpans: [
        {
          resource: { attributes: [...who, kept] },
          scopeSpans: [
            {
              scope: { attributes: who },
              spans: [
                span('a'.repeat(16), attempt.spanId, {
                  attributes: [...who, nested],
                  events: [{ attributes: who }],
                  links: [{ attributes: [...who, kept] }],
                }),
              ],
            },
          ],
        },
      ],
    };
    await send({ body: JSON.stringify(request) });
    const text = JSON.stringify(arrived[0]?.request);
    expect(text).not.toMatch(/dev@example\.com|user\.|organization/i);
    expect(text.match(/"opus"/g)).toHaveLength(3);
  });

  test('is stamped with run, step and attempt, over what claims to be that', async () => {
    const logs = {
      resourceLogs: [{ scopeLogs: [{ logRecords: [{ attributes: [attribute('stepspan.step.id', 'forged')] }] }] }],
    };
    await send({ path: '/v1/logs', body: JSON.stringify(logs) });
    expect(JSON.stringify(arrived[0]?.request)).toContain(
      '"attributes":[{"key":"cicd.pipeline.run.id","value":{"stringValue":"20260101-000000-aaaaaa"}},' +
        '{"key":"stepspan.step.id","value":{"stringValue":"ask"}},{"key":"stepspan.attempt","value":{"intValue":"2"}}]',
    );
  });
});

describe('points of more series than are remembered', () => {
  const metrics = (from: number, count: number): string => {
    const dataPoints = Array.from({ length: count }, (_, index) => ({
      asInt: '1',
      attributes: [attribute(`${from + index}`)],
    }));
    const sum = { aggregationTemporality: 1, dataPoints };
    return JSON.stringify({ resourceMetrics: [{ scopeMetrics: [{ metrics: [{ name: 'm', sum }] }] }] });
  };

  test('are reported to the sender and to the recorder of the request, also when nothing else is in it', async () => {
    // As many as one body of this intake holds, several times.
    for (let from = 0; from < MAX_SERIES; from += 1_000)
      expect((await send({ path: '/v1/metrics', body: metrics(from, 1_000) })).body).toEqual({ partialSuccess: {} });
    arrived = [];
    const answer = await send({ path: '/v1/metrics', body: metrics(MAX_SERIES, 3) });
    expect(answer).toEqual({
      status: 200,
      body: { partialSuccess: { rejectedDataPoints: '3', errorMessage: 'data points of more than 10000 series' } },
    });
    expect(arrived).toMatchObject([{ items: 0, dropped: 3 }]);
  });
});

describe('nesting', () => {
  const id = (letter: string): string => letter.repeat(16);

  test('counts spans below the attempt however late their parents come, also those of another trace', async () => {
    await send({ body: spans(span(id('c'), id('b')), span(id('b'), id('a'))) });
    await send({ body: spans(span(id('a'), attempt.spanId, { name: 'claude_code.interaction' })) });
    await send({
      body: spans(span(id('d'), 'f'.repeat(16)), { ...span(id('e'), attempt.spanId), traceId: '1'.repeat(32) }),
    });
    expect(opened.nesting()).toEqual({
      ownSpans: 4,
      orphans: 1,
      adopted: 1,
      untraced: 0,
      interactionId: id('a'),
      missing: [{ spanId: 'f'.repeat(16), childNames: ['claude_code.tool'], startNs: 5n, endNs: 9n }],
    });
  });

  test('ends for spans that are each other’s parent', async () => {
    await send({ body: spans(span(id('a'), id('b')), span(id('b'), id('a'))) });
    expect(opened.nesting()).toMatchObject({ ownSpans: 0, orphans: 2, missing: [] });
  });
});

describe('waiting for what is on its way', () => {
  /** A request whose headers the server has, and of whose body the first byte. */
  async function begun() {
    const headers = { 'content-type': 'application/json', 'x-stepspan-token': opened.token, expect: '100-continue' };
    const request = httpRequest(`${opened.url}/v1/traces`, { method: 'POST', headers });
    request.on('error', () => {}).on('response', (response) => response.resume());
    const taken = new Promise((resolve) => request.on('continue', resolve));
    request.write('{');
    await taken;
    return request;
  }

  test('ends when the request that was under way has been taken', async () => {
    const request = await begun();
    const waiting = opened.settled();
    request.end(spans(span('a'.repeat(16), attempt.spanId)).slice(1));
    await waiting;
    expect(arrived).toHaveLength(1);
  });

  test('ends at its bound for a request that never ends, and not before', async () => {
    const request = await begun();
    const start = performance.now();
    await opened.settled(300);
    expect(performance.now() - start).toBeGreaterThanOrEqual(300);
    request.destroy();
  });
});

test('any JSON is answered with 200 or 400 and never ends the server', async () => {
  const path = fc.constantFrom('/v1/traces', '/v1/logs', '/v1/metrics');
  const list = fc.array(
    fc.oneof(
      fc.jsonValue(),
      fc.record({ spans: fc.jsonValue(), logRecords: fc.jsonValue(), metrics: fc.array(fc.jsonValue()) }),
    ),
  );
  const like = fc
    .tuple(fc.constantFrom('Spans', 'Logs', 'Metrics'), list)
    .map(([name, inner]) => ({ [`resource${name}`]: [{ [`scope${name}`]: inner }] }));
  await fc.assert(
    fc.asyncProperty(path, fc.oneof(fc.jsonValue(), like), async (to, value) => {
      const { status } = await send({ path: to, body: JSON.stringify(value) });
      expect([200, 400]).toContain(status);
    }),
    { numRuns: 150 },
  );
  expect((await send({})).status).toBe(200);
});
