// When the disk is asked to keep what was appended, for each durability.
import fs from 'node:fs';
import { expect, test } from 'vitest';
import { createJournal, type Durability, type JournalFileSystem } from '../../src/journal/index.ts';
import { listSegments } from '../../src/journal/segment-files.ts';
import { readRecords } from '../support/journal.ts';
import { until } from '../support/until.ts';
import { flat, output, runFinished, tempRun } from './journal-rig.ts';

function counting(durability: Durability) {
  const count = { group: 0, each: 0, folder: 0, folderNow: 0 };
  const fileSystem: JournalFileSystem = {
    ...fs,
    fdatasync(fd, done) {
      count.group += 1;
      fs.fdatasync(fd, done);
    },
    fdatasyncSync(fd) {
      count.each += 1;
      fs.fdatasyncSync(fd);
    },
    fsyncSync(fd) {
      count.folderNow += 1;
      fs.fsyncSync(fd);
    },
    fsync(fd, done) {
      count.folder += 1;
      fs.fsync(fd, done);
    },
  };
  return { count, journal: createJournal(tempRun(), { fileSystem, durability, archive: false }) };
}

test('many appends are one sync, at a boundary or when the time has come, and nothing is synced twice', async () => {
  const { count, journal } = counting({ everyMs: 5 });
  for (let line = 0; line < 100; line++) journal.output(output('x\n'));
  expect(count.group).toBe(0);
  await until(() => count.group > 0);
  expect(count.group).toBe(1);
  await journal.sync();
  expect(count.group).toBe(1);
  journal.output(output('y\n'));
  await journal.sync();
  // The name of the file once, and never while somebody waits for an append.
  expect(count).toEqual({ group: 2, each: 0, folder: 1, folderNow: 0 });
  await journal.close();
});

test('with `always` each append is on disk when it returns', async () => {
  const { count, journal } = counting('always');
  for (let line = 0; line < 3; line++) journal.output(output('x\n'));
  expect(count).toMatchObject({ each: 3, folderNow: 1 });
  await journal.close();
});

test('with `none` the disk is never asked, and the journal is whole all the same', async () => {
  const { count, journal } = counting('none');
  journal.output(output('x\n'));
  await journal.sync();
  await journal.close();
  expect(count).toEqual({ group: 0, each: 0, folder: 0, folderNow: 0 });
  expect(flat(await readRecords(journal.folder))).toEqual([[0, 'x']]);
});

test('closed segments of a quiet run are archived in the background while the run continues', async () => {
  const folder = tempRun();
  const journal = createJournal(folder, { segmentBytes: 200 });
  for (let line = 0; line < 10; line++) journal.output(output(`line ${line}\n`));
  const forms = () => listSegments(folder.journalDir).map((file) => file.form);
  await until(() => forms().includes('archived') && !forms().slice(0, -1).includes('raw'));
  journal.event(runFinished);
  await journal.close();
  expect(flat(await readRecords(folder)).map(([seq]) => seq)).toEqual(Array.from({ length: 11 }, (_, seq) => seq));
});
