// Who is let in: every route and the upgrade against foreign pages, wrong names, missing and wrong secrets, and paths that
// mean to be others. What is not let in learns nothing and leaves the server as it was.
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { sessionMs, signSession } from '../../../src/hub/access/secret.ts';
import { routesOf, send } from './api-rig.ts';

const upgrade = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
};

test('every route and the upgrade refuse what is not theirs', async () => {
  const { hub, routes } = await routesOf();
  const { port, tokens } = hub;
  const host = `127.0.0.1:${port}`;
  const good = { host, authorization: `Bearer ${tokens.control}` };
  const json = { 'content-type': 'application/json' };
  const cases: readonly (readonly [string, number, Record<string, string | string[] | undefined>])[] = [
    ['no token', 401, { host }],
    ['a wrong token', 401, { host, authorization: `Bearer ${'0'.repeat(64)}` }],
    ['an empty token', 401, { host, authorization: 'Bearer ' }],
    ['another scheme', 401, { host, authorization: `Basic ${tokens.control}` }],
    ['a token and more', 401, { host, authorization: `Bearer ${tokens.control} x` }],
    ['a foreign Host', 403, { ...good, host: `evil.example:${port}` }],
    ['a Host without the port', 403, { ...good, host: '127.0.0.1' }],
    ['a foreign Origin', 403, { ...good, origin: 'https://evil.example' }],
    ['the null Origin', 403, { ...good, origin: 'null' }],
    ['an Origin of another port', 403, { ...good, origin: `http://127.0.0.1:${port + 1}` }],
    ['an Origin of another name of this server', 403, { ...good, origin: `http://localhost:${port}` }],
    ['an Origin that only starts with ours', 403, { ...good, origin: `http://${host}.evil.example` }],
    ['two Origins', 403, { ...good, origin: `http://${host}, https://evil.example` }],
    ['a request of another site', 403, { ...good, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' }],
    ['a cookie that is none', 401, { host, cookie: `stepspan_${port}=x` }],
    [
      'a changed cookie',
      401,
      { host, cookie: `stepspan_${port}=control.${Date.now() + 9e9}.aaaaaaaaaaaa.${'a'.repeat(43)}` },
    ],
    [
      'an old cookie',
      401,
      { host, cookie: `stepspan_${port}=${signSession(tokens, 'control', Date.now() - sessionMs - 1)}` },
    ],
    [
      'a cookie that was raised',
      401,
      { host, cookie: `stepspan_${port}=${signSession(tokens, 'read', Date.now()).replace('read', 'control')}` },
    ],
    [
      'the cookie of another hub',
      401,
      { host, cookie: `stepspan_${port + 1}=${signSession(tokens, 'control', Date.now())}` },
    ],
  ];
  for (const [method, path] of routes) {
    for (const [name, status, headers] of cases) {
      const body = method === 'POST' ? '{}' : undefined;
      const answer = await send(port, `${method} ${path}`, { ...(body === undefined ? {} : json), ...headers }, body);
      expect([name, method, path, answer.status]).toEqual([name, method, path, status]);
      expect(answer.body.error).toMatchObject({
        code: expect.any(String),
        message: expect.any(String),
        fix: expect.any(String),
      });
    }
  }
  for (const [name, status, headers] of cases) {
    for (const path of ['/api/v1/tail', '/api/v1/runs', '/']) {
      const answer = await send(port, `GET ${path}`, { ...upgrade, ...headers });
      expect([name, path, answer.status]).toEqual([name, path, status]);
    }
  }
  expect((await send(port, 'GET /api/v1/tail', { ...upgrade, ...good })).status).toBe(101);
  expect((await send(port, 'GET /api/v1/runs', { ...upgrade, ...good })).status).toBe(404);
});

test('who may only look cannot act, and a cookie acts only from its own page', async () => {
  const { hub, routes } = await routesOf();
  const { port, tokens } = hub;
  const host = `127.0.0.1:${port}`;
  const origin = `http://${host}`;
  const json = { 'content-type': 'application/json' };
  const cookie = (scope: 'read' | 'control') => `a=b; stepspan_${port}=${signSession(tokens, scope, Date.now())}`;
  for (const [method, path, acts] of routes) {
    const body = acts ? '{}' : undefined;
    const ask = async (headers: Record<string, string>) =>
      (await send(port, `${method} ${path}`, { ...(acts ? json : {}), host, ...headers }, body)).status;
    const reading = [
      await ask({ authorization: `Bearer ${tokens.read}` }),
      await ask({ cookie: cookie('read'), origin }),
    ];
    for (const status of reading) {
      if (acts) expect([path, status]).toEqual([path, 403]);
      else expect([401, 403], path).not.toContain(status);
    }
    const without = await ask({ cookie: cookie('control') });
    if (acts) expect([path, without]).toEqual([path, 403]);
    else expect([401, 403], path).not.toContain(without);
    expect([401, 403], path).not.toContain(await ask({ cookie: cookie('control'), origin }));
  }
  const watch = (headers: Record<string, string>) => send(port, 'GET /api/v1/tail', { ...upgrade, host, ...headers });
  expect((await watch({ cookie: cookie('read') })).status).toBe(403);
  expect((await watch({ cookie: cookie('read'), origin })).status).toBe(101);
  const twice = `${cookie('control')}; stepspan_${port}=${signSession(tokens, 'control', Date.now())}`;
  expect((await send(port, 'GET /api/v1/runs', { host, cookie: twice })).status).toBe(401);
});

test('no spelling of a path goes round the check', async () => {
  const { hub, runId } = await routesOf();
  const { port } = hub;
  const paths = [
    `http://127.0.0.1:${port}/api/v1/runs`,
    '//api/v1/runs',
    '///api/v1/runs',
    '/./api/v1/runs',
    '/x/../api/v1/runs',
    '/API/V1/RUNS',
    '/api/v1/runs/',
    '/api//v1/runs',
    '/%61pi/v1/runs',
    '/api%2fv1%2fruns',
    '/api\\v1\\runs',
    '/api/v1/runs?a=/login',
    '/api/v1/login/../runs',
    '/api/v1/login',
    `/api/v1/runs/${runId}/export#/`,
    '*',
  ];
  for (const path of paths) {
    const answer = await raw(port, `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: close\r\n\r\n`);
    expect(answer, path).toMatch(/^HTTP\/1\.1 (400|401|403|404) /);
    expect(answer, path).not.toContain(runId);
  }
});

test('ids and file names that mean other files find nothing', async () => {
  const { hub } = await routesOf();
  const ids = [
    '..',
    '%2e%2e',
    '..%2f..%2ftoken',
    '%00',
    'latest',
    'token',
    '20261123-151507-k3f9x2',
    'x'.repeat(3_000),
  ];
  for (const id of ids) {
    for (const rest of ['', '/output', '/export', '/timeline', '/steps']) {
      const answer = await hub.get(`/api/v1/runs/${id}${rest}`);
      expect([id.slice(0, 40), rest, answer.status]).toEqual([id.slice(0, 40), rest, 404]);
    }
    expect([400, 404]).toContain((await hub.post(`/api/v1/runs/${id}/cancel`)).status);
  }
  expect((await hub.get('/api/v1/runs/%E0%A4%A')).status).toBe(400);
  for (const path of [
    '/../package.json',
    '/..%2f..%2fpackage.json',
    '/%2e%2e/%2e%2e/package.json',
    '/.git/config',
    '/token',
  ]) {
    expect((await send(hub.port, `GET ${path}`)).status, path).toBeGreaterThanOrEqual(400);
  }
});

test('bodies that are too large, no JSON or of another shape are refused', async () => {
  const { hub, runId } = await routesOf();
  const path = `/api/v1/runs/${runId}/pause`;
  const auth = { authorization: `Bearer ${hub.tokens.control}` };
  const json = { ...auth, 'content-type': 'application/json' };
  const status = async (body: string, headers: Record<string, string> = json) =>
    (await send(hub.port, `POST ${path}`, headers, body)).status;
  expect(await status(JSON.stringify({ now: true, x: 'a'.repeat(100_000) }))).toBe(413);
  expect(await status('{')).toBe(400);
  expect(await status('[]')).toBe(400);
  expect(await status('{"now":"yes"}')).toBe(400);
  expect(await status('{"then":true}')).toBe(400);
  expect(await status('{"__proto__":{"now":true}}')).toBe(400);
  expect(await status('now=true', { ...auth, 'content-type': 'application/x-www-form-urlencoded' })).toBe(415);
  expect(await status('{}', { ...auth, 'content-type': 'text/plain' })).toBe(415);
});

test('malformed headers and upgrades leave the server as it was', async () => {
  const { hub } = await routesOf();
  const { port } = hub;
  const head = `Host: 127.0.0.1:${port}\r\n`;
  const auth = `Authorization: Bearer ${hub.tokens.control}\r\n`;
  const bad = [
    `GET /api/v1/runs HTTP/1.1\r\n${head}${auth}${auth}Connection: close\r\n\r\n`,
    `GET /api/v1/runs HTTP/1.1\r\n${head}Cookie: =;;=\x01;%%%\r\nConnection: close\r\n\r\n`,
    `GET /api/v1/runs HTTP/1.1\r\n${head}Origin: \r\nConnection: close\r\n\r\n`,
    `GET /api/v1/tail HTTP/1.1\r\n${head}${auth}Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n`,
    `GET /api/v1/tail HTTP/1.1\r\n${head}${auth}Upgrade: h2c\r\nConnection: Upgrade\r\n\r\n`,
    `POST /api/v1/tail HTTP/1.1\r\n${head}${auth}Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: x\r\n\r\n`,
    `GET /api/v1/tail HTTP/1.1\r\n${head}${auth}Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 7\r\n\r\n`,
    `GET /api/v1/tail HTTP/1.1\r\n${head}${auth}Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: ,,,\r\n\r\n`,
    `GET /api/v1/tail HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n`,
    `GET http://evil/api/v1/tail HTTP/1.1\r\n${head}${auth}Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n`,
  ];
  for (const bytes of bad) {
    const answer = await raw(port, bytes);
    expect(answer, bytes).toMatch(/^(HTTP\/1\.1 4\d\d |$)/);
  }
  expect((await hub.get('/api/v1/runs')).status).toBe(200);
});

test('every answer restricts what the browser may do with it', async () => {
  const { hub, runId } = await routesOf();
  for (const path of ['/', '/healthz', '/api/v1/runs', `/api/v1/runs/${runId}/export`, '/nothing']) {
    const { headers } = await hub.get(path);
    expect(headers, path).toMatchObject({
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'x-frame-options': 'DENY',
      'cache-control': 'no-store',
    });
    expect(headers['content-security-policy'], path).toContain("default-src 'none'");
    expect(headers['content-security-policy'], path).not.toContain('unsafe');
    expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
  }
  expect((await hub.get(`/api/v1/runs/${runId}/export`)).headers['content-disposition']).toMatch(/^attachment;/);
});

/** What the server says to these bytes before it closes, '' if nothing. */
async function raw(port: number, bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let answer = '';
  socket.on('data', (chunk: Buffer) => {
    answer += chunk.toString('latin1');
    // An upgrade that was taken would stay open.
    if (answer.includes('\r\n\r\n')) socket.end();
  });
  socket.on('error', () => undefined);
  const closed = new Promise((resolve) => socket.on('close', resolve));
  socket.write(bytes);
  await closed;
  return answer;
}
