// A thousand watchers of one run: whether any of them misses a line, and what they cost.
import type { Setting } from '../support/bench.ts';
import type { Part } from './latency.ts';
import { startTailServer } from './server.ts';
import { expectAll, ms, quantile, type Watcher, watchRun } from './watcher.ts';

const watchers = 1_000;
const linesPerSecond = 200;

const timed = 'oldest of a message';

/** So many connect at once; the server is asked by as many browsers at most. */
const together = 100;

/** Throws if any watcher misses a line. */
export async function thousand(setting: Setting): Promise<Part> {
  const seconds = setting.short ? 2 : 10;
  setting.say(`tail: ${watchers} watchers for ${seconds} s`);
  const server = await startTailServer(setting.place);
  try {
    const runId = server.newRun();
    const all: Watcher[] = [];
    while (all.length < watchers)
      all.push(...(await Promise.all(Array.from({ length: together }, () => watchRun(server.url, runId, 0, timed)))));
    const before = await server.state();
    const count = linesPerSecond * seconds;
    await server.write(runId, { kind: 'paced', perSecond: linesPerSecond, count, file: undefined });
    await expectAll(all, count);
    const after = await server.state();
    const late = all.flatMap((one) => one.lateMs);
    const cores = (after.cpuMs - before.cpuMs) / (seconds * 1000);
    for (const { socket } of all) socket.terminate();
    return {
      tables: [
        {
          columns: [
            'watchers, lines/s',
            'without every line',
            'half',
            '99 of 100',
            'cores of the server',
            'its memory',
          ],
          rows: [
            [
              `${watchers.toLocaleString('en')}, ${linesPerSecond}`,
              '0',
              ms(quantile(late, 0.5)),
              ms(quantile(late, 0.99)),
              cores.toFixed(2),
              `${Math.round(after.rssBytes / 2 ** 20)} MiB`,
            ],
          ],
        },
      ],
      ratios: [],
      notes: [],
    };
  } finally {
    await server.stop();
  }
}
