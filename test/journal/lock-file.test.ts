// Locks held by real processes: one at a time, and nobody's once the holder is dead.
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { foreignStaleMs } from '../../src/data/lock-file.ts';
import {
  createJournal,
  isAlive,
  lockHolder,
  processIdentity,
  reopenJournal,
  tryLockFile,
} from '../../src/journal/index.ts';
import { ended, output, startFixture, tempRoot, tempRun } from './journal-rig.ts';

describe('a lock', () => {
  test('is held by one process at a time, however many want it and however often its holder is found dead', async () => {
    const root = tempRoot();
    const lock = join(root, 'hammer.lock');
    const hammers = Array.from({ length: 4 }, () =>
      ended(startFixture('lock-hammer.ts', lock, join(root, 'alone'), '60')),
    );
    for (const { out, code } of await Promise.all(hammers)) {
      expect(out).toBe('done\n');
      expect(code).toBe(0);
    }
    expect(readdirSync(root).filter((name) => name !== 'hammer.lock')).toEqual([]);
  });

  test('is free after its holder was killed, also when many come for it at once', async () => {
    const root = tempRoot();
    const lock = join(root, 'hammer.lock');
    for (let wave = 0; wave < 2; wave++) {
      const mortals = Array.from({ length: 4 }, () =>
        ended(startFixture('lock-hammer.ts', lock, join(root, 'alone'), '5', 'die')),
      );
      for (const { out, code } of await Promise.all(mortals)) {
        expect(out).toBe('');
        expect(code).toBe(null);
      }
    }
    expect(lockHolder(lock)).toBe(undefined);
    expect(tryLockFile(lock, 'after').kind).toBe('acquired');
  });

  test('is cleared of what processes that were killed amid taking it have left, and of nothing else', async () => {
    const root = tempRoot();
    const lock = join(root, 'ship.lock');
    const me = { nonce: '0123456789abcdef', ...processIdentity(), detail: '', since: '' };
    const dead = JSON.stringify({ ...me, startTime: '1' });
    for (const name of ['aaaaaaaaaaaaaaaa.tmp', 'bbbbbbbbbbbbbbbb', 'bbbbbbbbbbbbbbbb.cccccccccccccccc.tmp']) {
      writeFileSync(`${lock}.${name}`, dead);
    }
    const kept = ['dddddddddddddddd.tmp', 'eeeeeeeeeeeeeeee.tmp', 'notes.txt'];
    writeFileSync(`${lock}.${kept[0]}`, JSON.stringify(me));
    writeFileSync(`${lock}.${kept[1]}`, '');
    writeFileSync(`${lock}.${kept[2]}`, dead);
    tryLockFile(lock, 'me');
    expect(readdirSync(root).sort()).toEqual(['ship.lock', ...kept.map((name) => `ship.lock.${name}`)]);
  });

  test('of a living process names it, and is free once that was killed', async () => {
    const lock = join(tempRoot(), 'writer.lock');
    const holder = startFixture('lock-holder.ts', lock);
    await once(holder.stdout, 'data');
    const held = tryLockFile(lock, 'me');
    expect(held).toMatchObject({ kind: 'held', by: { pid: holder.pid, detail: 'a holder' } });
    expect(lockHolder(lock)).toMatchObject({ pid: holder.pid });
    holder.kill('SIGKILL');
    await once(holder, 'close');
    expect(lockHolder(lock)).toBe(undefined);
    const mine = tryLockFile(lock, 'me');
    expect(mine.kind).toBe('acquired');
    expect(lockHolder(lock)).toMatchObject({ pid: process.pid, detail: 'me' });
  });

  test('is not given twice to one process, and can be given back', async () => {
    const lock = join(tempRoot(), 'writer.lock');
    const first = tryLockFile(lock, 'first');
    if (first.kind !== 'acquired') throw new Error('not acquired');
    expect(tryLockFile(lock, 'second').kind).toBe('held');
    first.release();
    first.release();
    expect(existsSync(lock)).toBe(false);
    const second = tryLockFile(lock, 'second');
    expect(second.kind).toBe('acquired');
    first.release();
    expect(existsSync(lock)).toBe(true);
  });

  test('of a process that has died and whose pid is in use again is free', async () => {
    const lock = join(tempRoot(), 'writer.lock');
    tryLockFile(lock, 'x');
    writeFileSync(lock, JSON.stringify({ ...JSON.parse(readFileSync(lock, 'utf8')), startTime: '1' }));
    expect(tryLockFile(lock, 'me').kind).toBe('acquired');
  });

  test('of before a reboot is free, also when pid and start time agree', async () => {
    const lock = join(tempRoot(), 'writer.lock');
    tryLockFile(lock, 'x');
    const content = JSON.parse(readFileSync(lock, 'utf8')) as { scope: string };
    const [machine, , namespace] = content.scope.split('/');
    writeFileSync(lock, JSON.stringify({ ...content, scope: `${machine}/an-earlier-boot/${namespace}` }));
    expect(tryLockFile(lock, 'me').kind).toBe('acquired');
  });

  test('of another host is held while its file is fresh, and free when it has missed its heartbeats', async () => {
    const lock = join(tempRoot(), 'writer.lock');
    const lost = tryLockFile(lock, 'x');
    writeFileSync(lock, JSON.stringify({ ...JSON.parse(readFileSync(lock, 'utf8')), host: 'elsewhere.example' }));
    expect(tryLockFile(lock, 'me')).toMatchObject({ kind: 'held', by: { host: 'elsewhere.example' } });
    const old = (Date.now() - foreignStaleMs - 60_000) / 1000;
    utimesSync(lock, old, old);
    expect(tryLockFile(lock, 'me').kind).toBe('acquired');
    expect(lost.kind === 'acquired' && lost.stillHeld()).toBe(false);
  });

  test('that is damaged belongs to nobody', async () => {
    for (const text of ['', '{', '[]', 'null', '{"nonce":"../../x","pid":1}']) {
      const lock = join(tempRoot(), 'writer.lock');
      writeFileSync(lock, text);
      expect(tryLockFile(lock, 'me').kind, text).toBe('acquired');
    }
  });
});

test('a process is distinguished from a dead one, a zombie and a later one with the same pid', async () => {
  const me = processIdentity();
  expect(isAlive(me)).toBe(true);
  expect(isAlive({ ...me, startTime: '1' })).toBe(false);
  expect(isAlive({ ...me, host: 'elsewhere.example' })).toBe(true);
  const child = startFixture('lock-holder.ts', join(tempRoot(), 'x.lock'));
  await once(child.stdout, 'data');
  const identity = processIdentity(child.pid);
  expect(identity.startTime).not.toBe('');
  expect(isAlive(identity)).toBe(true);
  child.kill('SIGKILL');
  await once(child, 'close');
  expect(isAlive(identity)).toBe(false);
});

test('a journal has one writer: a second is refused with the name of the first, until it has closed', async () => {
  const folder = tempRun();
  const journal = createJournal(folder);
  journal.output(output('x\n'));
  expect(() => createJournal(folder)).toThrow(new RegExp(`being written by process ${process.pid} on `));
  expect(() => reopenJournal(folder)).toThrow(expect.objectContaining({ code: 'locked' }));
  await journal.close();
  expect(() => createJournal(folder)).toThrow(expect.objectContaining({ code: 'exists' }));
  await reopenJournal(folder).close();
  expect(() => reopenJournal(tempRun())).toThrow(expect.objectContaining({ code: 'not_found' }));
});
