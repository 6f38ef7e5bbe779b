// Archived segments: still readable by zcat and from any number, whole or not there at all.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { archiveSealed, createJournal, openJournal, reopenJournal } from '../../src/journal/index.ts';
import { listSegments } from '../../src/journal/segment-files.ts';
import { readRecords } from '../support/journal.ts';
import { until } from '../support/until.ts';
import { flat, output, runFinished, stepStarted, tempRun } from './journal-rig.ts';

describe('an archived segment', () => {
  test('comes back from zcat byte for byte, in members of about 1 MiB', async () => {
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
    const report = await archiveSealed(folder);
    expect(report).toMatchObject({ archived: 1, rawBytes: bytes.length, left: [] });
    expect(report.archivedBytes).toBeLessThan(bytes.length / 2);
    const [archived] = listSegments(folder.journalDir);
    expect(archived!.path).toBe(`${raw!.path}.gz`);
    expect(gunzipSync(readFileSync(archived!.path)).equals(bytes)).toBe(true);
    expect(execFileSync('zcat', [archived!.path], { maxBuffer: 1e9 }).equals(bytes)).toBe(true);
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
    await archiveSealed(folder);
    writeFileSync(first!.path, raw);
    expect(flat(await readRecords(folder)).map(([, text]) => text)).toEqual(['a', 'b']);
    await archiveSealed(folder);
    expect(listSegments(folder.journalDir).map((file) => file.form)).toEqual(['archived', 'raw']);
  });

  test('at the end of a journal can be written on behind', async () => {
    const folder = tempRun();
    const journal = createJournal(folder);
    journal.output(output('a\nb\n'));
    journal.event(runFinished);
    await journal.close();
    await archiveSealed(folder);
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
  mkdirSync(`${first?.path}.gz.tmp`);
  journal.output(output('b\n'));
  await until(() => journal.stats().leftRaw.length > 0);
  expect(journal.stats().leftRaw).toEqual([{ file: first?.path, reason: expect.stringContaining('EISDIR') }]);
  await journal.close();
  expect(flat(await readRecords(folder)).map(([, text]) => text)).toEqual(['a', 'b']);
});
