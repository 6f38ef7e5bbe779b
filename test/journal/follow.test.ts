// Readers that follow a journal while another process writes, rolls and archives it.
import { appendFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { newRunId } from '../../src/core/ids.ts';
import type { JournalRecord } from '../../src/core/record.ts';
import { archiveSealed, createJournal, dataFolder, type JournalProblem, openJournal } from '../../src/journal/index.ts';
import { createWake } from '../../src/journal/wake.ts';
import { until } from '../support/until.ts';
import { flat, output, removeOldSegments, runFinished, startFixture, tempRoot, tempRun } from './journal-rig.ts';

describe('following', () => {
  test('every line of another process comes in order while segments roll and are archived, and reading ends with the run', async () => {
    const root = tempRoot();
    const runId = newRunId();
    const folder = dataFolder(root).runDir(runId);
    // The reader is there first: the journal does not exist yet.
    const reading = (async () => {
      const records: JournalRecord[] = [];
      for await (const batch of openJournal(folder).read({ from: 0, follow: true })) records.push(...batch);
      return records;
    })();
    const child = startFixture('journal-writer.ts', root, runId, 'create', '3000');
    child.stdout.resume();
    let done = false;
    const archiving = (async () => {
      while (!done) {
        await archiveSealed(folder);
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    const got = flat(await reading);
    done = true;
    await archiving;
    expect(got.at(-1)![1]).toBe('run.finished');
    expect(got.length).toBeGreaterThan(3000);
    for (const [index, [seq, text]] of got.slice(0, -1).entries()) {
      expect(seq).toBe(index);
      expect(text.startsWith(`line ${seq} `)).toBe(true);
    }
  });

  test('returns a record as soon as it is appended, from this process or by watching', async () => {
    for (const own of [true, false]) {
      const folder = tempRun();
      const journal = createJournal(folder);
      const reader = openJournal(folder, own ? { onAppend: journal.onAppend } : {});
      const reading = reader.read({ from: 0, follow: true });
      for (let line = 0; line < 50; line++) {
        const next = reading.next();
        journal.output(output(`line ${line}\n`));
        expect(flat((await next).value ?? [])).toEqual([[line, `line ${line}`]]);
      }
      journal.event(runFinished);
      expect(flat((await reading.next()).value ?? [])).toEqual([[50, 'run.finished']]);
      expect((await reading.next()).done).toBe(true);
      await journal.close();
    }
  });

  test('another process is woken by its writing, not by looking now and then', async () => {
    const root = tempRoot();
    const runId = newRunId();
    const folder = dataFolder(root).runDir(runId);
    await createJournal(folder).close();
    const wake = createWake(folder.journalDir, undefined, undefined, { watchedMs: 2 ** 30, blindMs: 2 ** 30 });
    onTestFinished(() => wake.close());
    const seen = wake.seen();
    startFixture('journal-writer.ts', root, runId, 'reopen', '1');
    await wake.wait(seen);
    expect(wake.seen()).toBeGreaterThan(seen);
  });

  test('looks for files again only when one has come or gone since it did', async () => {
    const folder = tempRoot();
    const wake = createWake(folder, undefined, undefined, { watchedMs: 2 ** 30, blindMs: 2 ** 30 });
    const missing = createWake(path.join(folder, 'none'));
    onTestFinished(() => [wake, missing].forEach((each) => void each.close()));
    const afterSign = async (change: () => void): Promise<boolean> => {
      const seen = wake.seen();
      change();
      await wake.wait(seen);
      expect(wake.isQuiet(seen)).toBe(false);
      return wake.isQuiet(wake.seen());
    };
    const file = path.join(folder, 'file');
    expect(await afterSign(() => writeFileSync(file, ''))).toBe(false);
    wake.looked(wake.seen());
    expect(wake.isQuiet(wake.seen())).toBe(true);
    expect(await afterSign(() => appendFileSync(file, 'more'))).toBe(true);
    expect(await afterSign(() => renameSync(file, path.join(folder, 'other')))).toBe(false);
    // Without a watch, new files go unnoticed.
    missing.looked(missing.seen());
    expect(missing.isQuiet(missing.seen())).toBe(false);
  });

  test('misses nothing that is appended to a segment while the reader looks for the next one', async () => {
    const folder = tempRun();
    const journal = createJournal(folder, { segmentBytes: 64 + 2 * 60, archive: false });
    const reading = openJournal(folder).read({ from: 0, follow: true });
    journal.output(output('one\n'));
    await reading.next();
    // The reader has asked for the size of the first segment when the second line comes in there, and a third behind.
    const next = reading.next();
    journal.output(output('two\n'));
    journal.output(output('three\n'));
    expect(journal.stats().segments).toBe(2);
    expect(flat((await next).value ?? [])).toEqual([[1, 'two']]);
    expect(flat((await reading.next()).value ?? [])).toEqual([[2, 'three']]);
    await reading.return();
    await journal.close();
  });

  test('ends when its signal is aborted, also while it waits', async () => {
    const folder = tempRun();
    const journal = createJournal(folder);
    const stop = new AbortController();
    const reading = openJournal(folder).read({ from: 0, follow: true, signal: stop.signal });
    const next = reading.next();
    stop.abort();
    expect((await next).done).toBe(true);
    await journal.close();
  });

  test('from a number that is still to come returns nothing before it', async () => {
    const folder = tempRun();
    const journal = createJournal(folder, { segmentBytes: 100 });
    const next = openJournal(folder).read({ from: 5, follow: true }).next();
    for (let line = 0; line < 7; line++) journal.output(output(`line ${line}\n`));
    expect(flat((await next).value ?? [])[0]).toEqual([5, 'line 5']);
    await journal.close();
  });
});

test('batches hold what they may and no more, and at least one record', async () => {
  const folder = tempRun();
  const journal = createJournal(folder);
  for (let line = 0; line < 10; line++) journal.output(output(`${'x'.repeat(99)}\n`));
  await journal.close();
  const sizes: number[] = [];
  for await (const batch of openJournal(folder).read({ from: 0, maxBatchBytes: 250 })) sizes.push(batch.length);
  expect(sizes).toEqual([3, 3, 3, 1]);
  for await (const batch of openJournal(folder).read({ from: 0, maxBatchBytes: 1 })) expect(batch.length).toBe(1);
});

test('a slow reader whose next segments are gone gets the gap reported, and continues behind it', async () => {
  const folder = tempRun();
  const journal = createJournal(folder, { segmentBytes: 200, archive: false });
  const problems: JournalProblem[] = [];
  const reading = openJournal(folder).read({
    from: 0,
    maxBatchBytes: 1,
    onProblem: (problem) => problems.push(problem),
  });
  journal.output(output('first\n'));
  expect(flat((await reading.next()).value ?? [])).toEqual([[0, 'first']]);
  for (let line = 1; line < 40; line++) journal.output(output(`line ${line}\n`));
  expect(removeOldSegments(folder, 3)).toBeGreaterThan(3);
  const { firstSeq } = await openJournal(folder).head();
  const rest: [number, string][] = [];
  for await (const batch of reading) rest.push(...flat(batch));
  const jump = rest.find(([seq], index) => index > 0 && seq !== rest[index - 1]![0] + 1)?.[0] ?? rest[0]![0];
  expect(jump).toBe(firstSeq);
  expect(problems).toEqual([{ kind: 'gap', fromSeq: expect.any(Number), toSeq: firstSeq, why: 'removed' }]);
  await journal.close();
});

test('many followers of one journal each get all of it', async () => {
  const folder = tempRun();
  const journal = createJournal(folder, { segmentBytes: 1000 });
  const counts = [0, 0, 0, 0, 0];
  const followers = counts.map(async (_, index) => {
    for await (const batch of openJournal(folder).read({ from: 0, follow: true })) counts[index]! += batch.length;
  });
  for (let line = 0; line < 200; line++) {
    journal.output(output(`line ${line}\n`));
    if (line % 20 === 0) await until(() => counts.every((count) => count > line - 20));
  }
  journal.event(runFinished);
  await Promise.all(followers);
  expect(counts).toEqual([201, 201, 201, 201, 201]);
  await journal.close();
});
