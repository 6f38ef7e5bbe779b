// A writer that is killed with SIGKILL at any moment: what append had returned for is there.
import { appendFileSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { newRunId } from '../../src/core/ids.ts';
import { createJournal, dataFolder, openCursor, openJournal, reopenJournal } from '../../src/journal/index.ts';
import { listSegments } from '../../src/journal/segment-files.ts';
import { readRecords } from '../support/journal.ts';
import { ended, flat, output, startFixture, stepStarted, tempRoot, tempRun } from './journal-rig.ts';

describe('a writer killed with SIGKILL', () => {
  test('loses nothing that append had returned for, however often it is killed', async () => {
    const root = tempRoot();
    const runId = newRunId();
    const folder = dataFolder(root).runDir(runId);
    for (const [round, linesBeforeKill] of [1, 40, 333, 2000].entries()) {
      const child = startFixture('journal-writer.ts', root, runId, round === 0 ? 'create' : 'reopen');
      let seen = 0;
      child.stdout.on('data', (bytes: Buffer) => {
        for (const byte of bytes) seen += byte === 0x0a ? 1 : 0;
        if (seen >= linesBeforeKill) child.kill('SIGKILL');
      });
      const { out } = await ended(child);
      const acked = Number(out.trimEnd().split('\n').at(-1));
      expect(acked).toBeGreaterThan(0);

      expect((await openJournal(folder).head()).nextSeq).toBeGreaterThanOrEqual(acked);
      const lines = flat(await readRecords(folder)).filter(([, text]) => text !== 'journal.recovered');
      for (const [seq, text] of lines) expect(text).toMatch(new RegExp(`^line ${seq} `));
      expect(lines.length).toBeGreaterThanOrEqual(acked - round);
    }
    const journal = reopenJournal(folder);
    const next = journal.event(stepStarted);
    await journal.close();
    const all = flat(await readRecords(folder));
    expect(all.map(([seq]) => seq)).toEqual(Array.from({ length: next + 1 }, (_, seq) => seq));
  });
});

describe('a torn tail', () => {
  test('is cut at every possible length, reported, and written over', async () => {
    const folder = tempRun();
    const journal = createJournal(folder);
    journal.output(output('kept\n'));
    const keptBytes = statSync(listSegments(folder.journalDir)[0]!.path).size;
    journal.output(output('torn away\n'));
    await journal.close();
    const file = listSegments(folder.journalDir)[0]!.path;
    const whole = readFileSync(file);
    for (let size = keptBytes + 1; size < whole.length; size++) {
      writeFileSync(file, whole.subarray(0, size));
      expect(flat(await readRecords(folder))).toEqual([[0, 'kept']]);
      const again = reopenJournal(folder);
      again.output(output('new\n'));
      await again.close();
      const records = await readRecords(folder);
      expect(records[1]).toMatchObject({
        event: { type: 'journal.recovered', cutBytes: size - keptBytes, lastSeq: 0 },
      });
      expect(flat(records).slice(2)).toEqual([[2, 'new']]);
    }
  });

  test('that is garbage of any kind is cut too', async () => {
    const folder = tempRun();
    const journal = createJournal(folder);
    journal.output(output('kept\n'));
    await journal.close();
    appendFileSync(listSegments(folder.journalDir)[0]!.path, Buffer.alloc(5000));
    await reopenJournal(folder).close();
    await reopenJournal(folder).close();
    const [, recovered, ...more] = await readRecords(folder);
    expect(recovered).toMatchObject({ event: { type: 'journal.recovered', cutBytes: 5000 } });
    expect(more).toEqual([]);
  });

  test('of a segment whose header was not written in full leaves the one before', async () => {
    const folder = tempRun();
    const journal = createJournal(folder, { segmentBytes: 1, archive: false });
    journal.output(output('one\n'));
    journal.output(output('two\n'));
    await journal.close();
    truncateSync(listSegments(folder.journalDir)[1]!.path, 20);
    const again = reopenJournal(folder);
    again.output(output('three\n'));
    await again.close();
    expect(flat(await readRecords(folder))).toEqual([
      [0, 'one'],
      [1, 'journal.recovered'],
      [2, 'three'],
    ]);
  });

  test('does not give a number again that a reader has seen already', async () => {
    const folder = tempRun();
    const journal = createJournal(folder);
    for (const text of ['a\n', 'b\n', 'c\n', 'd\n']) journal.output(output(text));
    await journal.close();
    await openCursor(folder, 'ship').save(4);
    // A power cut takes what only the kernel had.
    const file = listSegments(folder.journalDir)[0]!.path;
    truncateSync(file, statSync(file).size - 60);
    const again = reopenJournal(folder);
    expect(again.event(stepStarted)).toBe(5);
    await again.close();
    expect(flat(await readRecords(folder, { from: 2 }))).toEqual([
      [4, 'journal.recovered'],
      [5, 'step.started'],
    ]);
    expect(openCursor(folder, 'ship').state).toEqual({ kind: 'found' });
  });

  test('is not touched by reading', async () => {
    const folder = tempRun();
    const journal = createJournal(folder);
    journal.output(output('kept\n'));
    await journal.close();
    const file = listSegments(folder.journalDir)[0]!.path;
    appendFileSync(file, 'torn');
    const before = readFileSync(file);
    await readRecords(folder);
    await openJournal(folder).head();
    expect(readFileSync(file).equals(before)).toBe(true);
  });
});

test('an index that is missing or wrong changes nothing that is read', async () => {
  const folder = tempRun();
  const journal = createJournal(folder, { indexEveryBytes: 100 });
  for (let line = 0; line < 100; line++) journal.output(output(`line ${line}\n`));
  await journal.close();
  const index = join(folder.journalDir, '00000000000000000000.idx');
  const good = readFileSync(index);
  const wanted = flat(await readRecords(folder, { from: 60 }));
  expect(wanted[0]).toEqual([60, 'line 60']);
  const shifted = Buffer.from(good);
  for (let at = 16 + 16; at < shifted.length; at += 24) shifted.writeUInt32LE(shifted.readUInt32LE(at) + 3, at);
  for (const bytes of [Buffer.alloc(0), good.subarray(0, 70), shifted, Buffer.alloc(good.length, 0xff)]) {
    writeFileSync(index, bytes);
    expect(flat(await readRecords(folder, { from: 60 }))).toEqual(wanted);
    expect((await openJournal(folder).head()).nextSeq).toBe(100);
  }
  const again = reopenJournal(folder, { indexEveryBytes: 100 });
  again.output(output('line 100\n'));
  await again.close();
  expect(flat(await readRecords(folder, { from: 99 }))).toEqual([
    [99, 'line 99'],
    [100, 'line 100'],
  ]);
});
