// Runs whose stepspan was killed: their processes ended, their journal closed, by one process and once.
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync, truncateSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Event, EventOf } from '../../src/core/event.ts';
import { newRunId, type RunId } from '../../src/core/ids.ts';
import type { EventRecord } from '../../src/core/record.ts';
import { adoptRun } from '../../src/hub/index.ts';
import {
  acquireLock,
  createJournal,
  type DataFolder,
  lockHolder,
  openJournal,
  runLockPath,
} from '../../src/journal/index.ts';
import { foldAll } from '../../src/runs/index.ts';
import { readRunState } from '../../src/runs/saved-state.ts';
import { startFixture } from '../journal/journal-rig.ts';
import { isRunning } from '../process/rig.ts';
import { runStarted } from '../runs/journal-of.ts';
import { failOnProblem, readRecords } from '../support/journal.ts';
import { commandLine } from '../support/processes.ts';
import { until } from '../support/until.ts';
import { beginRun, endRun, hubOf, nextRunId, scrapeUntil, tempData } from './hub-rig.ts';

const abandoned = {
  kind: 'error',
  reason: 'abandoned',
  message: expect.stringMatching(/^stepspan \(pid \d+\) was killed; the hub marked this run as abandoned$/),
};

/** A stepspan that was killed in the middle of its second step; its children still run. */
async function killedRun(data: DataFolder): Promise<{ runId: RunId; pids: readonly number[] }> {
  const runId = newRunId();
  const stepspan = startFixture('killed-run.ts', data.root, runId);
  const [printed] = (await once(stepspan.stdout, 'data')) as [Buffer];
  const pids = JSON.parse(printed.toString()) as number[];
  // Before it is killed: a hub may end them at once.
  await until(() => pids.every((pid) => commandLine(pid).startsWith('sleep')));
  stepspan.kill('SIGKILL');
  await once(stepspan, 'close');
  return { runId, pids };
}

async function eventsOf(data: DataFolder, runId: RunId): Promise<EventRecord[]> {
  return (await readRecords(data.runDir(runId))).filter((record) => record.kind === 'event');
}

const ofType = <T extends Event['type']>(records: readonly EventRecord[], type: T) =>
  records.filter((record): record is EventRecord & { event: EventOf<T> } => record.event.type === type);

describe('a run whose stepspan was killed', () => {
  test('loses its processes, also those in other sessions, and is closed as abandoned', async () => {
    const data = tempData();
    const { runId, pids } = await killedRun(data);
    const folder = data.runDir(runId);
    expect(pids.every(isRunning)).toBe(true);

    expect(await adoptRun(folder)).toMatchObject({ kind: 'adopted', processes: 3, survivors: [] });

    expect(pids.filter(isRunning)).toEqual([]);
    expect(lockHolder(runLockPath(folder, 'writer'))).toBeUndefined();
    expect(await openJournal(folder).head()).toMatchObject({ finished: true });
    const records = await readRecords(folder);
    expect(records.at(-1)).toMatchObject({
      kind: 'event',
      event: { type: 'run.finished', outcome: abandoned, costUsd: 0.5, costUnknown: true },
    });

    const events = await eventsOf(data, runId);
    const steps = ofType(events, 'step.finished').map(({ subject, event }) => [subject, event.outcome]);
    expect(steps).toEqual([
      [{ step: 'before', attempt: 1 }, { kind: 'success' }],
      [{ step: 'build', attempt: 1 }, abandoned],
      [
        { step: 'after', attempt: 0 },
        { kind: 'skip', reason: 'run_ended', message: expect.any(String) },
      ],
    ]);
    expect(ofType(events, 'step.finished')[1]?.event).toMatchObject({ output: 'at work', outputCut: false });
    expect(ofType(events, 'attempt.finished')).toMatchObject([
      {
        subject: { step: 'build', attempt: 1 },
        event: { outcome: abandoned, cpuSeconds: 1.5, maxRssBytes: 4096, lines: { stdout: 1 } },
      },
    ]);
    // Claude Code may have continued for as long as nobody had adopted the run.
    const unknown = expect.stringContaining('what it used after that is not known');
    expect(ofType(events, 'claude.cost')).toMatchObject([{ event: { costUsd: 0.5, estimated: true, unknown } }]);
    // The event names the step of each process if it is known, and no arguments, which may hold a secret.
    const left = ofType(events, 'process.orphaned');
    expect(left.map(({ subject }) => subject)).toEqual([{ step: 'build', attempt: 1 }, undefined]);
    const named = left.flatMap(({ event }) => event.processes);
    expect(named.map(({ pid }) => pid).sort()).toEqual([...pids].sort());
    expect(new Set(named.map(({ command }) => command))).toEqual(new Set(['sleep']));
    expect(foldAll(records).phase).toMatchObject({ kind: 'finished' });
  });

  test('is adopted by the hub without being asked, and counted', async () => {
    const data = tempData();
    const hub = await hubOf(data);
    const { runId, pids } = await killedRun(data);
    const scraped = await scrapeUntil(
      hub.url,
      (now) =>
        // Each of these series is new, and shows its value one scrape after its 0.
        now.sum('stepspan_run_failures_total', { reason: 'abandoned' }) === 1 &&
        now.value('stepspan_adopted_runs_total') === 1 &&
        now.value('stepspan_runs_total', { outcome: 'error' }) === 1 &&
        now.value('stepspan_left_over_processes_total') === 3,
    );
    expect(scraped.value('stepspan_active_runs')).toBe(0);
    expect(scraped.value('stepspan_cost_usd_total', { model: 'opus' })).toBe(0.5);
    expect(pids.filter(isRunning)).toEqual([]);
    expect(hub.lines.join('\n')).toMatch(
      new RegExp(`run ${runId}: stepspan \\(pid \\d+\\) was killed; the run is marked as abandoned`),
    );
  });

  test('loses its processes too when many runs have died at once', async () => {
    const data = tempData();
    const others = Array.from({ length: 4 }, () => beginRun(data));
    for (const { journal } of others) await journal.close();
    const { runId, pids } = await killedRun(data);
    const hub = await hubOf(data);
    await scrapeUntil(hub.url, (now) => now.value('stepspan_adopted_runs_total') === 5);
    expect(pids.filter(isRunning)).toEqual([]);
    expect(hub.lines.join('\n')).toContain(`run ${runId}: stepspan (pid `);
    expect(hub.lines.filter((line) => line.includes('3 of its processes were still running'))).toHaveLength(1);
    expect(hub.lines.filter((line) => line.includes('is marked as abandoned'))).toHaveLength(5);
  });

  test('is adopted by one of several that try at once', async () => {
    const data = tempData();
    const { runId } = await killedRun(data);
    const folder = data.runDir(runId);
    const kinds = (await Promise.all([adoptRun(folder), adoptRun(folder), adoptRun(folder)])).map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === 'adopted')).toHaveLength(1);
    expect(ofType(await eventsOf(data, runId), 'run.finished')).toHaveLength(1);
    expect(await adoptRun(folder)).toEqual({ kind: 'finished' });
  });
});

