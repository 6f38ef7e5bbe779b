// How late a line is, and what it costs: one watcher of the tail beside one of websocketd, fed by the same writer.
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { atMost, type Ratio, type Section, type Setting } from '../support/bench.ts';
import { median, medianRatio } from '../support/statistics.ts';
import { startTailServer, type TailServer } from './server.ts';
import { expectAll, ms, quantile, watchRun } from './watcher.ts';
import { type Peer, watchByPeer } from './websocketd.ts';

const linesPerSecond = 1_000;

/** A server that has run for a while has compiled what it runs: the first second is left out, for the peer too. */
const warmUpLines = linesPerSecond;

/** What was set as the most for one line in a hundred. */
const goalMs = 20;

type Side = { readonly p50: number; readonly p99: number; readonly most: number; readonly cpuUs: number };

export type Part = Pick<Section, 'tables' | 'ratios' | 'notes'>;

export async function latency(setting: Setting, withPeer: boolean): Promise<Part> {
  const rounds = setting.short ? 2 : 5;
  const seconds = setting.short ? 2 : 6;
  setting.say(`tail: ${linesPerSecond} lines/s for ${seconds} s, ${rounds} rounds`);
  const ours: Side[] = [];
  const theirs: Side[] = [];
  // One for all rounds, as a hub lives for days.
  const server = await startTailServer(setting.place);
  try {
    for (let round = 0; round < rounds; round++) {
      const sides = await oneRound(server, setting, withPeer, seconds);
      ours.push(sides.ours);
      if (sides.theirs !== undefined) theirs.push(sides.theirs);
    }
  } finally {
    await server.stop();
  }
  const of = (sides: readonly Side[], name: keyof Side): number[] => sides.map((side) => side[name]);
  const row = (title: string, sides: readonly Side[]): string[] => [
    title,
    ms(median(of(sides, 'p50'))),
    ms(median(of(sides, 'p99'))),
    ms(median(of(sides, 'most'))),
    `${Math.round(median(of(sides, 'cpuUs')))} µs`,
  ];
  const ratios: Ratio[] = [
    // A machine on which others work too holds up any process for some tenths of a second; the peer beside it as well.
    { name: 'tail-p99-to-20-ms', value: median(of(ours, 'p99')) / goalMs, bounds: atMost(1, 10) },
  ];
  if (withPeer)
    ratios.push(
      {
        name: 'tail-p99-to-websocketd',
        value: medianRatio(of(ours, 'p99'), of(theirs, 'p99')),
        // The worst in a hundred of a few milliseconds is mostly the machine's: ratios from 0.4 to 12 were seen under load.
        bounds: atMost(1, 25),
      },
      { name: 'tail-p50-to-websocketd', value: medianRatio(of(ours, 'p50'), of(theirs, 'p50')) },
      { name: 'tail-cpu-to-websocketd', value: medianRatio(of(ours, 'cpuUs'), of(theirs, 'cpuUs')) },
    );
  return {
    tables: [
      {
        columns: ['from written to received', 'half', '99 of 100', 'the latest', 'processor time a line'],
        rows: [row('stepspan', ours), ...(withPeer ? [row('websocketd, tail -F', theirs)] : [])],
      },
    ],
    ratios,
    notes: withPeer ? [] : ['websocketd is not installed, so its rows and the ratios to it were left out.'],
  };
}

/** Both at once, from one writer, so that whatever else the machine does is done to both. */
async function oneRound(
  server: TailServer,
  { place }: Setting,
  withPeer: boolean,
  seconds: number,
): Promise<{ ours: Side; theirs: Side | undefined }> {
  const file = withPeer ? path.join(place.folder('peer'), 'log') : undefined;
  const peer = file === undefined ? undefined : await watchByPeer(file);
  try {
    const runId = server.newRun();
    const watcher = await watchRun(server.url, runId, 0, 'every line');
    const count = warmUpLines + linesPerSecond * seconds;
    const before = { ours: (await server.state()).cpuMs, theirs: peer?.cpuMs() ?? Number.NaN };
    await server.write(runId, { kind: 'paced', perSecond: linesPerSecond, count, file });
    await expectAll([watcher], count);
    if (peer !== undefined) await expectPeer(peer, count);
    const after = { ours: (await server.state()).cpuMs, theirs: peer?.cpuMs() ?? Number.NaN };
    watcher.socket.terminate();
    const side = (lateMs: readonly number[], cpuMs: number): Side => {
      const late = lateMs.slice(warmUpLines);
      const at = (share: number): number => quantile(late, share);
      return { p50: at(0.5), p99: at(0.99), most: at(1), cpuUs: (cpuMs / count) * 1000 };
    };
    return {
      ours: side(watcher.lateMs, after.ours - before.ours),
      theirs: peer === undefined ? undefined : side(peer.lateMs, after.theirs - before.theirs),
    };
  } finally {
    await peer?.stop();
  }
}

async function expectPeer(peer: Peer, lines: number): Promise<void> {
  const end = performance.now() + 60_000;
  while (peer.lateMs.length < lines && performance.now() < end) await delay(5);
  if (peer.lateMs.length !== lines) throw new Error(`of ${lines} lines websocketd gave ${peer.lateMs.length}`);
}
