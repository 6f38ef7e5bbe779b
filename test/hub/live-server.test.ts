// `stepspan serve`, `stepspan link` and the server of a single run as real processes: the links they print sign in, what a
// run serves is there while it lasts, and what other machines see.
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { allowedHosts, inBrackets, reachableAddresses } from '../../src/hub/host-check.ts';
import { liveHub, send, signIn } from '../api/http/api-rig.ts';
import { startIn, startRun, stepspan } from '../control/control-rig.ts';
import { until } from '../support/until.ts';
import { ask, beginRun, tempData } from './hub-rig.ts';

test('serve and link print links that sign in, with the scope that was asked for', async () => {
  const data = tempData();
  const none = await stepspan(data, 'link');
  expect(none).toMatchObject({ code: 7, stderr: expect.stringContaining('Start one: stepspan serve') });
  const serve = startIn(data, 'serve', '--port', '0');
  await serve.said('within five minutes');
  const first = await signIn(/^page {6}(\S+)$/m.exec(serve.stdout())?.[1] ?? '');
  expect(first.scope).toBe('control');
  const runs = await fetch(`${first.url}/api/v1/runs`, { headers: { cookie: first.cookie } });
  expect(await runs.json()).toEqual({ runs: [] });

  const linked = await stepspan(data, 'link', '--read');
  expect(linked.code).toBe(0);
  const second = await signIn(linked.stdout.trim());
  expect([second.url, second.scope, second.to]).toEqual([first.url, 'read', undefined]);

  const { runId } = beginRun(data);
  const third = await signIn((await stepspan(data, 'link', 'latest')).stdout.trim());
  expect([third.scope, third.to]).toEqual(['control', `/runs/${runId}`]);
  expect(await stepspan(data, 'link', 'none')).toMatchObject({ code: 7, stderr: expect.stringContaining('No run in') });
});

test('a run with --serve shows itself while it lasts, and leaves that to a hub if one runs', async () => {
  const data = tempData();
  const file = join(data.root, 'flow.yaml');
  writeFileSync(
    file,
    `name: flow\nsteps:\n  - id: wait\n    run: while [ ! -e ${data.root}/go ]; do sleep 0.02; done\n`,
  );
  // Nobody comes for the metrics of its end, which it would wait for.
  const { output, runId, done } = await startRun(data, file, '--serve', '--ship-wait', '1s');
  const link = await until(() => /watch this run at (\S+)\s/.exec(output())?.[1], { what: 'the link' });
  const { url, cookie, to } = await signIn(link);
  expect(to).toBe(`/runs/${runId}`);
  const shown = await fetch(`${url}/api/v1/runs/${runId}`, { headers: { cookie } });
  expect(await shown.json()).toMatchObject({ runId, state: 'running', currentStep: 'wait' });
  expect((await fetch(`${url}/metrics`)).status).toBe(200);
  const paused = await fetch(`${url}/api/v1/runs/${runId}/pause`, { method: 'POST', headers: { cookie, origin: url } });
  expect(paused.status).toBe(200);
  await fetch(`${url}/api/v1/runs/${runId}/resume`, { method: 'POST', headers: { cookie, origin: url } });
  const socket = new WebSocket(`${url.replace('http', 'ws')}/api/v1/tail`, { headers: { cookie, origin: url } });
  const closed = once(socket, 'close');
  await once(socket, 'message');
  writeFileSync(join(data.root, 'go'), '');
  expect((await done).code).toBe(0);
  await closed;
  await expect(fetch(url)).rejects.toThrow();
  expect(output()).toContain('the live page has ended with the run; `stepspan serve --open` shows it again');

  const hub = await liveHub(data);
  const other = await startRun(data, file, '--serve');
  expect((await other.done).code).toBe(0);
  const hint = other.output();
  expect(hint).not.toContain('has ended with the run');
  const atHub = await signIn(/watch this run at (\S+)/.exec(hint)?.[1] ?? '');
  expect(atHub).toMatchObject({ url: hub.url, to: `/runs/${other.runId}`, scope: 'control' });
});

test('other machines see no metrics without a token, and nothing of the hub but that it lives', async () => {
  const address = Object.values(networkInterfaces())
    .flat()
    .find((each) => each?.internal === false && each.family === 'IPv4')?.address;
  // A machine without a network has no other machines either.
  if (address === undefined) return;
  const data = tempData();
  beginRun(data);
  const hub = await liveHub(data, [], {
    host: '0.0.0.0',
    allowRemote: true,
  });
  const url = `http://${address}:${hub.port}`;
  expect((await ask(url, '/metrics')).status).toBe(401);
  expect((await ask(url, '/metrics', { authorization: `Bearer ${hub.tokens.read}` })).status).toBe(200);
  expect(JSON.parse((await ask(url, '/healthz')).body)).toEqual({ status: 'ok' });
  expect((await ask(url, '/api/v1/runs')).status).toBe(401);
  expect((await send(hub.port, 'GET /metrics')).status).toBe(200);
  expect(hub.link()).toMatch(new RegExp(`^${url}/#code=`));
});

test('a hub on every address prints a link that other machines can open, and a public address replaces it', async () => {
  const address = reachableAddresses()[0];
  // A machine without a network has no other machines either.
  if (address === undefined) return;
  const open = { host: '0.0.0.0', allowRemote: true };
  const hub = await liveHub(tempData(), [], open);
  const link = hub.link() ?? '';
  expect(new URL(link).hostname).toBe(inBrackets(address));
  expect((await signIn(link)).scope).toBe('control');
  expect((await ask(`http://127.0.0.1:${hub.port}`, '/healthz')).status).toBe(200);

  const behind = await liveHub(tempData(), [], { ...open, publicUrl: 'https://hub.example.com/' });
  expect(behind.link()).toMatch(/^https:\/\/hub\.example\.com\/#code=/);
  const proxied = { host: 'hub.example.com', origin: 'https://hub.example.com' };
  expect((await behind.get('/api/v1/runs', proxied)).status).toBe(200);
  expect((await behind.get('/api/v1/runs', { ...proxied, host: 'other.example.com' })).status).toBe(403);
});

test('a proxy with TLS in front is served by its name alone, with https in the Origin', async () => {
  const hub = await liveHub(tempData(), [], { hostNames: ['build.example.com'] });
  const proxied = { host: 'build.example.com', origin: 'https://build.example.com' };
  expect((await hub.get('/api/v1/runs', proxied)).status).toBe(200);
  expect((await hub.get('/api/v1/runs', { ...proxied, origin: 'https://evil.example.com' })).status).toBe(403);
});

test('the hosts that are served are those that were named, each as it may be written', () => {
  expect([...allowedHosts('127.0.0.1', 80)]).toContain('localhost');
  expect([...allowedHosts('127.0.0.1', 9464)]).not.toContain('localhost');
  const named = [...allowedHosts('::1', 9464, ['Build.example.com', 'proxy.example.com:8443', '2001:db8::1'])];
  expect(named).toEqual(
    expect.arrayContaining([
      '[::1]:9464',
      'build.example.com:9464',
      'build.example.com',
      'proxy.example.com:8443',
      '[2001:db8::1]:9464',
    ]),
  );
  expect(named).not.toContain('proxy.example.com');
});
