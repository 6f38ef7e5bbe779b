// A data folder of many runs: what a hub takes to start, to do nothing and to answer; what lists and searches over all runs take; and
// what it takes to close dead runs and to remove old ones.
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { dataFolder } from '../src/journal/index.ts';
import { atMost, type Bench, type Ratio, type Setting } from './support/bench.ts';
import { createRunMaker, type RunMaker } from './support/many-runs.ts';
import { basicEnvironment } from './support/measure-step.ts';
import { type MeasuredHub, startMeasuredHub } from './support/measured-hub.ts';
import { cpuTimeOf } from './support/processes.ts';
import { interleave, median } from './support/statistics.ts';

const day = 86_400_000;

/** In no line of any run, and with trigrams that are in few. */
const absent = 'xqzjvkw';

export const hub: Bench = {
  name: 'hub',
  async run(setting) {
    const count = setting.short ? 1_000 : 10_000;
    setting.say(`hub: ${count} runs`);
    const maker = await createRunMaker(setting.place);
    const dataDir = setting.place.folder('many');
    const archives = setting.place.folder('archives');
    await maker.make(dataDir, { count, kind: 'archived', newestAgoMs: 600_000, overMs: 20 * day, gzipTo: archives });
    const runsOfHub = await measureHub(setting, dataDir);
    const reading = await measureReading(setting, dataDir, archives);
    // Of few runs most of it is the start of the program.
    const changing = setting.short ? { rows: [], ratios: [] } : await measureChanging(setting, maker, count);
    return {
      title: `${count.toLocaleString('en')} runs in a data folder`,
      how:
        'Copies of four real runs of 50 to 1,800 lines, under ids and times of their own over 20 days, archived. The hub is `stepspan serve` in a process of ' +
        'its own; times of commands are processor time, user and system. `zcat` and `grep` read the same journals in gzip. Blocked is the longest time that the event loop of the hub was late.',
      tables: [
        {
          columns: ['what', 'measured', 'goal for 10,000 runs'],
          rows: [...runsOfHub.rows, ...reading.rows, ...changing.rows],
        },
      ],
      ratios: [...runsOfHub.ratios, ...reading.ratios, ...changing.ratios],
      notes: [],
    };
  },
};

type Part = { readonly rows: readonly (readonly string[])[]; readonly ratios: readonly Ratio[] };

