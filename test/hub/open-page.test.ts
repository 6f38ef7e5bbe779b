// `--open`: what a browser is given, by `run`, `serve` and `link`; who can use a link that other users can read in the list
// of processes; and the message without a browser.
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { createLoginCodes } from '../../src/hub/access/login-codes.ts';
import { userOfPeer } from '../../src/hub/access/peer-user.ts';
import { liveHub, signIn } from '../api/http/api-rig.ts';
import { type CliRig, startCliRig } from '../support/cli-rig.ts';
import { until } from '../support/until.ts';
import { tempData } from './hub-rig.ts';

const linux = process.platform === 'linux';

/** A rig whose `$BROWSER` writes down what it is given. */
async function rigWithBrowser(): Promise<CliRig & { browser: Record<string, string>; opened: () => Promise<string> }> {
  const rig = await startCliRig();
  onTestFinished(rig.close);
  const program = rig.write('browser', '#!/bin/sh\nprintf "%s\\n" "$1" > "$0.new" && mv "$0.new" "$0.link"\n', 0o755);
  return {
    ...rig,
    browser: { BROWSER: `${program}:another` },
    async opened() {
      await until(() => existsSync(`${program}.link`));
      return readFileSync(`${program}.link`, 'utf8').trim();
    },
  };
}

test('a run with --open shows itself in a browser, also after its end, until it is asked to go', async () => {
  const rig = await rigWithBrowser();
  const file = rig.write('flow.yaml', 'name: flow\nsteps:\n  - id: fails\n    run: exit 4\n');
  const running = rig.start(['run', file, '--open', '--json'], rig.browser);
  await running.said(/"outcome":"failure"/);
  const { url, cookie, scope, to } = await signIn(await rig.opened());
  expect([scope, to]).toEqual(['control', `/runs/${rig.runIds()[0]}`]);
  const shown = await fetch(`${url}/api/v1${to}`, { headers: { cookie } });
  expect(await shown.json()).toMatchObject({ state: 'failure' });
  running.child.kill('SIGINT');
  const { code, stderr } = await running.done;
  // The run's own code: Ctrl-C has ended the page, not the run.
  expect(code).toBe(1);
  expect(stderr).toContain(`its page stays at ${url} until Ctrl-C`);
  await expect(fetch(url)).rejects.toThrow();
});

test('a run that is cancelled by hand takes its page with it', async () => {
  const rig = await rigWithBrowser();
  const file = rig.write('flow.yaml', 'name: flow\nsteps:\n  - id: wait\n    run: echo waits; sleep 60\n');
  const running = rig.start(['run', file, '--open'], rig.browser);
  await running.said('waits');
  running.child.kill('SIGINT');
  const { code, stderr } = await running.done;
  expect(code).toBe(130);
  expect(stderr).not.toContain('its page stays');
});

test('with a hub, run, serve and link have the browser opened there, and the run does not stay', async () => {
  const rig = await rigWithBrowser();
  const file = rig.write('flow.yaml', 'name: flow\nsteps:\n  - id: ok\n    run: "true"\n');
  const serving = rig.start(['serve', '--port', '0', '--no-ship', '--open'], rig.browser);
  const first = await signIn(await rig.opened());
  expect([first.scope, first.to]).toEqual(['control', undefined]);
  expect((await rig.run(['run', file, '--open'], rig.browser)).code).toBe(0);
  const to = `/runs/${rig.runIds()[0]}`;
  expect(await signIn(await rig.opened())).toMatchObject({ url: first.url, scope: 'control', to });
  expect((await rig.run(['link', 'latest', '--read', '--open'], rig.browser)).code).toBe(0);
  expect(await signIn(await rig.opened())).toMatchObject({ url: first.url, scope: 'read', to });
  serving.child.kill('SIGINT');
  expect((await serving.done).code).toBe(0);
});

test('if no browser can be opened, a run says so, and ends when it ends', async () => {
  const rig = await rigWithBrowser();
  const file = rig.write('flow.yaml', 'name: flow\nsteps:\n  - id: ok\n    run: "true"\n');
  const missing = await rig.run(['run', file, '--open'], { BROWSER: '/no/such/browser' });
  expect(missing).toMatchObject({ code: 0, stderr: expect.stringContaining('/no/such/browser is not installed') });
  const failing = await rig.run(['run', file, '--open'], { BROWSER: 'false' });
  expect(failing).toMatchObject({ code: 0, stderr: expect.stringContaining('false ended with exit code 1') });
  expect(failing.stderr).toMatch(/watch this run at http:\S+&to=\/runs\/\S+\n/);
  if (linux) expect((await rig.run(['run', file, '--open'])).stderr).toContain('there is no display');
  const both = await rig.run(['run', file, '--open', '--no-serve'], rig.browser);
  expect(both).toMatchObject({ code: 2, stderr: expect.stringContaining('leave one of them out') });
});

test('a code for one user is good for no other, who cannot spoil it either', () => {
  const codes = createLoginCodes();
  const { code } = codes.issue('control', 1000);
  expect(codes.redeem(code, () => 1001)).toBeUndefined();
  expect(codes.redeem(code, () => undefined)).toBeUndefined();
  expect(codes.redeem(code)).toBeUndefined();
  expect(codes.redeem(code, () => 1000)).toBe('control');
  expect(codes.redeem(code, () => 1000)).toBeUndefined();
});

test.runIf(linux && process.getuid?.() === 0)('a link for its own user is refused to another user', async () => {
  const hub = await liveHub(tempData());
  const own = hub.link({ ownUser: true }) ?? '';
  const [, url, code] = /^(.*)\/#code=(.*)$/.exec(own) ?? [];
  const asOther = `const answer = await fetch('${url}/api/v1/login', { method: 'POST', headers: {
    'content-type': 'application/json', origin: '${url}' }, body: JSON.stringify({ code: '${code}' }) });
    console.log(answer.status);`;
  const args = ['--input-type=module', '--eval', asOther];
  const options = { uid: 65_534, gid: 65_534, cwd: '/', env: {} } as const;
  expect((await promisify(execFile)(process.execPath, args, options)).stdout.trim()).toBe('401');
  expect((await signIn(own)).scope).toBe('control');
});

test.runIf(linux).each([
  ['127.0.0.1', '127.0.0.1'],
  ['::1', '::1'],
  ['127.0.0.1', '::ffff:127.0.0.1'],
])('the user of a connection to %s by way of %s is known', async (host, to) => {
  const server = createServer();
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
  const listening = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false));
    server.listen({ host, port: 0 }, () => resolve(true));
  });
  // A machine without IPv6 has none of its users either.
  if (!listening) return;
  const client = connect({ host: to, port: (server.address() as { port: number }).port });
  client.on('error', () => undefined);
  onTestFinished(() => {
    client.destroy();
    server.close();
  });
  const socket = await accepted;
  expect(userOfPeer(socket)).toBe(process.getuid?.());
  const { remoteAddress, remotePort = 0, localPort } = socket;
  expect(userOfPeer({ remoteAddress, remotePort, localPort: (localPort ?? 0) + 1 } as Socket)).toBeUndefined();
  expect(userOfPeer({ remoteAddress: '192.0.2.1', remotePort, localPort } as Socket)).toBeUndefined();
  socket.destroy();
});
