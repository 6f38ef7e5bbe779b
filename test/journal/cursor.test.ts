// Cursors: kept whole, and not trusted where they cannot be right.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createJournal, openCursor, type RunFolder, savedCounters } from '../../src/journal/index.ts';
import { output, tempRun } from './journal-rig.ts';

async function journalOf(lines: number): Promise<RunFolder> {
  const folder = tempRun();
  const journal = createJournal(folder);
  for (let line = 0; line < lines; line++) journal.output(output(`line ${line}\n`));
  await journal.close();
  return folder;
}

test('a cursor is where it was saved last, and each reader has its own', async () => {
  const folder = await journalOf(10);
  const ship = openCursor(folder, 'ship');
  expect(ship).toMatchObject({ position: 0, state: { kind: 'new' } });
  await ship.save(4);
  // Saves that come while one is under way become one, and all of them wait for it.
  await Promise.all([ship.save(5), ship.save(6), ship.save(7)]);
  expect(openCursor(folder, 'ship')).toMatchObject({ position: 7, state: { kind: 'found' } });
  expect(openCursor(folder, 'notify')).toMatchObject({ position: 0, state: { kind: 'new' } });
  expect(readdirSync(folder.cursorsDir)).toEqual(['ship.json']);
});

test('a cursor past the end of its journal is reported and not trusted; one at the end is good', async () => {
  const folder = await journalOf(10);
  await openCursor(folder, 'ship').save(11);
  expect(openCursor(folder, 'ship')).toMatchObject({
    position: 0,
    state: { kind: 'past_end', saved: 11, nextSeq: 10 },
  });
  await openCursor(folder, 'ship').save(10);
  expect(openCursor(folder, 'ship')).toMatchObject({ position: 10, state: { kind: 'found' } });
});

test('a cursor file that cannot be read starts its reader over, and says why', async () => {
  const folder = await journalOf(1);
  for (const text of ['', '{', '{"position":-1}', '{"position":"7"}', '{"position":1.5}']) {
    writeFileSync(join(folder.cursorsDir, 'ship.json'), text);
    expect(openCursor(folder, 'ship'), text).toMatchObject({ position: 0, state: { kind: 'unreadable' } });
  }
});

test('counters are kept beside the position, and outlive one that is started over or not trusted', async () => {
  const folder = await journalOf(10);
  expect(savedCounters(folder, 'ship')).toEqual({});
  await openCursor(folder, 'ship').save(4);
  // As a version wrote it that kept none.
  expect(readFileSync(join(folder.cursorsDir, 'ship.json'), 'utf8')).toBe('{"reader":"ship","position":4}\n');
  const cursor = openCursor(folder, 'ship');
  await cursor.save(4, { sent: 3 });
  expect(savedCounters(folder, 'ship')).toEqual({ sent: 3 });
  await cursor.save(5, { sent: 4 });
  await openCursor(folder, 'ship').save(0);
  expect(openCursor(folder, 'ship')).toMatchObject({ position: 0, counters: { sent: 4 } });
  await openCursor(folder, 'ship').save(11);
  expect(openCursor(folder, 'ship')).toMatchObject({ position: 0, counters: { sent: 4 }, state: { kind: 'past_end' } });
});

test('a counter that is not a number is ignored, and the position is kept', async () => {
  const folder = await journalOf(10);
  const text = '{"reader":"ship","position":4,"counters":{"sent":"3","bytes":-1,"refused":1.5,"retried":2}}';
  writeFileSync(join(folder.cursorsDir, 'ship.json'), text);
  expect(openCursor(folder, 'ship')).toMatchObject({ position: 4, counters: { retried: 2 } });
  writeFileSync(join(folder.cursorsDir, 'ship.json'), '{"position":4,"counters":null}');
  expect(openCursor(folder, 'ship')).toMatchObject({ position: 4, counters: {} });
  writeFileSync(join(folder.cursorsDir, 'ship.json'), '{');
  expect(savedCounters(folder, 'ship')).toBeUndefined();
});

test('what could not be kept is kept by the next save, also one that asks for the same', async () => {
  const folder = await journalOf(3);
  const cursorsDir = join(folder.dir, 'later');
  const cursor = openCursor({ ...folder, cursorsDir }, 'ship');
  await cursor.save(2, { sent: 2 });
  expect(cursor.lastError()).toMatchObject({ code: 'ENOENT' });
  mkdirSync(cursorsDir);
  await cursor.save(2, { sent: 2 });
  expect(cursor.lastError()).toBeUndefined();
  expect(openCursor({ ...folder, cursorsDir }, 'ship')).toMatchObject({ position: 2, counters: { sent: 2 } });
});

test('a cursor that cannot be kept is an error to ask for, not one that is thrown', async () => {
  const folder = await journalOf(3);
  const cursor = openCursor({ ...folder, cursorsDir: join(folder.dir, 'nowhere') }, 'ship');
  await cursor.save(2);
  expect(cursor.lastError()).toMatchObject({ code: 'ENOENT' });
  expect(cursor.position).toBe(2);
});

test('a reader cannot have a name that leads out of its folder', async () => {
  const folder = await journalOf(1);
  for (const name of ['../ship', 'a/b', '', '.', 'A', 'x'.repeat(65)]) {
    expect(() => openCursor(folder, name), name).toThrow('cannot name a file');
  }
  expect(readFileSync(join(folder.locksDir, '..', 'journal', '00000000000000000000.seg')).length).toBeGreaterThan(64);
});
