// The tail and the API over a data folder, in a process of its own whose memory and time can be asked. Started by `tail/server.ts`.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import express from 'express';
import type * as Api from '../../src/api/http/index.ts';
import type * as Tail from '../../src/api/index.ts';
import type * as Journal from '../../src/journal/index.ts';
import type * as Runs from '../../src/runs/index.ts';
import type { ServeOrder, ServerState } from '../support/tail-orders.ts';

const order = JSON.parse(process.argv[2] ?? '') as ServeOrder;
const { createTail } = (await import(order.modules.tail)) as typeof Tail;
const { createApi } = (await import(order.modules.api)) as typeof Api;
const { dataFolder } = (await import(order.modules.journal)) as typeof Journal;

const { createCatalogue } = (await import(order.modules.runs)) as typeof Runs;

const data = dataFolder(order.dataDir);
const catalogue = createCatalogue({ data });
const linksOf = (): readonly [] => [];
const tail = createTail({
  catalogue,
  linksOf,
  runsDir: data.runsDir,
  resolveRun: (runId) => data.runDir(runId),
  authorize: () => ({ ok: true, scope: 'read' }),
  version: 'bench',
});
const app = express();
// Only searches are asked for, which need no more of the options than these.
app.use(createApi({ catalogue, linksOf } as unknown as Parameters<typeof Api.createApi>[0]));
const server = createServer(app);
server.on('upgrade', tail.handleUpgrade);
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port));

createInterface(process.stdin)
  .on('line', async (asked) => console.log(JSON.stringify(await state(asked === 'collect'))))
  .on('close', () => process.exit());

async function state(collect: boolean): Promise<ServerState> {
  const gc = collect ? (globalThis as { gc?: () => void }).gc : undefined;
  // The memory of buffers is given back after the collection that has found them unused, and counted until then.
  gc?.();
  await delay(20);
  gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  return { usedBytes: heapUsed + external, rssBytes: rss, cpuMs: (user + system) / 1000, readBytes: readBytes() };
}

function readBytes(): number {
  try {
    return Number(/rchar: (\d+)/.exec(readFileSync('/proc/self/io', 'utf8'))?.[1]);
  } catch {
    return Number.NaN;
  }
}
