// A search whose client leaves: nothing of the journal is read for nobody.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { expect, onTestFinished, test } from 'vitest';
import { createApi } from '../../../src/api/http/index.ts';
import { createJournal } from '../../../src/journal/index.ts';
import { createCatalogue } from '../../../src/runs/catalogue.ts';
import { nextRunId, tempData } from '../../hub/hub-rig.ts';
import { output } from '../../journal/journal-rig.ts';
import { runFinished, runStarted } from '../../runs/journal-of.ts';

const mebibyte = 1024 * 1024;

test.each([
  { until: 'it is held up by a client that does not read its hits', hits: 40, rest: 80 },
  { until: 'it is amid lines that hold no hit', hits: 0, rest: 250 },
])('a search stops when its client leaves while $until', async ({ hits, rest }) => {
  const data = tempData();
  const runId = nextRunId();
  const journal = createJournal(data.runDir(runId), { archive: false, durability: 'none' });
  journal.event(runStarted(['a'], { runId }));
  // More hits than the kernel takes for a socket, so that the search cannot be over before the client leaves.
  const hit = output(`hit ${'x'.repeat(8 * 1024)}\n`.repeat(128));
  for (let at = 0; at < hits; at++) journal.output(hit);
  const block = output(`${'x'.repeat(1023)}\n`.repeat(1024));
  for (let at = 0; at < rest; at++) journal.output(block);
  journal.event(runFinished());
  await journal.close();

  // What the process had read from files when the client was gone, and when the search had ended.
  const read = { whenLeft: Number.NaN };
  const app = express();
  const ended = new Promise<number>((resolve) => {
    app.use((_request, response, next) => {
      response.once('close', () => {
        read.whenLeft = bytesRead();
      });
      const end = response.end.bind(response) as () => typeof response;
      response.end = () => {
        resolve(bytesRead());
        return end();
      };
      next();
    });
  });
  app.use(
    createApi({ catalogue: createCatalogue({ data }), actions: { exportFormats: {} } as never, linksOf: () => [] }),
  );
  const server = app.listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');

  const { port } = server.address() as AddressInfo;
  const asked = request({ hostname: '127.0.0.1', port, path: `/runs/${runId}/search?q=hit&limit=10000` }).end();
  asked.on('error', () => undefined);
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  response.on('error', () => undefined);
  response.destroy();
  const atEnd = await ended;
  // What was on its way, a block or two.
  expect(atEnd - read.whenLeft).toBeLessThan(4 * mebibyte);
});

/** Bytes that this process has read from files so far. */
function bytesRead(): number {
  return Number(/rchar: (\d+)/.exec(readFileSync('/proc/self/io', 'utf8'))?.[1]);
}
