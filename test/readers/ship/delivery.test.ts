// Delivery against a real server that fails in every way the protocol knows.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { ProtobufLogsSerializer } from '@opentelemetry/otlp-transformer';
import { describe, expect, onTestFinished, test } from 'vitest';
import { savedPosition } from '../../../src/journal/index.ts';
import { logsIn } from './support/json.ts';
import { type OtlpServer, type Received, type Reply, startOtlpServer } from './support/otlp-server.ts';
import { finishedRun, newRun, print, runFinished } from './support/runs.ts';
import { longMs, quickPace, ship, until } from './support/ship.ts';

const lines = Array.from({ length: 40 }, (_, index) => `line ${index}`);

async function server(reply?: (received: Received, index: number) => Reply | Promise<Reply>): Promise<OtlpServer> {
  const started = await startOtlpServer(reply);
  onTestFinished(() => started.close());
  return started;
}

/** A server that fails with the given replies on its first requests for logs, and takes everything else. */
function failing(...replies: readonly Reply[]): Promise<OtlpServer> {
  let logs = 0;
  return server(({ path: at }) => (at === '/v1/logs' ? replies[logs++] : undefined) ?? { kind: 'accept' });
}

const bodiesOf = (sink: OtlpServer): unknown[] => sink.logs.map(({ body }) => body);

test('a whole run is sent in order, its cursor at the end, and nothing is left to do', async () => {
  const { folder } = await finishedRun(lines);
  const sink = await server();
  const shipper = await ship(folder, sink);
  const result = await shipper.drain(longMs);
  await shipper.done;
  expect(result.kind).toBe('drained');
  expect(bodiesOf(sink)).toEqual(lines);
  expect(sink.traces.length).toBeGreaterThan(0);
  expect(savedPosition(folder, 'ship-logs')).toBe(lines.length + 2);
  expect(savedPosition(folder, 'ship-traces')).toBe(lines.length + 2);
  expect(shipper.status().logs).toMatchObject({ state: { kind: 'finished' }, sent: 42, pendingSeqs: 0, lagSeconds: 0 });
});

test('a run that was shipped already is not shipped again', async () => {
  const { folder } = await finishedRun(lines);
  await (await ship(folder, await server())).done;
  const second = await server();
  await (await ship(folder, second)).done;
  expect(second.requests).toEqual([]);
});

test('a live run is followed until it ends', async () => {
  const { folder, journal } = newRun();
  const sink = await server();
  const shipper = await ship(folder, sink);
  print(journal, ['one']);
  expect((await shipper.drain(longMs)).kind).toBe('drained');
  expect(bodiesOf(sink)).toEqual(['one']);
  print(journal, ['two', 'three']);
  journal.event(runFinished);
  await journal.close();
  await shipper.done;
  expect(bodiesOf(sink)).toEqual(['one', 'two', 'three']);
});

describe('a request that failed is made again', () => {
  const cases: readonly [string, Reply][] = [
    ['429', { kind: 'status', status: 429 }],
    ['502', { kind: 'status', status: 502 }],
    ['503', { kind: 'status', status: 503 }],
    ['504', { kind: 'status', status: 504 }],
    ['a broken connection', { kind: 'reset' }],
    ['a connection that broke after the server took it', { kind: 'reset', takes: true }],
    ['no answer in time', { kind: 'hang' }],
  ];
  test.each(cases)('after %s', async (_name, reply) => {
    const { folder } = await finishedRun(lines);
    const sink = await failing(reply, reply);
    const isSilent = reply.kind === 'hang';
    const shipper = await ship(folder, sink, isSilent ? { OTEL_EXPORTER_OTLP_TIMEOUT: '300' } : {});
    await shipper.done;
    expect([...new Set(bodiesOf(sink))]).toEqual(lines);
    const { logs } = shipper.status();
    expect(logs).toMatchObject({ refused: 0, rejected: 0, state: { kind: 'finished' } });
    // On a slow machine an answer, too, can come after the 300 ms.
    if (isSilent) expect(logs.retries).toBeGreaterThanOrEqual(2);
    else expect(logs.retries).toBe(2);
    expect(shipper.status().logs.lastError).toBeDefined();
  });

  test('and is the same request, byte for byte, so that a backend recognises it', async () => {
    const { folder } = await finishedRun(lines);
    const sink = await failing({ kind: 'reset', takes: true });
    await (await ship(folder, sink)).done;
    const [first, second] = sink.requests.filter(({ path: at }) => at === '/v1/logs');
    expect(first?.body.equals(second?.body ?? Buffer.alloc(0))).toBe(true);
  });

  test('not before the time that Retry-After names', async () => {
    const { folder } = await finishedRun(lines);
    const waiting = until(({ logs }) => logs.state.kind === 'waiting');
    const sink = await failing({ kind: 'status', status: 429, headers: { 'Retry-After': '120' }, body: 'slow down' });
    const before = Date.now();
    const shipper = await ship(folder, sink, {}, { onStatus: waiting.onStatus });
    const { logs } = await waiting.reached;
    expect(logs.state).toMatchObject({ why: 'HTTP 429: slow down' });
    expect(logs.state.kind === 'waiting' && logs.state.untilMs).toBeGreaterThanOrEqual(before + 120_000);
    const result = await shipper.drain(50);
    expect(result).toMatchObject({ kind: 'pending', message: expect.stringContaining('42 lines and events') });
    expect(savedPosition(folder, 'ship-logs') ?? 0).toBe(0);
  });
});