const ms = (value: number): string => `${value.toFixed(value < 10 ? 1 : 0)} ms`;
const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`;

async function measureHub({ place, short, say }: Setting, dataDir: string): Promise<Part> {
  const empty = await startMeasuredHub(place, place.folder('empty'));
  const { startCpuMs } = empty;
  await empty.stop();
  say('hub: first start, which reads every run');
  const first = await startMeasuredHub(place, dataDir);
  await settled(first);
  const firstNumbers = await first.numbers();
  await first.stop();
  say('hub: start, idle, answers');
  const second = await startMeasuredHub(place, dataDir);
  await settled(second);
  // A few seconds of a busy machine say too little.
  const idle = short ? undefined : await idleMsPerSecond(second);
  const { rssBytes } = await second.numbers();
  const filter = await cpuOf(second, '/api/v1/runs?search=in-no-run-at-all');
  const metrics = await cpuOf(second, '/metrics');
  await second.stop();
  return {
    rows: [
      ['start of the hub to the first answer', ms(second.startMs), '1,000 ms'],
      ['blocked, while it reads all runs for the first time', ms(firstNumbers.maxDelayMs), '50 ms'],
      ...(idle === undefined ? [] : [['idle, all archived', `${idle.toFixed(1)} ms/s`, '3 ms/s']]),
      ['memory of the hub', mebibytes(rssBytes), '150 MiB'],
      ['a list with a filter that finds nothing', ms(filter), '50 ms'],
      ['`/metrics`', ms(metrics), ''],
    ],
    ratios: [
      { name: 'hub-start-to-empty-hub', value: second.startCpuMs / startCpuMs, bounds: atMost(1.5, 2.5) },
      ...(idle === undefined ? [] : [{ name: 'hub-idle-ms-per-s', value: idle, bounds: atMost(3, 6) }]),
      { name: 'hub-filter-ms', value: filter, bounds: atMost(50, 62.5) },
    ],
  };
}

async function idleMsPerSecond(measured: MeasuredHub): Promise<number> {
  const seconds = 70;
  const before = await measured.numbers('last');
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  return ((await measured.numbers()).cpuMs - before.cpuMs) / seconds;
}

/** Until it has counted all runs, and has had nothing to do for two seconds. */
async function settled(measured: MeasuredHub): Promise<void> {
  await measured.until(async () => (await measured.metric('stepspan_hub_uncounted_runs')) === 0);
  let last = (await measured.numbers()).cpuMs;
  await measured.until(async () => {
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    const now = (await measured.numbers()).cpuMs;
    const isQuiet = now - last < 60;
    last = now;
    return isQuiet;
  });
}

async function cpuOf(measured: MeasuredHub, at: string): Promise<number> {
  const samples: number[] = [];
  for (let round = 0; round < 5; round++) {
    const before = (await measured.numbers()).cpuMs;
    await measured.ask(at);
    samples.push((await measured.numbers()).cpuMs - before);
  }
  return median(samples);
}

async function measureReading({ place, short, say }: Setting, dataDir: string, archives: string): Promise<Part> {
  say('hub: ls and search');
  const rounds = short ? 2 : 3;
  const env = { ...basicEnvironment(), STEPSPAN_DATA_DIR: dataDir };
  const stepspan = (...args: string[]) => cpuTimeOf(process.execPath, [place.program, ...args], { env });
  // A search that finds nothing ends with 1.
  const search = (text: string) =>
    cpuTimeOf('/bin/sh', ['-c', `"$0" "$1" search ${text} || test $? = 1`, process.execPath, place.program], { env });
  const zcat = `find ${archives} -name '*.gz' -print0 | xargs -0 zcat | grep -c ${absent} || test $? = 1`;
  const isIndexed = existsSync(dataFolder(dataDir).hub.searchIndex);
  await stepspan('ls', '--limit', '0', '--json');
  const measured = await interleave(rounds, {
    node: () => cpuTimeOf(process.execPath, ['-e', '0'], { env }),
    ls: () => stepspan('ls', '--limit', '0', '--json'),
    denied: isIndexed ? () => search(absent) : undefined,
    // Without its letters' trigrams, nothing can be denied.
    read: () => search("'/xqz?jvkw/'"),
    plain: () => search("'xq\u00fc'"),
    zcat: () => cpuTimeOf('/bin/sh', ['-c', zcat], { env }),
  });
  const of = (name: keyof typeof measured): number => median(measured[name]);
  return {
    rows: [
      ['`ls --limit 0 --json`', ms(of('ls')), '300 ms'],
      ['`search` for a text that the index denies', isIndexed ? ms(of('denied')) : 'not indexed yet', '300 ms'],
      ['`search` for a text without the index', ms(of('plain')), '2,400 ms'],
      ['`search` for a regular expression', ms(of('read')), ''],
      ['`zcat` and `grep`', ms(of('zcat')), ''],
    ],
    ratios: [
      { name: 'ls-all-to-node', value: of('ls') / of('node'), bounds: atMost(11, 14) },
      { name: 'search-all-to-zcat-grep', value: of('plain') / of('zcat'), bounds: atMost(1, 2.5) },
      ...(isIndexed
        ? [{ name: 'search-denied-to-node', value: of('denied') / of('node'), bounds: atMost(11, 14) } as const]
        : []),
    ],
  };
}

async function measureChanging({ place, say }: Setting, maker: RunMaker, count: number): Promise<Part> {
  const dead = count / 10;
  const old = count / 2;
  say(`hub: ${dead} dead runs, ${old} old ones`);
  const deadDir = place.folder('dead');
  await maker.make(deadDir, { count: dead, kind: 'dead', newestAgoMs: 600_000, overMs: day });
  const adopting = await startMeasuredHub(place, deadDir, { env: { STEPSPAN_ARCHIVE: 'off' } });
  await adopting.until(async () => (await adopting.metric('stepspan_adopted_runs_total')) === dead, 1_000);
  const adopted = await adopting.numbers();
  await adopting.stop();
  const [oldDir, peerDir] = [place.folder('old'), place.folder('peer')];
  for (const dir of [oldDir, peerDir])
    await maker.make(dir, { count: old, kind: 'raw', newestAgoMs: 40 * day, overMs: 20 * day });
  const env = { ...basicEnvironment(), STEPSPAN_DATA_DIR: oldDir };
  const args = [place.program, 'prune', '--retention-max-bytes', '1'];
  const removing = await cpuTimeOf(process.execPath, args, { env });
  const left = readdirSync(path.join(oldDir, 'runs')).length;
  if (left > 0) throw new Error(`prune has left ${left} runs`);
  const rm = await cpuTimeOf('rm', ['-rf', path.join(peerDir, 'runs')], { env });
  return {
    rows: [
      [`closing ${dead} dead runs`, ms(adopted.cpuMs), '8,000 ms for 1,000'],
      ['blocked, while it closes them', ms(adopted.maxDelayMs), '50 ms'],
      [`removing ${old} runs`, ms(removing), '2,000 ms for 5,000'],
      ['`rm -rf` of the same', ms(rm), ''],
    ],
    ratios: [
      { name: 'adoption-ms-per-run', value: adopted.cpuMs / dead, bounds: atMost(8, 16) },
      { name: 'prune-to-rm', value: removing / rm, bounds: atMost(4, 8) },
    ],
  };
}
