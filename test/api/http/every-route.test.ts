// The attacks that need no knowledge of a route, on all of them: those of docs/openapi.yaml, those beside the API, the files
// of the page, and paths and upgrades that nobody serves. A route that is new is in the table by being documented.
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { openJournal } from '../../../src/journal/index.ts';
import { beginRun, hubOf, tempData } from '../../hub/hub-rig.ts';
import * as raw from '../../support/raw-http.ts';
import { type LiveHub, liveHub, send } from './api-rig.ts';
import { addressOf, nameOf, type Row, servedBy, serverAt, table } from './route-table.ts';

/** Beside the routes: what has no handler of its own must be as closed. */
const others: readonly Row[] = [
  { method: 'GET', route: '/assets/index.js', needs: 'none' },
  { method: 'GET', route: '/nothing', needs: 'none' },
  { method: 'GET', route: '/api/v1/tail', needs: 'read' },
  { method: 'GET', route: '/api/v1/nothing', needs: 'read' },
  { method: 'GET', route: '/api', needs: 'read' },
  { method: 'GET', route: '/api/v2/runs', needs: 'read' },
  { method: 'DELETE', route: '/api/v1/runs/:id', needs: 'control' },
  { method: 'PUT', route: '/api/v1/runs/:id/output', needs: 'control' },
  { method: 'PATCH', route: '/api/v1/session', needs: 'control' },
  { method: 'OPTIONS', route: '/api/v1/runs', needs: 'control' },
];
const rows = [...table, ...others];

/** One active run, so that every action would be seen. */
async function serve(): Promise<{ hub: LiveHub; runId: string; isUntouched: () => Promise<void> }> {
  const data = tempData();
  const { runId } = beginRun(data);
  const hub = await liveHub(data, [data.root]);
  const before = await openJournal(data.runDir(runId)).head();
  return {
    hub,
    runId,
    async isUntouched() {
      expect(await openJournal(data.runDir(runId)).head()).toEqual(before);
      expect(data.listRunIds()).toEqual([runId]);
      expect((await hub.get('/healthz')).status).toBe(200);
    },
  };
}

const json = { 'content-type': 'application/json' };
const bodyFor = (method: string): string | undefined => (['GET', 'HEAD'].includes(method) ? undefined : '{}');
const upgrade = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
};

test('the table holds every route of a server, and no other', async () => {
  const hub = await liveHub(tempData());
  expect([...servedBy(await serverAt(hub.url))].sort()).toEqual(table.map(nameOf).sort());
  // A server of metrics alone has nothing that needs a token.
  const bare = await hubOf(tempData());
  const open = table.filter(({ route }) => !route.startsWith('/api/')).map(nameOf);
  expect([...servedBy(await serverAt(bare.url))].sort()).toEqual(open.sort());
});