describe('a wait that gives up an endpoint that does not answer', () => {
  /** Longer than the test may take: a wait that is not given up fails it. */
  const forever = 3_600_000;

  test('ends when nobody listens there, says what is left, and keeps it for later', async () => {
    const { folder } = await finishedRun(lines);
    const gone = await server();
    await gone.close();
    const shipper = await ship(folder, gone);
    const result = await shipper.drain(forever, 'unreachable');
    expect(result).toMatchObject({
      kind: 'pending',
      message: expect.stringMatching(/42 lines and events .*ECONNREFUSED/),
    });
    expect(savedPosition(folder, 'ship-logs') ?? 0).toBe(0);
  });

  test('ends when the endpoint takes the connection and never says a word', async () => {
    const { folder } = await finishedRun(lines);
    const shipper = await ship(folder, await server(() => new Promise<Reply>(() => undefined)));
    expect((await shipper.drain(forever, 'unreachable')).kind).toBe('pending');
  });

  test('ends if only a person can fix what is wrong and the next try comes after the deadline', async () => {
    const { folder } = await finishedRun(lines);
    const sink = await server(() => ({ kind: 'status', status: 401, body: 'who are you' }));
    const shipper = await ship(folder, sink, {}, { pace: { ...quickPace, misconfiguredMs: 4 * forever } });
    const result = await shipper.drain(forever, 'unreachable');
    expect(result).toMatchObject({ kind: 'pending', message: expect.stringContaining('who are you') });
  });

  test.each<[string, Reply]>([
    ['is busy', { kind: 'status', status: 503 }],
    ['breaks the connection', { kind: 'reset' }],
  ])('continues while the endpoint %s', async (_what, reply) => {
    const { folder } = await finishedRun(lines);
    const sink = await failing(reply, reply, reply);
    const shipper = await ship(folder, sink);
    expect((await shipper.drain(forever, 'unreachable')).kind).toBe('drained');
    expect(bodiesOf(sink)).toEqual(lines);
  });
});

describe('a partial success', () => {
  test('is counted and never sent again', async () => {
    const { folder } = await finishedRun(lines);
    // ExportLogsServiceResponse { partial_success { rejected_log_records: 3, error_message: "old" } }
    const body = Buffer.from([0x0a, 7, 0x08, 3, 0x12, 3, ...Buffer.from('old')]);
    expect(ProtobufLogsSerializer.deserializeResponse(body).partialSuccess?.rejectedLogRecords).toBe(3);
    const sink = await failing({ kind: 'accept', body });
    const shipper = await ship(folder, sink);
    await shipper.done;
    expect(bodiesOf(sink)).toEqual(lines);
    expect(shipper.status().logs).toMatchObject({ sent: 42, rejected: 3, retries: 0, state: { kind: 'finished' } });
    expect(shipper.status().logs.lastError).toMatch(/3 of its records: old/);
  });

  test('with a body that is not an OTLP answer is a success', async () => {
    const { folder } = await finishedRun(lines);
    const shipper = await ship(folder, await failing({ kind: 'accept', body: Buffer.from('<html>ok</html>') }));
    await shipper.done;
    expect(shipper.status().logs).toMatchObject({ sent: 42, rejected: 0 });
  });
});

