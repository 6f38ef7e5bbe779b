// A disk that takes nothing: append never fails, and what is lost is counted and reported.
import fs, { readdirSync, rmSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { lockPath } from '../../src/data/data-folder.ts';
import { createJournal, type JournalFileSystem, openJournal, reopenJournal } from '../../src/journal/index.ts';
import { readRecords } from '../support/journal.ts';
import { until } from '../support/until.ts';
import { flat, output, runFinished, stepStarted, tempRun } from './journal-rig.ts';

/** A disk with so much room, in bytes that can be written to segments; it takes what fits, as a real one does. */
function smallDisk(room: number) {
  const disk = { room, code: 'ENOSPC', truncates: true, syncs: true };
  const fail = (): never => {
    throw Object.assign(new Error(`${disk.code}: injected`), { code: disk.code });
  };
  const take = (bytes: number): number => {
    if (disk.room <= 0) fail();
    const taken = Math.min(bytes, disk.room);
    disk.room -= taken;
    return taken;
  };
  // What lies in the reserve comes back when it is removed, as on a real disk.
  const reserve = { fd: -1, bytes: 0 };
  const fileSystem: JournalFileSystem = {
    ...fs,
    openSync(path, flags, mode) {
      const fd = fs.openSync(path, flags, mode);
      if (String(path).endsWith('/reserve') && flags !== 'r') reserve.fd = fd;
      return fd;
    },
    closeSync(fd) {
      if (fd === reserve.fd) reserve.fd = -1;
      fs.closeSync(fd);
    },
    unlinkSync(path) {
      fs.unlinkSync(path);
      if (!String(path).endsWith('/reserve')) return;
      disk.room += reserve.bytes;
      reserve.bytes = 0;
    },
    writevSync(fd, buffers, position) {
      const bytes = Buffer.concat(buffers as Buffer[]);
      return fs.writeSync(fd, bytes, 0, take(bytes.length), position);
    },
    writeSync: ((...[fd, bytes, at, length, position]: readonly [number, Buffer, number, number, number]) => {
      const taken = take(length);
      if (fd === reserve.fd) reserve.bytes += taken;
      return fs.writeSync(fd, bytes, at, taken, position);
    }) as typeof fs.writeSync,
    ftruncateSync(fd, length) {
      if (!disk.truncates) fail();
      fs.ftruncateSync(fd, length);
    },
    fdatasync: (fd, done) =>
      disk.syncs ? fs.fdatasync(fd, done) : done(Object.assign(new Error('EIO'), { code: 'EIO' })),
  };
  return { disk, fileSystem };
}

describe('a full disk', () => {
  test('is waited for: what fits in memory is written in order once there is room', async () => {
    const { disk, fileSystem } = smallDisk(10_000);
    const folder = tempRun();
    const journal = createJournal(folder, { fileSystem, archive: false, reserveBytes: 0 });
    journal.output(output('before\n'));
    disk.room = 20;
    expect(journal.output(output('waits 1\nwaits 2\n'))).toBe(1);
    expect(journal.event(stepStarted)).toBe(3);
    // A part of the frame had been taken by the disk; no reader sees it.
    expect(flat(await readRecords(folder))).toEqual([[0, 'before']]);
    expect(journal.stats()).toMatchObject({ lastError: 'ENOSPC: injected', lostLines: 0 });
    disk.room = 10_000;
    await until(() => journal.stats().pendingBytes === 0);
    journal.output(output('after\n'));
    await journal.close();
    expect(flat(await readRecords(folder)).map(([, text]) => text)).toEqual([
      'before',
      'waits 1',
      'waits 2',
      'step.started',
      'after',
    ]);
  });

  test('past the memory bound counts each line, event and byte, and says so as soon as it can', async () => {
    const { disk, fileSystem } = smallDisk(10_000);
    const folder = tempRun();
    const journal = createJournal(folder, { fileSystem, archive: false, reserveBytes: 0, maxPendingBytes: 2_000 });
    journal.output(output('before\n'));
    disk.room = 0;
    let lines = 0;
    while (journal.stats().lostLines < 60) {
      journal.output(output(`${'x'.repeat(49)}\n${'y'.repeat(49)}\n`));
      lines += 2;
    }
    const kept = lines - 60;
    expect(kept).toBeGreaterThan(5);
    // Events still find room, and the loss has its number before them.
    journal.event(stepStarted);
    journal.event(runFinished);
    disk.room = 1_000_000;
    await journal.close();
    const records = await readRecords(folder);
    const texts = flat(records).map(([, text]) => text);
    expect(texts.slice(-3)).toEqual(['journal.lost', 'step.started', 'run.finished']);
    expect(records.at(-3)).toMatchObject({
      event: { type: 'journal.lost', reason: 'disk', lines: 60, events: 0, bytes: 3000 },
    });
    expect(texts.length).toBe(1 + kept + 3);
    expect((await openJournal(folder).head()).finished).toBe(true);
  });

  test('counts each line of which a piece is lost, and counts it once', async () => {
    const piece = fc.record({
      stream: fc.constantFrom('stdout' as const, 'stderr' as const),
      ends: fc.boolean(),
      isFull: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { minLength: 1, maxLength: 30 }), async (pieces) => {
        const { disk, fileSystem } = smallDisk(1_000_000);
        const folder = tempRun();
        const options = { fileSystem, archive: false, reserveBytes: 0, maxPendingBytes: 300 };
        const journal = createJournal(folder, options);
        /** The line of each piece, by its number. */
        const lines = new Map<number, string>();
        const open = new Map<string, number>();
        for (const [index, { stream, ends, isFull }] of pieces.entries()) {
          disk.room = isFull ? 0 : 1_000_000;
          const continues = open.has(stream);
          const line = open.get(stream) ?? index;
          const draft = output(ends ? 'piece\n' : 'piece', { stream, continues, unterminated: !ends });
          lines.set(journal.output(draft), `${stream} ${line}`);
          if (ends) open.delete(stream);
          else open.set(stream, line);
        }
        disk.room = 1_000_000;
        await journal.close();
        const kept = new Set((await readRecords(folder)).map(({ seq }) => seq));
        const broken = new Set([...lines].filter(([seq]) => !kept.has(seq)).map(([, line]) => line));
        expect(journal.stats().lostLines).toBe(broken.size);
      }),
      { numRuns: 15 },
    );
  });

  test('that never has room again ends the run all the same, with the loss in the statistics', async () => {
    const { disk, fileSystem } = smallDisk(10_000);
    const folder = tempRun();
    const journal = createJournal(folder, { fileSystem, reserveBytes: 0 });
    disk.room = 0;
    journal.output(output('a\nb\n'));
    journal.event(runFinished);
    await journal.close();
    journal.output(output('too late\n'));
    expect(journal.stats()).toMatchObject({ lostLines: 3, lostEvents: 1, pendingBytes: 0 });
    expect(await readRecords(folder)).toEqual([]);
  });

  test('that is full to the end has room for how the run ended, and for what was lost in between', async () => {
    const { disk, fileSystem } = smallDisk(10_000);
    const folder = tempRun();
    const journal = createJournal(folder, { fileSystem, reserveBytes: 2_000 });
    expect(readdirSync(folder.dir)).toContain('reserve');
    journal.output(output('before\n'));
    disk.room = 0;
    journal.output(output('waits 1\nwaits 2\n'));
    journal.event(stepStarted);
    journal.output(output(`${'x'.repeat(5_000)}\nlast line\n`));
    journal.event(runFinished);
    await journal.close();
    const problems: string[] = [];
    const records = await readRecords(folder, { onProblem: (problem) => problems.push(JSON.stringify(problem)) });
    expect(flat(records)).toEqual([
      [0, 'before'],
      [3, 'step.started'],
      [5, 'journal.lost'],
      [6, 'run.finished'],
    ]);
    expect(records[2]).toMatchObject({ event: { reason: 'disk', lines: 4, events: 0, bytes: 5027 } });
    expect(problems).toEqual([
      '{"kind":"gap","fromSeq":1,"toSeq":3,"why":"lost"}',
      '{"kind":"gap","fromSeq":4,"toSeq":5,"why":"lost"}',
    ]);
    expect(journal.stats()).toMatchObject({ lostLines: 4, lostEvents: 0, pendingBytes: 0 });
    expect((await openJournal(folder).head()).finished).toBe(true);
    expect(readdirSync(folder.dir)).not.toContain('reserve');
  });

  test('leaves the process that closes the run of a killed writer the room that was kept for it', async () => {
    const { disk, fileSystem } = smallDisk(10_000);
    const folder = tempRun();
    const killed = createJournal(folder, { fileSystem, reserveBytes: 2_000 });
    killed.output(output('before\n'));
    await killed.sync();
    disk.room = 0;
    // As a kill leaves it: the lock is nobody's, the reserve is there.
    rmSync(lockPath(folder, 'writer'));
    const journal = reopenJournal(folder, { fileSystem, reserveBytes: 2_000 });
    journal.event(runFinished);
    await journal.close();
    expect(flat(await readRecords(folder)).map(([, text]) => text)).toEqual(['before', 'run.finished']);
    await killed.close();
  });

  test('is not provided for by the process that closes the run of a killed writer without a reserve', async () => {
    const folder = tempRun();
    const killed = createJournal(folder, { reserveBytes: 0 });
    await killed.sync();
    rmSync(lockPath(folder, 'writer'));
    const journal = reopenJournal(folder, { reserveBytes: 2_000 });
    expect(readdirSync(folder.dir)).not.toContain('reserve');
    journal.event(runFinished);
    await journal.close();
    await killed.close();
  });

  test('from the start has no reserve, and half of one is not left lying there', async () => {
    const { disk, fileSystem } = smallDisk(10_000);
    const folder = tempRun();
    disk.room = 500;
    const journal = createJournal(folder, { fileSystem, reserveBytes: 2_000 });
    expect(readdirSync(folder.dir)).not.toContain('reserve');
    journal.output(output('one\n'));
    await journal.close();
    expect(flat(await readRecords(folder))).toEqual([[0, 'one']]);
  });

  test('that fills while a new segment is made leaves no half-made one', async () => {
    const { disk, fileSystem } = smallDisk(10_000);
    const folder = tempRun();
    const journal = createJournal(folder, { fileSystem, segmentBytes: 100, archive: false, reserveBytes: 0 });
    journal.output(output('one\n'));
    for (const room of [0, 1, 63, 64, 65, 100]) {
      disk.room = room;
      journal.output(output(`${'x'.repeat(90)}\n`));
    }
    disk.room = 100_000;
    await journal.close();
    expect(flat(await readRecords(folder)).map(([seq]) => seq)).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });
});

