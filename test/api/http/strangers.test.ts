// What a client that can reach the port but has no token may take up: connections, time, memory. Also requests that two
// servers in a row could read differently. Bounds are made small here; that each is there at all is what is held.
import { expect, onTestFinished, test } from 'vitest';
import type { Patience } from '../../../src/hub/http-server.ts';
import { hubOf, tempData } from '../../hub/hub-rig.ts';
import * as raw from '../../support/raw-http.ts';
import { until } from '../../support/until.ts';
import { type LiveHub, liveHub } from './api-rig.ts';
import { serverAt } from './route-table.ts';

const impatient: Partial<Patience> = { requestMs: 150, idleMs: 150, checkMs: 25 };

async function impatientHub(more: Partial<Patience> = {}): Promise<LiveHub> {
  return liveHub(tempData(), [], { patience: { ...impatient, ...more } });
}

/** Bytes of a client that never hangs up. */
function strange(port: number, bytes: string): raw.Raw {
  const sent = raw.send(port, bytes);
  onTestFinished(() => void sent.socket.destroy());
  return sent;
}

test('the bounds of a server are set, each within a minute and some thousands', async () => {
  const server = await serverAt((await liveHub(tempData())).url);
  for (const ms of [server.headersTimeout, server.requestTimeout, server.timeout, server.keepAliveTimeout]) {
    expect(ms).toBeGreaterThan(0);
    expect(ms).toBeLessThanOrEqual(60_000);
  }
  expect(server.maxConnections).toBeGreaterThan(2_000);
  expect(server.maxConnections).toBeLessThan(4_000);
});

test('who sends nothing, half a head, half a body or one byte after the other is cut', async () => {
  const hub = await impatientHub();
  const host = `Host: 127.0.0.1:${hub.port}\r\n`;
  const slow = [
    '',
    'GET /heal',
    `GET /healthz HTTP/1.1\r\n${host}X: `,
    `POST /api/v1/login HTTP/1.1\r\n${host}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"code":`,
    `POST /api/v1/login HTTP/1.1\r\n${host}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"c`,
    `POST /api/v1/runs HTTP/1.1\r\n${host}Content-Length: 100000000\r\n\r\nx`,
  ].map((bytes) => strange(hub.port, bytes));
  const dripping = strange(hub.port, `POST /api/v1/login HTTP/1.1\r\n${host}Content-Length: 4000\r\n\r\n`);
  const drip = setInterval(() => dripping.socket.write('x'), 20);
  onTestFinished(() => clearInterval(drip));
  for (const { over } of [...slow, dripping]) expect(await over).not.toMatch(/^HTTP\/1\.1 5/);
  expect((await hub.get('/api/v1/runs')).status).toBe(200);
});

test('who is refused an upgrade is cut, also when they do not hang up', async () => {
  const hub = await liveHub(tempData());
  const bare = await hubOf(tempData());
  for (const { port, url } of [hub, bare]) {
    const server = await serverAt(url);
    const head = `Host: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n`;
    const refused = ['/api/v1/tail', '/', '/nothing'].map((path) =>
      strange(port, `GET ${path} HTTP/1.1\r\n${head}\r\n`),
    );
    for (const { over } of refused) expect(await over).toMatch(/^HTTP\/1\.1 40[14] /);
    const ports = new Set(refused.map(({ socket }) => socket.localPort));
    expect(ports.has(undefined)).toBe(false);
    // What they sent last is answered with a reset: on this side nobody has the socket any longer.
    for (const { socket } of refused) {
      const cut = new Promise((resolve) => socket.once('close', resolve));
      const poke = setInterval(() => socket.write('x'), 20);
      onTestFinished(() => clearInterval(poke));
      await cut;
    }
    await until(() => new Promise<boolean>((resolve) => server.getConnections((_error, count) => resolve(count <= 1))));
  }
});

test('who opens more connections than the bound is cut, and those who were there are served', async () => {
  const hub = await liveHub(tempData(), [], { patience: { connections: 10 } });
  const first = strange(hub.port, '');
  await new Promise((resolve) => first.socket.once('connect', resolve));
  const flood = Array.from({ length: 40 }, () => strange(hub.port, ''));
  await Promise.race(flood.map(({ over }) => over));
  first.socket.write(`GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:${hub.port}\r\nConnection: close\r\n\r\n`);
  expect(await first.over).toMatch(/^HTTP\/1\.1 200 /);
  for (const { socket } of flood) socket.destroy();
  await until(async () => (await hub.get('/healthz').catch(() => undefined))?.status === 200);
});

test('heads that are too long are refused before they are looked at', async () => {
  const hub = await liveHub(tempData());
  const host = `Host: 127.0.0.1:${hub.port}\r\n`;
  for (const bytes of [
    `GET /healthz HTTP/1.1\r\n${host}${'a: b\r\n'.repeat(3_000)}\r\n`,
    `GET /healthz HTTP/1.1\r\n${host}Cookie: ${'a=b; '.repeat(5_000)}\r\n\r\n`,
    `GET /${'a'.repeat(20_000)} HTTP/1.1\r\n${host}\r\n`,
  ]) {
    expect(await strange(hub.port, bytes).over).toMatch(/^HTTP\/1\.1 431 /);
  }
});

test('a request whose end two servers could see in two places is refused, and nothing behind it is read', async () => {
  const hub = await liveHub(tempData());
  const host = `Host: 127.0.0.1:${hub.port}\r\n`;
  const hidden = `GET /healthz HTTP/1.1\r\n${host}\r\n`;
  const post = `POST /api/v1/login HTTP/1.1\r\n${host}`;
  const shapes = [
    `${post}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    `${post}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n`,
    `${post}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n`,
    `${post}Transfer-Encoding: identity, chunked, identity\r\n\r\n0\r\n\r\n`,
    `${post}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n`,
    `${post}Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n`,
    `${post}Content-Length: 2\r\nContent-Length: 6\r\n\r\n{}`,
    `${post}Content-Length: 2, 6\r\n\r\n{}`,
    `${post}Content-Length: +2\r\n\r\n{}`,
    `${post}Content-Length: 0x2\r\n\r\n{}`,
    `${post}Transfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n`,
    `${post}Transfer-Encoding: chunked\r\n\r\n2\n{}\n0\n\n`,
    `GET /nothing HTTP/1.1\n${host}\n`,
    `GET /nothing HTTP/1.1\r\n${host}X: a\r\n Transfer-Encoding: chunked\r\n\r\n`,
    `GET /nothing HTTP/1.1\r\n${host}X: a\rTransfer-Encoding: chunked\r\n\r\n`,
    `GET /nothing HTTP/1.1\r\n Host: evil\r\n${host}\r\n`,
  ];
  for (const shape of shapes) {
    const text = await strange(hub.port, `${shape}${hidden}`).over;
    expect([shape, text.slice(0, 10), raw.answersIn(text)]).toEqual([shape, 'HTTP/1.1 4', 1]);
  }
  // Two requests in one go that are as they should be are two answers.
  const two = strange(hub.port, `${hidden}${hidden.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n')}`);
  expect(raw.answersIn(await two.over)).toBe(2);
});
