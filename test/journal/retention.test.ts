// What retention removes, what it must not, and what it says of it.
import { existsSync, mkdirSync, readdirSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { newRunId, type RunId } from '../../src/core/ids.ts';
import {
  acquireLock,
  applyRetention,
  createJournal,
  type DataFolder,
  dataFolder,
  openCursor,
} from '../../src/journal/index.ts';
import { output, runFinished, tempRoot } from './journal-rig.ts';

const now = Date.UTC(2026, 10, 23);
const day = 24 * 3_600_000;

/** A finished run of 10 lines and an event, last written to so many days ago. */
async function finishedRun(data: DataFolder, daysAgo: number): Promise<RunId> {
  const runId = newRunId(new Date(now - daysAgo * day));
  const folder = data.runDir(runId);
  const journal = createJournal(folder);
  for (let line = 0; line < 10; line++) journal.output(output(`line ${line}\n`));
  journal.event(runFinished);
  await journal.close();
  age(folder.journalDir, daysAgo);
  return runId;
}

function age(dir: string, daysAgo: number): void {
  const at = (now - daysAgo * day) / 1000;
  for (const name of readdirSync(dir)) utimesSync(join(dir, name), at, at);
}

describe('retention over the data folder', () => {
  test('removes whole runs that are too old, and reports what each reader had not read', async () => {
    const data = dataFolder(tempRoot());
    const old = await finishedRun(data, 31);
    const recent = await finishedRun(data, 29);
    await openCursor(data.runDir(old), 'ship').save(4);
    await openCursor(data.runDir(old), 'notify').save(11);
    const report = await applyRetention(data, { maxAgeMs: 30 * day, maxBytes: undefined, now });
    expect(report.removedRuns).toMatchObject([{ runId: old, unread: [{ reader: 'ship', lines: 6, events: 1 }] }]);
    expect(data.listRunIds()).toEqual([recent]);
    expect(readdirSync(data.runsDir)).toEqual([recent]);
  });

  test('removes the oldest runs until the rest fits', async () => {
    const data = dataFolder(tempRoot());
    const runs = [await finishedRun(data, 3), await finishedRun(data, 1), await finishedRun(data, 2)];
    const all = (await applyRetention(data, { maxAgeMs: undefined, maxBytes: undefined, now })).keptBytes;
    const report = await applyRetention(data, { maxAgeMs: undefined, maxBytes: all * 0.5, now });
    expect(report.removedRuns.map((run) => run.runId)).toEqual([runs[0], runs[2]]);
    expect(data.listRunIds()).toEqual([runs[1]]);
  });

  test('of a dry run, reports the same and removes nothing', async () => {
    const data = dataFolder(tempRoot());
    const runs = [await finishedRun(data, 31), await finishedRun(data, 40), await finishedRun(data, 1)];
    await openCursor(data.runDir(runs[0]!), 'ship').save(4);
    const limits = { maxAgeMs: 30 * day, maxBytes: undefined, now };
    const would = await applyRetention(data, { ...limits, isDryRun: true });
    expect([...data.listRunIds()].sort()).toEqual([...runs].sort());
    expect(await applyRetention(data, limits)).toEqual(would);
  });

  test('leaves a run that is being written or shipped alone', async () => {
    const data = dataFolder(tempRoot());
    const live = data.runDir(newRunId(new Date(now - 90 * day)));
    const journal = createJournal(live);
    journal.output(output('x\n'));
    age(live.journalDir, 90);
    const shipped = data.runDir(await finishedRun(data, 80));
    const lock = await acquireLock(shipped, 'ship', 'shipping');
    const limits = { maxAgeMs: day, maxBytes: 0, now };
    expect((await applyRetention(data, limits)).removedRuns).toEqual([]);
    if (lock.kind === 'acquired') lock.release();
    expect((await applyRetention(data, limits)).removedRuns).toMatchObject([{ runId: shipped.runId }]);
    await journal.close();
    expect(existsSync(live.dir)).toBe(true);
  });

  test('finishes a removal in which a process died', async () => {
    const data = dataFolder(tempRoot());
    const kept = await finishedRun(data, 1);
    mkdirSync(join(data.runsDir, `${newRunId()}.removed`, 'journal'), { recursive: true });
    await applyRetention(data, { maxAgeMs: undefined, maxBytes: undefined, now });
    expect(readdirSync(data.runsDir)).toEqual([kept]);
  });
});
