// The control socket against callers that can connect and must not steer: garbage, too much, too slow, too many; and another user of
// the machine, who finds no way in, neither here nor to the data folder nor to the hub.
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { type ControlRequest, listenForControl } from '../../src/control/index.ts';
import { liveHub } from '../api/http/api-rig.ts';
import { beginRun, endRun, tempData } from '../hub/hub-rig.ts';

async function listen(timeoutMs?: number) {
  const data = tempData();
  const run = beginRun(data);
  const asked: ControlRequest[] = [];
  const handle = (request: ControlRequest) => {
    asked.push(request);
    return { ok: true } as const;
  };
  const folder = data.runDir(run.runId);
  const start = await listenForControl(folder, handle, timeoutMs);
  if (start.kind !== 'listening') throw new Error(start.message);
  onTestFinished(start.server.close);
  const { token } = JSON.parse(readFileSync(folder.controlFile, 'utf8')) as { token: string };
  return { data, run, socket: start.server.socket, token, asked };
}

type Talk = { readonly connection: Socket; readonly over: Promise<string> };

/** Sends and never hangs up. */
function talk(socket: string, bytes: string | Buffer): Talk {
  const connection = connect({ path: socket, allowHalfOpen: true });
  onTestFinished(() => void connection.destroy());
  let text = '';
  connection.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  connection.on('error', () => undefined);
  const over = new Promise<string>((resolve) => {
    for (const event of ['end', 'close']) connection.once(event, () => resolve(text));
  });
  connection.write(bytes);
  return { connection, over };
}

test('a text that is not a request is refused, and nothing is carried out', async () => {
  const { socket, token, asked } = await listen();
  const cancel = { token, verb: 'cancel', by: 'x' };
  const wrong = [
    { ...cancel, token: token.slice(1) },
    { ...cancel, token: `${token}0` },
    { ...cancel, token: token.toUpperCase().replace(/\d/g, '') },
    { ...cancel, token: [token] },
    { ...cancel, token: null },
    { ...cancel, verb: '__proto__' },
    { ...cancel, now: 'yes' },
    { ...cancel, by: '\u001b[31m' },
    { ...cancel, by: 'a'.repeat(65) },
    { ...cancel, by: { toString: 'x' } },
    [cancel],
  ].map((each) => `${JSON.stringify(each)}\n`);
  const bytes = [
    '\n',
    '\0\n',
    '{"token":\n',
    `${'['.repeat(4_000)}\n`,
    'x'.repeat(1_000_000),
    'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
  ];
  for (const text of [...wrong, ...bytes, Buffer.from([0xff, 0xfe, 0x0a])]) {
    expect(await talk(socket, text).over, String(text).slice(0, 100)).toContain('"ok":false');
  }
  // One request a connection: what follows is not read.
  const twice = `{"verb":"ping","token":"x"}\n${JSON.stringify(cancel)}\n`;
  expect(await talk(socket, twice).over).toMatch(/^\{"ok":false.*\}\n$/);
  expect(asked).toEqual([]);
  expect(await talk(socket, `${JSON.stringify(cancel)}\n`).over).toBe('{"ok":true}\n');
  expect(asked).toEqual([{ verb: 'cancel', by: 'x', now: false }]);
});

test('who is slow, also a byte at a time, is cut; more than a few at once are too, and give way', async () => {
  const { socket, token, asked } = await listen(200);
  // The first in has a place; of the others most have none.
  const dripping = talk(socket, '{');
  const flood = Array.from({ length: 100 }, () => talk(socket, '{'));
  const drip = setInterval(() => dripping.connection.write('x'), 20);
  onTestFinished(() => clearInterval(drip));
  for (const { over } of [...flood, dripping]) expect(await over).toBe('');
  expect(await talk(socket, `${JSON.stringify({ token, verb: 'ping' })}\n`).over).toBe('{"ok":true}\n');
  expect(asked).toHaveLength(1);
});

test.runIf(process.getuid?.() === 0)('another user of the machine gets nowhere', async () => {
  const { data, run, socket, token, asked } = await listen();
  const hub = await liveHub(data, [data.root]);
  await endRun(run);
  const files = readdirSync(data.root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));
  expect(files.map((file) => path.basename(file))).toEqual(
    expect.arrayContaining(['token', 'token.read', 'control.json']),
  );
  // They know every name and even the token of the run; what they lack is who they are.
  const script = `
    import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
    import { connect } from 'node:net';
    const answers = {};
    const attempt = async (name, act) => { try { answers[name] = await act() } catch (error) { answers[name] = error.code ?? String(error) } };
    await attempt('folder', () => readdirSync('${data.root}'));
    await attempt('write', () => writeFileSync('${data.root}/runs/x', ''));
    for (const file of ${JSON.stringify(files)}) await attempt(file, () => readFileSync(file, 'utf8'));
    await attempt('socket', () => new Promise((resolve, reject) => {
      const socket = connect('${socket}').on('error', reject).on('data', (data) => resolve(String(data)));
      socket.write('{"token":"${token}","verb":"cancel","by":"x"}\\n');
    }));
    for (const path of ['/api/v1/runs', '/api/v1/runs/${run.runId}/output', '/api/v1/tail', '/metrics'])
      await attempt(path, async () => (await fetch('${hub.url}' + path)).status);
    console.log(JSON.stringify(answers));`;
  const options = { uid: 65_534, gid: 65_534, cwd: '/', env: {} } as const;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], options);
  const answers = JSON.parse(stdout) as Record<string, unknown>;
  for (const name of ['folder', 'write', 'socket', ...files]) expect([name, answers[name]]).toEqual([name, 'EACCES']);
  expect([answers['/api/v1/runs'], answers[`/api/v1/runs/${run.runId}/output`], answers['/api/v1/tail']]).toEqual([
    401, 401, 401,
  ]);
  // Numbers alone: docs say so, and what they hold is held elsewhere.
  expect(answers['/metrics']).toBe(200);
  expect(asked).toEqual([]);
});
