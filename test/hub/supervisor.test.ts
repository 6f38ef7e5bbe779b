// One state for each run, found once and shared by all tasks; a task that fails stops no other.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { RunId } from '../../src/core/ids.ts';
import { type ReadableRun, type RunTask, startSupervisor } from '../../src/hub/supervisor.ts';
import { until } from '../support/until.ts';
import { beginRun, endRun, tempData } from './hub-rig.ts';

test('a run is live, ended or unreadable, and every task sees the same', async () => {
  const data = tempData();
  const live = beginRun(data);
  const ended = beginRun(data);
  await endRun(ended);
  const broken = beginRun(data);
  await broken.journal.close();
  const segment = path.join(data.runDir(broken.runId).journalDir, `${'0'.repeat(20)}.seg`);
  const bytes = readFileSync(segment);
  // The major version of its format, see src/journal/format.ts.
  bytes.writeUInt16LE(99, 8);
  writeFileSync(segment, bytes);

  const seen: (readonly ReadableRun[])[] = [];
  const unreadable: RunId[] = [];
  const failed: string[] = [];
  const found: RunId[] = [];
  const failing: RunTask = {
    name: 'failing',
    look() {
      throw new Error('a defect');
    },
  };
  const supervisor = startSupervisor({
    data,
    everyMs: 20,
    tasks: [failing, { name: 'seeing', look: ({ runs }) => void seen.push(runs) }],
    onFound: (runId) => void found.push(runId),
    onUnreadable: (runId) => void unreadable.push(runId),
    onTaskError: (task) => void failed.push(task),
  });
  onTestFinished(supervisor.stop);
  const kindsOf = (runs: readonly ReadableRun[] = []) =>
    Object.fromEntries(runs.map(({ runId, kind }) => [runId, kind]));
  await until(() => seen.length > 0);
  expect(kindsOf(seen[0])).toEqual({ [live.runId]: 'live', [ended.runId]: 'ended' });
  expect(supervisor.liveCount()).toBe(1);
  expect(seen[0]?.find(({ runId }) => runId === live.runId)).toMatchObject({ writer: { pid: process.pid } });

  await endRun(live);
  await until(() => kindsOf(seen.at(-1))[live.runId] === 'ended');
  await until(() => failed.length > 3);
  // Each was found once, and what cannot be read was reported once.
  expect(unreadable).toEqual([broken.runId]);
  expect([...found].sort()).toEqual([live.runId, ended.runId].sort());
});
