// The client of the package against a real server: what breaks is taken up where it stopped.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer, type Socket, connect as tcp } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { createTailClient, type RunMessage, type TailStatus } from '../../../src/api/tail/client.ts';
import { newRunId } from '../../../src/core/ids.ts';
import { createJournal, dataFolder } from '../../../src/journal/index.ts';
import { output, runFinished, startFixture, tempRoot } from '../../journal/journal-rig.ts';
import { until } from '../../support/until.ts';
import { entriesOf, serveTail, watch } from './tail-rig.ts';

const retry = { firstMs: 2, longestMs: 10 };

/** Between client and server: what goes through can be cut at any byte. */
async function cuttable(port: number): Promise<{ url: string; cut: () => void; bytes: () => number }> {
  const open = new Set<Socket>();
  let bytes = 0;
  const proxy = createServer((near) => {
    const far = tcp(port, '127.0.0.1');
    open.add(near);
    near.on('error', () => undefined).on('close', () => far.destroy());
    far.on('error', () => undefined).on('close', () => near.destroy());
    far.on('data', (data: Buffer) => {
      bytes += data.length;
    });
    near.pipe(far).pipe(near);
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const cut = (): void => {
    for (const socket of open) socket.destroy();
    open.clear();
  };
  onTestFinished(() => {
    proxy.close();
    cut();
  });
  return { url: `ws://127.0.0.1:${(proxy.address() as AddressInfo).port}/api/v1/tail`, cut, bytes: () => bytes };
}

test('a connection cut at random moments leaves no gap and no repeat, while another process writes', async () => {
  const root = tempRoot();
  const runId = newRunId();
  const folder = dataFolder(root).runDir(runId);
  const { port, url } = await serveTail(root, { resolveRun: () => folder });
  const proxy = await cuttable(port);
  const client = createTailClient({ url: proxy.url, retry });
  onTestFinished(() => client.close());
  const messages: RunMessage[] = [];
  const subscription = client.subscribe(runId, { onMessage: (message) => messages.push(message) });
  startFixture('journal-writer.ts', root, runId, 'create', '4000').stdout.resume();
  let cuts = 0;
  const ended = (): boolean => messages.some((message) => message.type === 'caught_up' && message.data.ended);
  while (!ended()) {
    const next = proxy.bytes() + Math.random() * 60_000;
    await until(() => proxy.bytes() > next || ended());
    proxy.cut();
    cuts += 1;
  }
  expect(cuts).toBeGreaterThan(5);
  const whole = await watch(url, folder);
  await whole.heard('caught_up', ({ data }) => data.ended);
  expect(entriesOf(messages)).toEqual(entriesOf(whole.messages));
  expect(subscription.position()).toBe(entriesOf(messages).length);
});

test('a server that is stopped and started again is found, and what came meanwhile is got', async () => {
  const root = tempRoot();
  const journal = createJournal(dataFolder(root).runDir(newRunId()));
  const first = await serveTail(root);
  const statuses: TailStatus[] = [];
  const client = createTailClient({ url: first.url, retry, onStatus: (status) => statuses.push(status) });
  onTestFinished(() => client.close());
  const messages: RunMessage[] = [];
  client.subscribe(journal.folder.runId, { onMessage: (message) => messages.push(message), fromSeq: 'end' });
  await until(() => messages.some(({ type }) => type === 'caught_up'));
  journal.output(output('before\n'));
  await until(() => entriesOf(messages).length === 1);
  first.server.close();
  await first.tail.stop();
  first.server.closeAllConnections();
  await until(() => client.status().kind === 'waiting');
  expect(statuses.some((status) => status.kind === 'waiting' && status.code === 1001)).toBe(true);
  journal.output(output('meanwhile\n'));
  await serveTail(root, {}, first.port);
  journal.output(output('after\n'));
  journal.event(runFinished);
  await until(() => entriesOf(messages).length === 4);
  expect(entriesOf(messages).map(([, text]) => text)).toEqual(['before', 'meanwhile', 'after', 'execution_completed']);
  await journal.close();
});

test('a refused subscription is reported to the one who asked, and the others continue', async () => {
  const root = tempRoot();
  const journal = createJournal(dataFolder(root).runDir(newRunId()));
  journal.output(output('a line\n'));
  const { url } = await serveTail(root);
  const client = createTailClient({ url, retry });
  onTestFinished(() => client.close());
  const errors: string[] = [];
  const messages: RunMessage[] = [];
  const onMessage = (message: RunMessage): number => messages.push(message);
  client.subscribe(newRunId(), { onMessage, onError: ({ code }) => errors.push(code) });
  client.subscribe(journal.folder.runId, { onMessage, filters: { streams: ['stdout'] } });
  await until(() => errors.length === 1 && entriesOf(messages).length === 1);
  expect(errors).toEqual(['not_found']);
  await journal.close();
});

test('a token goes as a bearer token', async () => {
  const root = tempRoot();
  const seen: unknown[] = [];
  const { url } = await serveTail(root, {
    authorize({ headers }) {
      seen.push(headers.authorization);
      return { ok: true, scope: 'control' };
    },
  });
  const client = createTailClient({ url, token: 'secret', retry });
  onTestFinished(() => client.close());
  client.subscribe(newRunId(), { onMessage: () => undefined });
  await until(() => client.status().kind === 'open');
  expect(seen).toEqual(['Bearer secret']);
  expect(client.status()).toMatchObject({ hello: { protocol: 1, scope: 'control' } });
});

test('a browser can load the client: nothing of it but types comes from elsewhere', () => {
  const importsOf = (name: string): string[] => {
    const text = readFileSync(new URL(`../../../src/api/tail/${name}`, import.meta.url), 'utf8');
    return [...text.matchAll(/^(?:import|export|\}) (?!type)[^;]*?from '([^']+)'/gms)].map((match) => match[1]!);
  };
  expect(new Set(importsOf('client.ts'))).toEqual(
    new Set(['../../runs/view-patch.ts', './connection.ts', './protocol.ts']),
  );
  expect(new Set(importsOf('connection.ts'))).toEqual(new Set(['../../core/backoff.ts', './protocol.ts']));
  for (const file of ['../../core/backoff.ts', '../../runs/view-patch.ts']) expect(importsOf(file)).toEqual([]);
  expect(importsOf('protocol.ts')).toEqual([]);
});
