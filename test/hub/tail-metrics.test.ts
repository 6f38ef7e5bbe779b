// What /metrics shows about watchers, with a real one on a real hub.
import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import type { TailMessage } from '../../src/api/schema/messages.ts';
import { serveMetrics } from '../../src/hub/index.ts';
import { openJournal } from '../../src/journal/index.ts';
import { liveHub } from '../api/http/api-rig.ts';
import { output } from '../journal/journal-rig.ts';
import { beginRun, scrape, scrapeUntil, tempData } from './hub-rig.ts';

test('a hub counts its watchers, what they were sent, and what they chose to skip', async () => {
  const data = tempData();
  const { runId, journal } = beginRun(data);
  // More than a connection is sent before it has said anything.
  for (let at = 0; at < 40; at++) journal.output(output('x'.repeat(99).concat('\n').repeat(1_000)));
  const hub = await liveHub(data);
  const names = ['clients', 'buffered_bytes', 'sent_bytes_total', 'jumped_lines_total'];
  const first = await scrape(hub.url);
  expect(names.map((name) => first.value(`stepspan_tail_${name}`))).toEqual([0, 0, 0, 0]);

  const socket = new WebSocket(`ws://127.0.0.1:${hub.port}/api/v1/tail`, {
    headers: { authorization: `Bearer ${hub.tokens.read}` },
  });
  onTestFinished(() => socket.terminate());
  let bytes = 0;
  const jumped = new Promise<number>((resolve) => {
    socket.on('message', (text: Buffer) => {
      bytes += text.length;
      const message = JSON.parse(text.toString()) as TailMessage;
      if (message.type === 'jumped') resolve(message.data.lines);
    });
  });
  await once(socket, 'open');
  socket.send(JSON.stringify({ type: 'subscribe_execution', executionId: runId }));
  socket.send(JSON.stringify({ type: 'jump_to_now', executionId: runId }));
  const lines = await jumped;
  expect(lines).toBeGreaterThan(0);
  // More may arrive while the metrics are asked for.
  const received = bytes;
  const second = await scrapeUntil(hub.url, (scraped) => scraped.value('stepspan_tail_jumped_lines_total') === lines);
  expect(second.value('stepspan_tail_clients')).toBe(1);
  expect(second.value('stepspan_tail_sent_bytes_total')).toBeGreaterThanOrEqual(received);
  socket.close();
  const third = await scrapeUntil(hub.url, (scraped) => scraped.value('stepspan_tail_clients') === 0);
  // What was sent over connections that are closed stays counted.
  expect(third.value('stepspan_tail_sent_bytes_total')).toBeGreaterThanOrEqual(received);
});

test('a run that serves metrics alone has nobody who watches', async () => {
  const data = tempData();
  const { runId } = beginRun(data);
  const start = await serveMetrics({
    reader: openJournal(data.runDir(runId)),
    version: '1',
    host: '127.0.0.1',
    port: 0,
  });
  if (start.kind !== 'started') throw new Error(start.message);
  onTestFinished(() => start.server.close());
  expect((await scrape(start.server.url)).value('stepspan_tail_clients')).toBe(0);
});
