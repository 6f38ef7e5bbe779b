// Archived segments: still readable by zstdcat or zcat and from any number, whole or not there at all.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { archiveSealed, createJournal, openJournal, reopenJournal } from '../../src/journal/index.ts';
import { listSegments } from '../../src/journal/segment-files.ts';
import { unpackZstdArchive } from '../support/every-byte.ts';
import { readRecords } from '../support/journal.ts';
import { until } from '../support/until.ts';
import { flat, output, runFinished, stepStarted, tempRun } from './journal-rig.ts';

const compressions = [
  { compression: 'zstd', suffix: '.zst', uncompress: unpackZstdArchive, program: ['zstd', '-dcq'] },
  { compression: 'gzip', suffix: '.gz', uncompress: gunzipSync, program: ['zcat'] },
] as const;

describe.each(compressions)('a segment archived with $compression', ({ compression, suffix, uncompress, program }) => {
  test('is read by other programs byte for byte, and from any number by ours', async () => {
    const folder = tempRun();
    const journal = createJournal(folder, { archive: false });
    let seed = 1;
    for (let batch = 0; batch < 60; batch++) {
      // Text of some variety, so that the members do not shrink to nothing.
      let text = '';
      while (text.length < 65_000) {
        seed = (seed * 48271) % 0x7fffffff;
        text += `${seed.toString(36)} says line ${batch}
`;
      }
      journal.output(output(text));
    }
    journal.event(runFinished);
    await journal.close();
    const [raw] = listSegments(folder.journalDir);
    const bytes = readFileSync(raw!.path);
    const before = await readRecords(folder);
    const report = await archiveSealed(folder, { compression });
    expect(report).toMatchObject({ archived: 1, rawBytes: bytes.length, left: [] });
    expect(report.archivedBytes).toBeLessThan(bytes.length / 2);
    const [archived] = listSegments(folder.journalDir);
    expect(archived!.path).toBe(`${raw!.path}${suffix}`);
    expect(uncompress(readFileSync(archived!.path)).equals(bytes)).toBe(true);
    const [command, ...flags] = program;
    const unpacked = spawnSync(command, [...flags, archived!.path], { maxBuffer: 1e9 });
    // zstd is not a part of every system.
    if (unpacked.error === undefined || command === 'zcat') expect(unpacked.stdout.equals(bytes)).toBe(true);
    expect(await readRecords(folder)).toEqual(before);
    const { nextSeq } = await openJournal(folder).head();
    expect(flat(await readRecords(folder, { from: nextSeq - 2 }))).toEqual(flat(before).slice(-2));
    expect((await openJournal(folder).head()).finished).toBe(true);
  });

  test('is made of closed segments only: the last segment of an active run stays raw', async () => {
    const folder = tempRun();
    const journal = createJournal(folder, { segmentBytes: 1, archive: false });
    for (const text of ['a\n', 'b\n', 'c\n']) journal.output(output(text));
    expect((await archiveSealed(folder)).archived).toBe(2);
    expect(listSegments(folder.journalDir).map((file) => file.form)).toEqual(['archived', 'archived', 'raw']);
    journal.output(output('d\n'));
    journal.event(runFinished);
    await journal.close();
    expect((await archiveSealed(folder)).archived).toBe(3);
    expect(flat(await readRecords(folder)).map(([, text]) => text)).toEqual(['a', 'b', 'c', 'd', 'run.finished']);
  });

  test('that was renamed into place when its maker died takes over from the raw one', async () => {
    const folder = tempRun();
    const journal = createJournal(folder, { segmentBytes: 1, archive: false });
    for (const text of ['a\n', 'b\n']) journal.output(output(text));
    await journal.close();
    const [first] = listSegments(folder.journalDir);
    const raw = readFileSync(first!.path);
    await archiveSealed(folder, { compression });
    writeFileSync(first!.path, raw);
    expect(flat(await readRecords(folder)).map(([, text]) => text)).toEqual(['a', 'b']);
    await archiveSealed(folder);
    expect(listSegments(folder.journalDir).map((file) => file.form)).toEqual(['archived', 'raw']);
    expect(readdirSync(folder.journalDir)).toHaveLength(2);
  });

  test('at the end of a journal can be written on behind', async () => {
    const folder = tempRun();
    const journal = createJournal(folder);
    journal.output(output('a\nb\n'));
    journal.event(runFinished);
    await journal.close();
    await archiveSealed(folder, { compression });
    const again = reopenJournal(folder);
    expect(again.event(stepStarted)).toBe(3);
    await again.close();
    expect(flat(await readRecords(folder)).map(([seq]) => seq)).toEqual([0, 1, 2, 3]);
  });
});