describe('what needs no adoption stays as it is', () => {
  test('a run whose stepspan lives', async () => {
    const data = tempData();
    const run = beginRun(data);
    const folder = data.runDir(run.runId);
    expect(await adoptRun(folder)).toMatchObject({ kind: 'running', by: { pid: process.pid } });
    await endRun(run);
    expect(await adoptRun(folder)).toEqual({ kind: 'finished' });
    expect(ofType(await eventsOf(data, run.runId), 'run.finished')).toHaveLength(1);
  });

  test('a run that has no journal yet', async () => {
    const data = tempData();
    const folder = data.runDir(nextRunId());
    expect(await adoptRun(folder)).toEqual({ kind: 'no_journal' });
  });
});

describe('also adopted is', () => {
  test('a run that died between two attempts, of whose steps none runs', async () => {
    const data = tempData();
    const { runId, journal } = beginRun(data);
    const subject = { step: 'build', attempt: 1 };
    const outcome = { kind: 'failure', reason: 'exit_code', message: 'exit code 1' } as const;
    journal.event(
      { type: 'attempt.finished', outcome, durationMs: 1, pausedMs: 0, cpuSeconds: 0, maxRssBytes: 0, lines: {} },
      subject,
    );
    journal.event({ type: 'step.retrying', nextAttempt: 2, delayMs: 60_000, outcome }, subject);
    await journal.close();
    expect(await adoptRun(data.runDir(runId))).toMatchObject({ kind: 'adopted', processes: 0 });
    const events = await eventsOf(data, runId);
    expect(ofType(events, 'attempt.finished')).toHaveLength(1);
    expect(ofType(events, 'step.finished')).toMatchObject([{ subject, event: { outcome: abandoned, attempts: 1 } }]);
  });

  test('a run whose end a power cut took, after it had been read and its fold saved', async () => {
    const data = tempData();
    const run = beginRun(data);
    const folder = data.runDir(run.runId);
    await run.journal.sync();
    const segment = path.join(folder.journalDir, readdirSync(folder.journalDir)[0] ?? '');
    const { size } = statSync(segment);
    await endRun(run);
    expect((await readRunState(folder, failOnProblem))?.phase).toMatchObject({ outcome: { kind: 'success' } });
    truncateSync(segment, size);

    expect(await adoptRun(folder)).toMatchObject({ kind: 'adopted' });

    expect((await readRunState(folder, failOnProblem))?.phase).toMatchObject({ outcome: abandoned });
  });

  test('a run that died before it could say anything', async () => {
    const data = tempData();
    const runId = nextRunId();
    const journal = createJournal(data.runDir(runId));
    journal.event({ type: 'step.started' });
    await journal.close();
    expect(await adoptRun(data.runDir(runId))).toMatchObject({ kind: 'adopted' });
    expect((await eventsOf(data, runId)).at(-1)).toMatchObject({ event: { type: 'run.finished', durationMs: 0 } });
  });

  test('a run of another machine, without a look at the processes of this one', async () => {
    const data = tempData();
    const { runId, pids } = await killedRun(data);
    const elsewhere = nextRunId();
    const journal = createJournal(data.runDir(elsewhere));
    journal.event(runStarted(['build'], { runId: elsewhere, writer: { pid: 1, startTime: '1', host: 'elsewhere' } }));
    journal.event(
      { type: 'attempt.started', command: 'x', cwd: '/', pid: pids[0], pidStartTime: readStartTime(pids[0] ?? 0) },
      { step: 'build', attempt: 1 },
    );
    await journal.close();
    expect(await adoptRun(data.runDir(elsewhere))).toMatchObject({ kind: 'adopted', processes: 0 });
    expect(pids.every(isRunning)).toBe(true);
    await adoptRun(data.runDir(runId));
  });
});

test('a run that another process is just closing is left to it', async () => {
  const data = tempData();
  const { runId, journal } = beginRun(data);
  await journal.close();
  const lock = await acquireLock(data.runDir(runId), 'writer', 'closing');
  expect(await adoptRun(data.runDir(runId))).toMatchObject({ kind: 'running', by: { detail: 'closing' } });
  if (lock.kind === 'acquired') lock.release();
  expect(await adoptRun(data.runDir(runId))).toMatchObject({ kind: 'adopted' });
});

/** Field 22 of /proc/PID/stat. */
function readStartTime(pid: number): string {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}
