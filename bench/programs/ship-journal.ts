// Ships a journal with the shipper of stepspan, in a process of its own, and prints how long it took. Started by `drain.ts`.
import type * as Journal from '../../src/journal/index.ts';
import type * as Shipping from '../../src/readers/ship/shipper.ts';
import type { DrainOrder, Shipped } from '../support/drain-orders.ts';

const order = JSON.parse(process.argv[2] ?? '') as DrainOrder;
const { createShipper } = (await import(order.modules.shipper)) as typeof Shipping;
const { dataFolder, openJournal } = (await import(order.modules.journal)) as typeof Journal;

const found = dataFolder(order.dataDir).findRun('latest');
if (found.kind !== 'found') throw new Error(found.message);
const started = performance.now();
const start = await createShipper({
  folder: dataFolder(order.dataDir).runDir(found.runId),
  env: process.env,
});
if (start.kind !== 'shipping') throw new Error(JSON.stringify(start));
const result = await start.shipper.drain(600_000);
const ms = performance.now() - started;
if (result.kind !== 'drained') throw new Error(result.message);
await start.shipper.stop();
let events = 0;
for await (const batch of openJournal(dataFolder(order.dataDir).runDir(found.runId)).read({ from: 0 }))
  events += batch.filter(({ kind }) => kind === 'event').length;
process.stdout.write(JSON.stringify({ ms, events } satisfies Shipped));