describe('a batch that is refused', () => {
  const poisoned = lines.map((line, index) => (index === 17 || index === 31 ? `POISON ${index}` : line));
  const refusing =
    (status: number) =>
    (received: Received): Reply => {
      const bad =
        received.path === '/v1/logs' && logsIn(received.body).some(({ body }) => String(body).includes('POISON'));
      return bad ? { kind: 'status', status, body: 'entry too far behind' } : { kind: 'accept' };
    };

  test.each([400, 413, 422, 500])('with %i is halved until only the records to blame are left out', async (status) => {
    const { folder } = await finishedRun(poisoned);
    const sink = await server(refusing(status));
    const shipper = await ship(folder, sink);
    await shipper.done;
    expect(bodiesOf(sink)).toEqual(poisoned.filter((line) => !line.includes('POISON')));
    expect(shipper.status().logs).toMatchObject({
      sent: 40,
      refused: 2,
      refusedNotKept: 0,
      state: { kind: 'finished' },
    });
    expect(savedPosition(folder, 'ship-logs')).toBe(42);
    const kept = readFileSync(path.join(folder.refusedDir, 'logs.ndjson'), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(kept).toMatchObject([
      { signal: 'logs', seq: 18, status, answer: 'entry too far behind' },
      { signal: 'logs', seq: 32, status },
    ]);
    expect(JSON.stringify(kept[0].record)).toContain('POISON 17');
  });

  test('leaves no trace of the one signal on the other', async () => {
    const { folder } = await finishedRun(lines);
    const sink = await server(({ path: at }) =>
      at === '/v1/traces' ? { kind: 'status', status: 503 } : { kind: 'accept' },
    );
    const whole = until(({ logs }) => logs.state.kind === 'finished');
    const shipper = await ship(folder, sink, {}, { onStatus: whole.onStatus });
    await whole.reached;
    expect(bodiesOf(sink)).toEqual(lines);
    expect(shipper.status()).toMatchObject({ logs: { pendingSeqs: 0 }, traces: { shippedSeq: 0 } });
  });
});

describe('settings that the server does not take', () => {
  const text = { headers: { 'content-type': 'text/plain' }, body: 'no such tenant', why: 'no such tenant' };
  const page = {
    headers: { 'content-type': 'text/html; charset=utf-8' },
    body: '<html>',
    why: 'it answered with a web page',
  };
  test.each([
    [401, text],
    [403, text],
    [404, text],
    [200, page],
  ])('(%i) lose nothing, are reported clearly, and are retried', async (status, { headers, body, why }) => {
    const { folder } = await finishedRun(lines);
    const seen = until(({ logs }) => logs.state.kind === 'misconfigured');
    const reply: Reply = { kind: 'status', status, headers, body };
    const sink = await failing(reply, reply, reply);
    const shipper = await ship(folder, sink, {}, { onStatus: seen.onStatus });
    const { logs } = await seen.reached;
    expect(logs.state).toMatchObject({
      why: expect.stringMatching(new RegExp(`HTTP ${status}: ${why}.*OTEL_EXPORTER_OTLP_`)),
    });
    await shipper.done;
    expect(bodiesOf(sink)).toEqual(lines);
    expect(shipper.status().logs).toMatchObject({ refused: 0, retries: 3 });
  });
});

test('stopping in the middle of a request leaves the cursor and releases the lock', async () => {
  const { folder } = await finishedRun(lines);
  const hung = await server(() => ({ kind: 'hang' }));
  const shipper = await ship(folder, hung);
  await shipper.drain(50);
  await shipper.stop();
  expect(shipper.status()).toMatchObject({ logs: { state: { kind: 'stopped' }, shippedSeq: 0, sent: 0 } });
  const sink = await server();
  await (await ship(folder, sink)).done;
  expect(bodiesOf(sink)).toEqual(lines);
});

test('a second shipper of the same run gets the name of the first', async () => {
  const { folder } = newRun();
  const sink = await server();
  await ship(folder, sink);
  await expect(ship(folder, sink)).rejects.toThrow(new RegExp(`"kind":"held".*"pid":${process.pid}`));
});