test('no route, open ones neither, answers a request that names another server or comes from another site', async () => {
  const { hub, runId, isUntouched } = await serve();
  const { port, tokens } = hub;
  const good = { host: `127.0.0.1:${port}`, authorization: `Bearer ${tokens.control}` };
  const cases: readonly (readonly [string, Record<string, string | string[]>])[] = [
    ['a foreign Host', { ...good, host: `evil.example:${port}` }],
    ['a Host with another port', { ...good, host: `127.0.0.1:${port + 1}` }],
    ['a Host without the port', { ...good, host: '127.0.0.1' }],
    ['a Host with a name before it', { ...good, host: `x@127.0.0.1:${port}` }],
    ['a foreign Origin', { ...good, origin: 'https://evil.example' }],
    ['the null Origin', { ...good, origin: 'null' }],
    ['an Origin of another port', { ...good, origin: `http://127.0.0.1:${port + 1}` }],
    ['a script or image of another site', { ...good, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' }],
    ['one of another port', { ...good, 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'cors' }],
  ];
  for (const row of rows) {
    for (const [name, headers] of cases) {
      const address = addressOf(row, runId);
      const answer = await send(port, `${row.method} ${address}`, { ...json, ...headers }, bodyFor(row.method));
      expect([nameOf(row), name, answer.status]).toEqual([nameOf(row), name, 403]);
      const upgraded = await send(port, `GET ${address}`, { ...upgrade, ...headers });
      expect([nameOf(row), name, upgraded.status]).toEqual([nameOf(row), name, 403]);
    }
    for (const [name, line, host] of [
      ['two Hosts', addressOf(row, runId), `Host: ${good.host}\r\nHost: evil.example\r\n`],
      ['the same Host twice', addressOf(row, runId), `Host: ${good.host}\r\nHost: ${good.host}\r\n`],
      ['a whole URL', `http://${good.host}${addressOf(row, runId)}`, `Host: ${good.host}\r\n`],
      ['a foreign URL', `http://evil.example${addressOf(row, runId)}`, `Host: ${good.host}\r\n`],
      ['two slashes', `/${addressOf(row, runId)}`, `Host: ${good.host}\r\n`],
    ] as const) {
      const sent = raw.send(
        port,
        `${row.method} ${line} HTTP/1.1\r\n${host}Authorization: ${good.authorization}\r\nConnection: close\r\n\r\n`,
      );
      expect([nameOf(row), name, (await sent.over).slice(0, 12)]).toEqual([nameOf(row), name, 'HTTP/1.1 403']);
    }
  }
  await isUntouched();
});

test('an upgrade is taken on one path alone, and everywhere else refused to who may do everything', async () => {
  const { hub, runId } = await serve();
  const good = { ...upgrade, authorization: `Bearer ${hub.tokens.control}` };
  for (const row of [...rows, { method: 'GET', route: '/api/v1/tail/', needs: 'read' } as const]) {
    const { status } = await send(hub.port, `GET ${addressOf(row, runId)}`, good);
    expect([row.route, status]).toEqual([row.route, row.route === '/api/v1/tail' ? 101 : 404]);
  }
  const graphql = { ...good, 'sec-websocket-protocol': 'graphql-ws' };
  expect((await send(hub.port, 'GET /api/v1/tail', graphql)).status).toBe(400);
  const socket = new WebSocket(`ws://127.0.0.1:${hub.port}/api/v1/tail`, { headers: good });
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.once('open', () => socket.send('x'.repeat(2 ** 20)));
  expect(await closed).toBe(1009);
});

test('no header and no parameter makes another method of a request', async () => {
  const { hub, runId, isUntouched } = await serve();
  const reader = { authorization: `Bearer ${hub.tokens.read}`, ...json };
  const names = ['x-http-method-override', 'x-http-method', 'x-method-override'];
  const as = (method: string) => Object.fromEntries(names.map((name) => [name, method]));
  for (const row of rows) {
    const address = addressOf(row, runId);
    if (row.needs === 'control') {
      const pretended = await send(hub.port, `${row.method} ${address}`, { ...reader, ...as('GET') }, '{}');
      expect([nameOf(row), pretended.status]).toEqual([nameOf(row), 403]);
    }
    const { status } = await send(hub.port, `GET ${address.split('?')[0]}?_method=POST`, {
      ...reader,
      ...as(row.method === 'GET' ? 'POST' : row.method),
    });
    expect(status, address).toBeLessThan(500);
  }
  await isUntouched();
});

test('anything but a run id reaches no file on any route that takes one', async () => {
  const { hub, runId, isUntouched } = await serve();
  const auth = { authorization: `Bearer ${hub.tokens.control}`, ...json };
  const ids = [
    '..%2f',
    '%2e%2e%2f%2e%2e%2ftoken',
    '%252e%252e%252ftoken',
    '..%5c..%5ctoken',
    '%00',
    `${runId}%00`,
    `${runId}%0a`,
    `${runId}%2f`,
    `${runId}%2f..%2f${runId}`,
    `.%2f${runId}`,
    `${runId};x`,
    `${runId}.`,
    `%20${runId}`,
    `${runId}X`,
    runId.replace(/.$/, 'K'),
    runId.replace('-', '%E2%80%90'),
    runId.replace('0', '%EF%BC%90'),
    '%2fetc%2fpasswd',
    'file:%2f%2f%2fetc%2fpasswd',
    '%F0%9F%92%A9',
    '%C0%AE%C0%AE',
    '%E0%A4%A',
    '__proto__',
    '*',
    'x'.repeat(10_000),
  ];
  for (const row of table.filter(({ route }) => route.includes(':id'))) {
    for (const id of ids) {
      const { status, text } = await send(hub.port, `${row.method} ${addressOf(row, id)}`, auth, bodyFor(row.method));
      expect([nameOf(row), id.slice(0, 60), [400, 404].includes(status) || status]).toEqual([
        nameOf(row),
        id.slice(0, 60),
        true,
      ]);
      expect(text).not.toMatch(/root:|ENOENT|[0-9a-f]{64}/);
    }
  }
  await isUntouched();
});

test('no route takes a body that is large, or anything but a JSON object', async () => {
  const { hub, runId, isUntouched } = await serve();
  const auth = { authorization: `Bearer ${hub.tokens.control}` };
  const bodies: readonly (readonly [string, string, readonly number[]])[] = [
    ['application/x-www-form-urlencoded', 'now=true', [415]],
    ['text/plain', '{"now":true}', [415]],
    ['multipart/form-data; boundary=x', '--x--', [415]],
    ['application/json', `{"now":true,"x":"${'a'.repeat(100_000)}"}`, [413]],
    ['application/json', `[${'['.repeat(30_000)}`, [400, 413]],
    ['application/json', '{"now":', [400]],
    ['application/json', '[]', [400]],
    ['application/json', '7', [400]],
    ['application/json', '\u0000', [400]],
  ];
  for (const row of table.filter(({ method }) => method === 'POST')) {
    for (const [type, body, expected] of bodies) {
      const { status } = await send(hub.port, `POST ${addressOf(row, runId)}`, { ...auth, 'content-type': type }, body);
      expect([row.route, type, body.slice(0, 20), expected.includes(status) || status]).toEqual([
        row.route,
        type,
        body.slice(0, 20),
        true,
      ]);
    }
    const zipped = { ...auth, ...json, 'content-encoding': 'br' };
    expect((await send(hub.port, `POST ${addressOf(row, runId)}`, zipped, 'x')).status, row.route).toBeLessThan(500);
  }
  await isUntouched();
});