test('a disk that fails with EIO in the middle, and cannot even cut what it took, loses nothing in the end', async () => {
  const { disk, fileSystem } = smallDisk(10_000);
  const folder = tempRun();
  const journal = createJournal(folder, { fileSystem, archive: false, reserveBytes: 0 });
  journal.output(output('one\n'));
  Object.assign(disk, { room: 30, code: 'EIO', truncates: false });
  journal.output(output('two\n'));
  expect(flat(await readRecords(folder))).toEqual([[0, 'one']]);
  // Only a new file works from here on: the old one is given up with its torn end.
  disk.room = 10_000;
  await until(() => journal.stats().pendingBytes === 0);
  journal.output(output('three\n'));
  await journal.close();
  expect(journal.stats().segments).toBe(2);
  expect(flat(await readRecords(folder))).toEqual([
    [0, 'one'],
    [1, 'two'],
    [2, 'three'],
  ]);
});

test('a disk that does not confirm is counted, and sync and close still resolve', async () => {
  const { disk, fileSystem } = smallDisk(10_000);
  const folder = tempRun();
  const journal = createJournal(folder, { fileSystem, reserveBytes: 0 });
  disk.syncs = false;
  journal.output(output('one\n'));
  await journal.sync();
  expect(journal.stats()).toMatchObject({ writeErrors: 1, syncErrors: 1, lastError: 'EIO', lostLines: 0 });
  await journal.close();
  expect(flat(await readRecords(folder))).toEqual([[0, 'one']]);
});

test('a caller may use its buffer again while the disk is full', async () => {
  const { disk, fileSystem } = smallDisk(10_000);
  const folder = tempRun();
  const journal = createJournal(folder, { fileSystem, reserveBytes: 0 });
  disk.room = 0;
  const draft = output('mine\n');
  journal.output(draft);
  draft.bytes.fill('?');
  disk.room = 10_000;
  await journal.close();
  expect(flat(await readRecords(folder))).toEqual([[0, 'mine']]);
});
