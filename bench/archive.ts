// What archives cost: packing the segments of a finished run and reading them again, in zstd and in gzip, and how large they are.
import { cpSync, globSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { newRunId } from '../src/core/ids.ts';
import { archiveSealed, createJournal, dataFolder, openJournal, type RunFolder } from '../src/journal/index.ts';
import { atLeast, atMost, type Bench, type Setting } from './support/bench.ts';
import { clone } from './support/place.ts';
import { interleave, median, medianRatio } from './support/statistics.ts';

const compressions = ['zstd', 'gzip'] as const;
type Compression = (typeof compressions)[number];

export const archive: Bench = {
  name: 'archive',
  async run(setting) {
    const totalBytes = setting.short ? 1e8 : 5e8;
    const rounds = setting.short ? 3 : 7;
    setting.say(`archive: ${totalBytes / 1e6} MB, ${rounds} rounds`);
    const raw = await rawRun(setting, totalBytes);
    const sizes: Record<Compression, number> = { zstd: Number.NaN, gzip: Number.NaN };
    const readMs: Record<Compression, number[]> = { zstd: [], gzip: [] };
    const eventsMs: Record<Compression, number[]> = { zstd: [], gzip: [] };
    const packAndRead = (compression: Compression) => async () => {
      const folder = dataFolder(setting.place.folder('data')).runDir(raw.runId);
      cpSync(raw.dir, folder.dir, { recursive: true });
      const started = performance.now();
      const { archivedBytes, left } = await archiveSealed(folder, { compression });
      const packMs = performance.now() - started;
      if (left.length > 0) throw new Error(`not archived: ${left[0]?.reason}`);
      sizes[compression] = archivedBytes;
      readMs[compression].push(await timeReading(folder));
      eventsMs[compression].push(await timeReading(folder, 'events'));
      rmSync(path.dirname(path.dirname(folder.dir)), { recursive: true });
      return packMs;
    };
    const packMs = await interleave(rounds, { zstd: packAndRead('zstd'), gzip: packAndRead('gzip') });
    const rate = (ms: readonly number[]): string => `${Math.round(totalBytes / 1e3 / median(ms))} MB/s`;
    return {
      title: 'Archives',
      how:
        `The segments of a finished run that printed ${totalBytes / 1e6} MB of this repository's sources and documents, compressed as the hub does with nothing else to do, and ` +
        'then read by our reader: all of it, and its events alone, as for a timeline. Wall time in one process.',
      tables: [
        {
          columns: ['compression', 'pack', 'read', 'read the events', 'size of the output'],
          rows: compressions.map((each) => [
            each,
            rate(packMs[each]),
            rate(readMs[each]),
            `${median(eventsMs[each]).toFixed(0)} ms`,
            `${((100 * sizes[each]) / totalBytes).toFixed(1)} %`,
          ]),
        },
      ],
      ratios: [
        { name: 'archive-pack-zstd-to-gzip', value: medianRatio(packMs.gzip, packMs.zstd), bounds: atLeast(1.5, 1) },
        { name: 'archive-read-zstd-to-gzip', value: medianRatio(readMs.gzip, readMs.zstd), bounds: atLeast(1.5, 1) },
        { name: 'archive-events-to-all', value: medianRatio(eventsMs.zstd, readMs.zstd), bounds: atMost(0.1, 0.5) },
        { name: 'archive-size-zstd-to-gzip', value: sizes.zstd / sizes.gzip, bounds: atMost(0.9, 1) },
      ],
      notes: [],
    };
  },
};

/** A finished run that printed the sources and documents of this repository, again and again, not archived. */
async function rawRun({ place }: Setting, totalBytes: number): Promise<RunFolder> {
  const folder = dataFolder(place.folder('data')).runDir(newRunId());
  const journal = createJournal(folder, { durability: 'none', archive: false });
  const texts = textsOf(['src', 'test', 'docs']);
  const subject = { step: 'build', attempt: 1 };
  for (let done = 0, next = 0; done < totalBytes; next = (next + 1) % texts.length) {
    const { bytes, lineCount } = texts[next]!;
    journal.output({ subject, stream: 'stdout', severity: undefined, unterminated: false, lineCount, bytes });
    done += bytes.length;
    if (next % 64 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  journal.event({ type: 'run.finished', outcome: { kind: 'success' }, durationMs: 1, pausedMs: 0, costUsd: 0 });
  await journal.close();
  return folder;
}

function textsOf(folders: readonly string[]): readonly { readonly bytes: Buffer; readonly lineCount: number }[] {
  return folders
    .flatMap((folder) => globSync(`${folder}/**/*.{ts,md}`, { cwd: clone }).sort())
    .map((file) => `${readFileSync(path.join(clone, file), 'utf8').trimEnd()}\n`)
    .map((text) => ({ bytes: Buffer.from(text), lineCount: text.split('\n').length - 1 }));
}

async function timeReading(folder: RunFolder, only?: 'events'): Promise<number> {
  const started = performance.now();
  let last = '';
  for await (const records of openJournal(folder).read({ from: 0, reuseMemory: true, ...(only && { only }) }))
    for (const record of records) last = record.kind === 'event' ? record.event.type : record.kind;
  if (last !== 'run.finished') throw new Error('the end was not read');
  return performance.now() - started;
}
