// A hundred watchers of one run, one of which takes nothing: what that costs the server, and the others.
import { atLeast, atMost, type Setting } from '../support/bench.ts';
import { median, medianRatio } from '../support/statistics.ts';
import type { Part } from './latency.ts';
import { startTailServer, type TailServer } from './server.ts';
import { expectAll, ms, quantile, type Watcher, watchRun } from './watcher.ts';

const watchers = 100;
const linesPerSecond = 1_000;
const timed = 'oldest of a message';

/** More than the kernel takes for one socket, so that the stalled one holds up its own reading. */
const historyBytes = 30e6;

/** What was set as the most that memory may grow by. */
const goalBytes = 8 * 1024 * 1024;

type Measured = { readonly usedBytes: number; readonly kept: number; readonly p99: number; readonly cores: number };

export async function stalled(setting: Setting): Promise<Part> {
  const rounds = setting.short ? 1 : 3;
  const count = linesPerSecond * (setting.short ? 2 : 5);
  setting.say(`tail: ${watchers} watchers, one stalled, ${rounds} rounds`);
  const server = await startTailServer(setting.place);
  const samples = { running: [] as Measured[], stalled: [] as Measured[] };
  try {
    // Once unmeasured, so that the heap has its size and the code is compiled.
    await measure(server, false, count);
    for (let round = 0; round < rounds; round++) {
      samples.running.push(await measure(server, false, count));
      samples.stalled.push(await measure(server, true, count));
    }
  } finally {
    await server.stop();
  }
  const of = (state: keyof typeof samples, name: keyof Measured): number[] => samples[state].map((one) => one[name]);
  const row = (title: string, state: keyof typeof samples): string[] => [
    title,
    `${(median(of(state, 'usedBytes')) / 2 ** 20).toFixed(1)} MiB`,
    median(of(state, 'kept')).toFixed(3),
    ms(median(of(state, 'p99'))),
    median(of(state, 'cores')).toFixed(2),
  ];
  // At the same moment of the same traffic in the same process: what differs is the one that is stalled.
  const grown = of('stalled', 'usedBytes').map((bytes, round) => bytes - (of('running', 'usedBytes')[round] ?? 0));
  return {
    tables: [
      {
        columns: [
          `${watchers} watchers`,
          'memory in use',
          'share of the lines that had come at the end of the writer',
          '99 of 100 messages within',
          'cores of the server',
        ],
        rows: [row('none stalled', 'running'), row('one stalled', 'stalled')],
      },
    ],
    ratios: [
      { name: 'tail-stalled-memory-to-8-MiB', value: median(grown) / goalBytes, bounds: atMost(1, 1) },
      {
        name: 'tail-rate-beside-stalled',
        value: medianRatio(of('stalled', 'kept'), of('running', 'kept')),
        bounds: atLeast(0.9, 0.8),
      },
    ],
    notes: [],
  };
}

/** Throws if a watcher has a gap: the others while one is stalled, and that one once it reads again. */
async function measure(server: TailServer, withStall: boolean, count: number): Promise<Measured> {
  const runId = server.newRun();
  const history = await server.write(runId, { kind: 'history', bytes: historyBytes, archive: false });
  const others = await Promise.all(
    Array.from({ length: watchers - 1 }, () => watchRun(server.url, runId, 'end', timed)),
  );
  const last = await watchRun(server.url, runId, 'end', timed);
  const before = await server.state();
  if (withStall) {
    last.subscribe(0);
    last.socket.pause();
  }
  await server.write(runId, { kind: 'paced', perSecond: linesPerSecond, count, file: undefined });
  const kept = others.reduce((sum, one) => sum + one.lines(), 0) / others.length / count;
  await expectAll(others, count);
  const after = await server.state('collect');
  const p99 = quantile(
    others.flatMap((one) => one.lateMs),
    0.99,
  );
  if (withStall) {
    last.socket.resume();
    await expectAll([last], history + count);
  }
  await allGone([...others, last]);
  const cores = (after.cpuMs - before.cpuMs) / (count / linesPerSecond) / 1000;
  return { usedBytes: after.usedBytes, kept, p99, cores };
}

async function allGone(all: readonly Watcher[]): Promise<void> {
  await Promise.all(
    all.map(
      ({ socket }) =>
        new Promise((resolve) => {
          socket.once('close', resolve);
          socket.terminate();
        }),
    ),
  );
}
