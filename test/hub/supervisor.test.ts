// One state for each run, found once and shared by all tasks; a task that fails stops no other.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
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

test('a run that a task has settled is left out of its next looks, and of no others', async () => {
  const data = tempData();
  const live = beginRun(data);
  const ended = beginRun(data);
  await endRun(ended);
  const looks: { settling: RunId[]; other: RunId[]; found: boolean }[] = [];
  let settling: RunId[] = [];
  const idsOf = (runs: readonly ReadableRun[]) => runs.map(({ runId }) => runId);
  const supervisor = startSupervisor({
    data,
    everyMs: 20,
    tasks: [
      {
        name: 'settling',
        look({ runs, settle }) {
          settling = idsOf(runs);
          for (const { runId, kind } of runs) if (kind === 'ended') settle(runId);
        },
      },
      {
        name: 'other',
        look: ({ runs, find }) =>
          void looks.push({ settling, other: idsOf(runs), found: find(ended.runId) !== undefined }),
      },
    ],
    onFound: () => undefined,
    onUnreadable: () => undefined,
    onTaskError: () => undefined,
  });
  onTestFinished(supervisor.stop);
  await until(() => looks.length > 1);
  const both = [ended.runId, live.runId];
  expect(looks[0]).toEqual({ settling: both, other: both, found: true });
  expect(looks[1]).toEqual({ settling: [live.runId], other: both, found: true });
  await endRun(live);
  await until(() => looks.some((look) => look.other.length === 2 && look.settling.length === 0));
  rmSync(data.runDir(ended.runId).dir, { recursive: true });
  await until(() => looks.at(-1)?.found === false);
  expect(looks.at(-1)?.other).toEqual([live.runId]);
});

test('a run whose end is known is not read again, and is not found anew', async () => {
  const data = tempData();
  const run = beginRun(data);
  await endRun(run);
  rmSync(data.runDir(run.runId).journalDir, { recursive: true });
  const found: RunId[] = [];
  const supervisor = startSupervisor({
    data,
    everyMs: 20,
    tasks: [],
    knownEnd: () => 9,
    onFound: (runId) => void found.push(runId),
    onUnreadable: () => undefined,
    onTaskError: () => undefined,
  });
  onTestFinished(supervisor.stop);
  await until(() => supervisor.unexaminedCount() === 0);
  expect(await supervisor.readable()).toEqual([{ kind: 'ended', runId: run.runId, nextSeq: 9 }]);
  expect(found).toEqual([]);
});
