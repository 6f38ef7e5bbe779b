// Cursors: kept whole, and not trusted where they cannot be right.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createJournal, openCursor, type RunFolder } from '../../src/journal/index.ts';
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

test('a cursor past the end of its journal is told of and not trusted; one at the end is good', async () => {
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
