// Lists, filters and estimates of a data folder, and that what is kept of ended runs is only ever a cache.
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import type { RunId } from '../../src/core/ids.ts';
import type { Outcome } from '../../src/core/outcome.ts';
import { archiveSealed } from '../../src/journal/index.ts';
import { createCatalogue, nsOfMs } from '../../src/runs/index.ts';
import { beginRun, nextRunId, tempData } from '../hub/hub-rig.ts';
import { exit1, runFinished, stepFinished, success, viewOfRun } from './journal-of.ts';

const subject = { step: 'build', attempt: 1 };

async function endedRun(
  data: ReturnType<typeof tempData>,
  { workflow = 'nightly', seconds = 1, outcome = success as Outcome } = {},
): Promise<RunId> {
  const { runId, journal } = beginRun(data, nextRunId(), { workflow });
  journal.event(stepFinished(success, seconds * 1000), subject);
  journal.event(runFinished(outcome));
  await journal.close();
  return runId;
}

const idsOf = (page: { readonly runs: readonly { readonly runId: string }[] }) => page.runs.map(({ runId }) => runId);

test('a list filters by workflow, state, words and time, in pages, newest first', async () => {
  const data = tempData();
  const good = await endedRun(data);
  const bad = await endedRun(data, { outcome: exit1 });
  const other = await endedRun(data, { workflow: 'review' });
  const { runId: active } = beginRun(data);
  const catalogue = createCatalogue({ data });
  const list = (filter: object) => catalogue.list({ limit: 0, ...filter });
  expect(idsOf(await list({}))).toEqual([active, other, bad, good]);
  expect(idsOf(await list({ workflow: 'nightly' }))).toEqual([active, bad, good]);
  expect(idsOf(await list({ states: ['running', 'failure'] }))).toEqual([active, bad]);
  expect(idsOf(await list({ search: 'EXIT CODE 1' }))).toEqual([bad]);
  expect(idsOf(await list({ sinceMs: Date.now() + 3_600_000 }))).toEqual([]);
  expect(await list({ limit: 2 })).toMatchObject({ next: other, unexamined: 2, total: 4 });
  expect(idsOf(await list({ before: other }))).toEqual([bad, good]);
});

test('a run that waits for a limit reads so in a list, and follows its journal', async () => {
  const data = tempData();
  const { runId, journal } = beginRun(data);
  const catalogue = createCatalogue({ data });
  const stateNow = async () => (await catalogue.list({ limit: 1 })).runs[0]?.state;
  expect(await stateNow()).toBe('running');
  const untilNs = nsOfMs(Date.now() + 60_000).toString();
  journal.event({ type: 'step.waiting', reason: 'rate_limit', untilNs, nextAttempt: 2, outcome: exit1 }, subject);
  expect(await stateNow()).toBe('waiting');
  journal.event(runFinished());
  await journal.close();
  expect(await stateNow()).toBe('success');
  expect(await viewOfRun(catalogue, runId)).toMatchObject({ runId, state: 'success', activity: null });
});

test('what a hub keeps of ended runs answers without their journals, until a journal ends elsewhere', async () => {
  const data = tempData();
  mkdirSync(data.hub.dir, { recursive: true });
  const runId = await endedRun(data);
  const hub = createCatalogue({ data });
  await hub.load();
  const before = await hub.list({ limit: 0 });
  hub.save();
  const { journalDir, summaryFile } = data.runDir(runId);
  for (const path of [journalDir, summaryFile]) rmSync(path, { recursive: true, force: true });
  const next = createCatalogue({ data });
  await next.load();
  expect(await next.list({ limit: 0 })).toEqual(before);
  next.confirm(runId, { nextSeq: 1, finished: false });
  expect(idsOf(await next.list({ limit: 0 }))).toEqual([]);
});

