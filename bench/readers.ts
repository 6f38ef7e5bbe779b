// What readers cost the child of a step: the rate at which it can print, measured by itself, with every reader on, with a
// Collector that refuses everything, and with none.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { atLeast, type Bench, type Setting } from './support/bench.ts';
import { basicEnvironment } from './support/measure-step.ts';
import { type Sink, startSink } from './support/sink.ts';
import { interleave, median, medianRatio } from './support/statistics.ts';

const child = fileURLToPath(new URL('./programs/print-lines.ts', import.meta.url));

/** A build that prints 2 MB a second is a chatty one. */
const pacedLinesPerSecond = 20_000;

type Readers = { readonly kind: 'none' } | { readonly kind: 'all'; readonly collector: Sink };

export const readers: Bench = {
  name: 'readers',
  async run(setting) {
    const taking = await startSink('discard');
    const refusing = await startSink('refuse');
    try {
      const paced = { linesPerSecond: pacedLinesPerSecond, lines: pacedLinesPerSecond * (setting.short ? 4 : 10) };
      const free = { linesPerSecond: 0, lines: 4_000_000 };
      const measure = (load: Load, rounds: number) => {
        setting.say(`readers: ${load.linesPerSecond || 'as many as it can'} lines a second, ${rounds} rounds`);
        return interleave(rounds, {
          none: () => childRate(setting, load, { kind: 'none' }),
          all: () => childRate(setting, load, { kind: 'all', collector: taking }),
          refused: () => childRate(setting, load, { kind: 'all', collector: refusing }),
        });
      };
      const slow = await measure(paced, setting.short ? 1 : 5);
      // It has no bound.
      const fast = setting.short ? undefined : await measure(free, 3);
      const row = (title: string, of: typeof slow): string[] => [
        title,
        ...[of.none, of.all, of.refused].map((rates) => `${Math.round(median(rates) / 1000)} k lines/s`),
        medianRatio(of.all, of.none).toFixed(3),
        medianRatio(of.refused, of.none).toFixed(3),
      ];
      return {
        title: 'A child while others read',
        how:
          'A child prints lines of 100 bytes and measures itself how fast it gets rid of them. Readers: the shipper (logs and traces), ' +
          '`--metrics-port` with a scrape a second, and a `stepspan tail --from 0` in another process. The Collector is a local HTTP server that ' +
          'takes everything, or answers 503 to everything. Without readers: `stepspan exec --quiet --no-ship`. The row of the child that ' +
          'is not held back is for information: there it is how fast stepspan takes lines that is measured, and everybody ' +
          'competes for the cores of this machine.',
        tables: [
          {
            columns: ['child', 'no readers', 'all readers', 'all, Collector refuses', 'all / none', 'refused / none'],
            rows: [
              row(`${pacedLinesPerSecond / 1000} k lines/s`, slow),
              ...(fast === undefined ? [] : [row('as fast as it can', fast)]),
            ],
          },
        ],
        ratios: [
          { name: 'readers-all', value: medianRatio(slow.all, slow.none), bounds: atLeast(0.95, 0.95) },
          { name: 'readers-refused', value: medianRatio(slow.refused, slow.none), bounds: atLeast(0.95, 0.95) },
          ...(fast === undefined
            ? []
            : [
                { name: 'readers-all-unthrottled', value: medianRatio(fast.all, fast.none) },
                { name: 'readers-refused-unthrottled', value: medianRatio(fast.refused, fast.none) },
              ]),
        ],
        notes: [],
      };
    } finally {
      await Promise.all([taking.stop(), refusing.stop()]);
    }
  },
};

type Load = { readonly linesPerSecond: number; readonly lines: number };

/** @returns lines a second, as the child saw it */
async function childRate({ place }: Setting, load: Load, wanted: Readers): Promise<number> {
  const dataDir = place.folder('data');
  const result = path.join(dataDir, 'rate.json');
  const env = { ...basicEnvironment(), STEPSPAN_DATA_DIR: dataDir };
  const command = [process.execPath, child, String(load.linesPerSecond), String(load.lines), result];
  const all = wanted.kind === 'all';
  const flags = all ? ['--metrics-port', '0', '--ship-wait', '0s'] : ['--no-ship'];
  const otlp = all ? { OTEL_EXPORTER_OTLP_ENDPOINT: wanted.collector.url } : undefined;
  const run = start([place.program, 'exec', '--quiet', ...flags, '--', ...command], { ...env, ...otlp }, dataDir);
  const ended = once(run, 'exit');
  const following = all ? follow(place.program, run, env, dataDir) : undefined;
  const [code] = (await ended) as [number | null];
  if (code !== 0) throw new Error(`stepspan ended with ${code}`);
  await following;
  const rate = JSON.parse(readFileSync(result, 'utf8')) as { linesPerSecond: number };
  rmSync(dataDir, { recursive: true });
  return rate.linesPerSecond;
}

/** Scrapes and tails the run until it ends. */
async function follow(program: string, run: ChildProcess, env: Record<string, string>, dataDir: string) {
  let printed = '';
  run.stderr?.on('data', (chunk: Buffer) => {
    printed += chunk.toString();
  });
  const urlOf = (): string | undefined => /metrics of this run at (\S+)/.exec(printed)?.[1];
  const isRunning = (): boolean => run.exitCode === null && run.signalCode === null;
  while (isRunning() && urlOf() === undefined) await delay(5);
  const [runId] = readdirSync(path.join(dataDir, 'runs'));
  const tail = start([program, 'tail', runId ?? '', '--from', '0'], env, dataDir);
  const tailEnded = once(tail, 'close');
  let complaint = '';
  tail.stderr?.on('data', (chunk: Buffer) => {
    complaint += chunk.toString();
  });
  while (isRunning()) {
    await fetch(urlOf() ?? '').then(
      (response) => response.text(),
      // The run may end at any time.
      () => undefined,
    );
    await delay(1000);
  }
  const [code] = (await tailEnded) as [number | null];
  if (code !== 0) throw new Error(`the tail ended with ${code}: ${complaint}`);
}

/** What it prints is thrown away by the kernel. */
function start(args: readonly string[], env: Readonly<Record<string, string>>, cwd: string): ChildProcess {
  return spawn(process.execPath, args, { env, cwd, stdio: ['ignore', 'ignore', 'pipe'] });
}