test('a reader in the middle of a segment continues when that is archived under it', async () => {
  const folder = tempRun();
  const journal = createJournal(folder, { segmentBytes: 500, archive: false });
  for (let line = 0; line < 60; line++) journal.output(output(`line ${line}\n`));
  journal.event(runFinished);
  const reading = openJournal(folder).read({ from: 0, maxBatchBytes: 1 });
  const got: [number, string][] = [];
  for (let batch = 0; batch < 20; batch++) got.push(...flat((await reading.next()).value ?? []));
  await journal.close();
  await archiveSealed(folder);
  expect(listSegments(folder.journalDir).every((file) => file.form === 'archived')).toBe(true);
  for await (const batch of reading) got.push(...flat(batch));
  expect(got.map(([seq]) => seq)).toEqual(Array.from({ length: 61 }, (_, seq) => seq));
});

test('a segment that the writer of a run cannot compress is named with the reason, and stays readable', async () => {
  const folder = tempRun();
  const journal = createJournal(folder, { segmentBytes: 1 });
  journal.output(output('a\n'));
  const [first] = listSegments(folder.journalDir);
  mkdirSync(`${first?.path}.zst.tmp`);
  journal.output(output('b\n'));
  await until(() => journal.stats().leftRaw.length > 0);
  expect(journal.stats().leftRaw).toEqual([{ file: first?.path, reason: expect.stringContaining('EISDIR') }]);
  await journal.close();
  expect(flat(await readRecords(folder)).map(([, text]) => text)).toEqual(['a', 'b']);
});

test('a journal whose segments are raw, in gzip and in zstd is one journal', async () => {
  const folder = tempRun();
  const journal = createJournal(folder, { segmentBytes: 1, archive: false });
  journal.output(output('a\nb\n'));
  journal.output(output('c\n'));
  await archiveSealed(folder, { compression: 'gzip' });
  journal.output(output('d\ne\n'));
  await archiveSealed(folder);
  journal.event(runFinished);
  await journal.close();
  const names = listSegments(folder.journalDir).map(({ path }) => path.replace(/.*\.seg/, 'seg'));
  expect(names).toEqual(['seg.gz', 'seg.zst', 'seg', 'seg']);
  const all = [
    [0, 'a'],
    [1, 'b'],
    [2, 'c'],
    [3, 'd'],
    [4, 'e'],
    [5, 'run.finished'],
  ];
  for (const [from] of all)
    expect(flat(await readRecords(folder, { from: Number(from) }))).toEqual(all.slice(Number(from)));
});

test('a Node without zstd archives with gzip, and says what it lacks for an archive in zstd', async () => {
  const folder = tempRun();
  const journal = createJournal(folder, { segmentBytes: 1, archive: false });
  for (const text of ['a\n', 'b\n', 'c\n']) journal.output(output(text));
  const [first] = listSegments(folder.journalDir);
  const script = `
    import zlib from 'node:zlib';
    import { syncBuiltinESMExports } from 'node:module';
    for (const name of Object.keys(zlib)) if (name.startsWith('zstd')) delete zlib[name];
    syncBuiltinESMExports();
    const { archiveSealed, dataFolder, openJournal } = await import(${JSON.stringify(new URL('../../src/journal/index.ts', import.meta.url).href)});
    const folder = dataFolder(process.argv[1]).runDir(process.argv[2]);
    await archiveSealed(folder);
    let refused;
    try { for await (const _ of openJournal(folder).read({ from: 0 })); } catch (error) { refused = error; }
    console.log(JSON.stringify({ code: refused?.code, message: refused?.message }));`;
  const inOldNode = () =>
    JSON.parse(
      execFileSync(
        process.execPath,
        ['--input-type=module', '-e', script, path.resolve(folder.journalDir, '../../..'), folder.runId],
        {
          encoding: 'utf8',
        },
      ),
    );
  expect(inOldNode()).toEqual({});
  expect(listSegments(folder.journalDir).map(({ path }) => path.replace(/.*\.seg/, 'seg'))).toEqual([
    'seg.gz',
    'seg.gz',
    'seg',
  ]);
  journal.output(output('d\n'));
  await archiveSealed(folder);
  await journal.close();
  const refused = inOldNode();
  expect(refused).toEqual({
    code: 'no_zstd',
    message: expect.stringMatching(
      /2\.seg\.zst is compressed with zstd, which Node .* does not have\. Use Node 22\.15 or later\.$/,
    ),
  });
  expect(refused.message).not.toContain(first?.path);
});