test('the end of a run counts as known once all of its journal is archived, until a file comes or goes there', async () => {
  const data = tempData();
  const runId = await endedRun(data);
  const { journalDir } = data.runDir(runId);
  await archiveSealed(data.runDir(runId));
  const hub = createCatalogue({ data });
  await hub.load();
  await hub.rememberEnded([runId]);
  // Archived this very moment, however slow the machine is: what comes within the same tick of the clock would not show.
  const tick = new Date(Date.now() + 3_600_000);
  utimesSync(journalDir, tick, tick);
  hub.markArchived(runId);
  expect(hub.archivedEnd(runId)).toBeUndefined();
  const longAgo = new Date(Date.now() - 60_000);
  utimesSync(journalDir, longAgo, longAgo);
  hub.markArchived(runId);
  hub.save();
  // One line for what was learnt in two steps.
  expect(readFileSync(data.hub.endedRuns, 'utf8').trimEnd().split('\n')).toHaveLength(2);
  const next = createCatalogue({ data });
  await next.load();
  expect(next.archivedEnd(runId)).toBe((await next.endedRunOf(runId))?.nextSeq);
  writeFileSync(path.join(journalDir, 'new'), '');
  expect(next.archivedEnd(runId)).toBeUndefined();
});

test('a list of many runs reads and writes the file of all of them, and shows what the journals say', async () => {
  const data = tempData();
  for (let index = 0; index < 60; index++)
    await endedRun(data, { workflow: `w${index % 3}`, outcome: index % 2 === 0 ? success : exit1 });
  const folded = await createCatalogue({ data }).list({ limit: 0 });
  const first = createCatalogue({ data });
  expect(await first.list({ limit: 0 })).toEqual(folded);
  first.save();
  expect(readFileSync(data.hub.endedRuns, 'utf8').trimEnd().split('\n')).toHaveLength(61);
  for (const { runId } of folded.runs)
    rmSync(path.dirname(data.runDir(runId as RunId).summaryFile), { recursive: true });
  for (const { runId } of folded.runs) mkdirSync(data.runDir(runId as RunId).dir);
  // The first ones are looked for one by one before the file is read, and of them nothing is left.
  const second = await createCatalogue({ data }).list({ limit: 0 });
  expect(second.runs).toEqual(folded.runs.slice(-second.runs.length));
  expect(second.runs.length).toBeGreaterThan(0);
});

test.each([
  ['a torn line', (file: string) => appendFileSync(file, '{"summary":{"run')],
  ['another version', (file: string) => writeFileSync(file, readFileSync(file, 'utf8').replace('Runs":', 'Runs":9'))],
  ['an empty file', (file: string) => writeFileSync(file, '')],
])('with %s in the file, the journals answer', async (_what, damage) => {
  const data = tempData();
  mkdirSync(data.hub.dir, { recursive: true });
  const runId = await endedRun(data);
  const first = createCatalogue({ data });
  await first.load();
  await first.list({ limit: 0 });
  first.save();
  expect(existsSync(data.hub.endedRuns)).toBe(true);
  damage(data.hub.endedRuns);
  const second = createCatalogue({ data });
  await second.load();
  const added = await endedRun(data);
  expect(idsOf(await second.list({ limit: 0 }))).toEqual([added, runId]);
  second.save();
  const third = createCatalogue({ data });
  await third.load();
  for (const id of [added, runId]) rmSync(data.runDir(id).summaryFile, { force: true });
  expect(idsOf(await third.list({ limit: 0 }))).toEqual([added, runId]);
});

test('estimates come from successful runs of the same workflow before the run, and are read once', async () => {
  const data = tempData();
  await endedRun(data, { seconds: 5 });
  await endedRun(data, { seconds: 9, outcome: exit1 });
  await endedRun(data, { seconds: 7, workflow: 'review' });
  const { runId } = beginRun(data);
  await endedRun(data, { seconds: 3 });
  const catalogue = createCatalogue({ data });
  const run = { runId, workflow: 'nightly' };
  expect([...(await catalogue.historyOf(run))]).toEqual([['build', [5000]]]);
  expect(catalogue.historyOf(run)).toBe(catalogue.historyOf(run));
});
