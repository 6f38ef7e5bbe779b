// Tokens, one-time codes and the cookies that come of them: what is valid, for how long, and what is not trusted.
import { chmodSync, existsSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createLoginCodes } from '../../../src/hub/access/login-codes.ts';
import { signSession, verifySession } from '../../../src/hub/access/secret.ts';
import { loadTokens } from '../../../src/hub/access/token-file.ts';
import { tempData } from '../../hub/hub-rig.ts';
import { liveHub, routesOf, send } from './api-rig.ts';

test('a code signs in once, with a cookie that scripts cannot read, and is void after five minutes', async () => {
  const { hub } = await routesOf();
  const { port } = hub;
  const code = /#code=([\w-]+)$/.exec(hub.link() ?? '')?.[1] ?? '';
  const headers = { 'content-type': 'application/json', origin: `http://127.0.0.1:${port}` };
  const login = (given: unknown, more: Record<string, string> = {}) =>
    send(port, 'POST /api/v1/login', { ...headers, ...more }, JSON.stringify(given));
  expect((await login({ code }, { origin: 'https://evil.example' })).status).toBe(403);
  expect((await login({ code }, { 'content-type': 'text/plain' })).status).toBe(415);
  const [first, second] = await Promise.all([login({ code }), login({ code })]);
  expect([first.status, second.status].sort()).toEqual([200, 401]);
  const answer = first.status === 200 ? first : second;
  const set = String(answer.headers['set-cookie']);
  expect(set).toMatch(/; Path=\/api\/v1; Max-Age=\d+; HttpOnly; SameSite=Strict$/);
  const cookie = set.split(';')[0] ?? '';
  expect((await send(port, 'GET /api/v1/session', { cookie })).body).toMatchObject({
    scope: 'control',
    version: '9.9.9',
  });
  for (const wrong of [{}, { code: 7 }, { code: 'x'.repeat(5_000) }, { code: '' }, [], null, 'x']) {
    expect([400, 401, 413]).toContain((await login(wrong)).status);
  }

  let now = 0;
  const codes = createLoginCodes(() => now);
  const old = codes.issue('read').code;
  now += 5 * 60_000;
  expect(codes.redeem(old)).toBeUndefined();
  expect(codes.redeem(codes.issue('read').code)).toBe('read');
});

test('a session outlives the hub, and ends with its token', async () => {
  const data = tempData();
  const hub = await liveHub(data);
  const value = signSession(hub.tokens, 'control', Date.now());
  const again = loadTokens(data);
  expect(again).toEqual({ ok: true, tokens: hub.tokens });
  expect(verifySession(hub.tokens, value, Date.now())).toBe('control');
  expect(verifySession({ ...hub.tokens, control: 'f'.repeat(64) }, value, Date.now())).toBeUndefined();
  expect(statSync(join(data.root, 'token')).mode & 0o777).toBe(0o600);
  expect(readFileSync(join(data.root, 'token'), 'utf8')).toMatch(/^[0-9a-f]{64}\n$/);
  expect(hub.tokens.read).not.toBe(hub.tokens.control);
});

test('a token file that others can read, or that is a link, is not used', () => {
  const data = tempData();
  expect(loadTokens(data).ok).toBe(true);
  chmodSync(join(data.root, 'token'), 0o644);
  expect(loadTokens(data)).toEqual({ ok: false, message: expect.stringContaining('can be read by others (mode 644)') });
  const other = tempData();
  writeFileSync(join(data.root, 'elsewhere'), `${'a'.repeat(64)}\n`, { mode: 0o600 });
  expect(existsSync(join(other.root, 'token'))).toBe(false);
  symlinkSync(join(data.root, 'elsewhere'), join(other.root, 'token'));
  expect(loadTokens(other)).toEqual({ ok: false, message: expect.stringContaining('not a regular file') });
});
