// Finding and ending what a child left behind, and nobody else's processes.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { endLeftoverProcesses, markerOf } from '../../src/run/process/index.ts';
import { readCommand } from '../../src/run/process/proc-files.ts';
import { commandLine } from '../support/processes.ts';
import { until } from '../support/until.ts';
import { createRig, fixture, isRunning } from './rig.ts';

/** A process that is none of ours: started without any of this part's code. */
function bystander(env: Record<string, string>): number {
  const child = spawn('sleep', ['300'], {
    env: { PATH: process.env.PATH ?? '', ...env },
    stdio: 'ignore',
    detached: true,
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child.pid as number;
}

describe('remaining processes', () => {
  it('are found by the mark in their environment, named, and ended, also in a session of their own', async () => {
    const rig = createRig();
    const child = await rig.start(fixture('process-leaves-setsid.sh'));
    await child.ended;
    await child.outputEnded;
    const pid = Number(child.text());
    await until(() => commandLine(pid).startsWith('sleep'));
    const left = await endLeftoverProcesses({ marker: rig.marker, reach: 'own_run' });
    expect(left).toMatchObject({ found: [{ pid, command: 'sleep 300' }], survivors: [] });
    expect(left.signalled.map((each) => each.signal)).toEqual(['SIGTERM']);
    expect(isRunning(pid)).toBe(false);
  });

  it('are found when a daemon has taken off its environment, its session and its parents', async () => {
    const rig = createRig();
    const child = await rig.start(fixture('process-double-forks.sh'), [rig.path('pid')]);
    expect(await child.ended).toEqual({ exitCode: 0, signal: undefined });
    await child.outputEnded;
    const pid = Number(readFileSync(rig.path('pid'), 'utf8'));
    await until(() => commandLine(pid).startsWith('sleep'));
    expect(readFileSync(`/proc/${pid}/environ`, 'utf8')).not.toContain(rig.runId);
    const left = await child.endLeftoverProcesses();
    expect(left.found).toEqual([{ pid, command: 'sleep 300' }]);
    expect(isRunning(pid)).toBe(false);
  });

  it('are remembered from an earlier look, when nothing marks them now', async () => {
    const rig = createRig();
    // Takes off all that a process can inherit from us: environment, session, output, and the lifeline (19).
    const daemon = 'exec 19>&- >/dev/null 2>&1; exec sleep 300';
    const child = await rig.sh(
      `env -i setsid bash -c '${daemon}' & echo $!; while [ ! -e "$1" ]; do sleep 0.01; done`,
      rig.path('go'),
    );
    await until(() => child.output().stdout.lines === 1);
    const pid = Number(child.text());
    await until(() => commandLine(pid).startsWith('sleep'));
    expect((await child.tree.look()).map((info) => info.pid)).toContain(pid);
    writeFileSync(rig.path('go'), '');
    await child.ended;
    expect(await endLeftoverProcesses({ marker: rig.marker, reach: 'own_run' })).toMatchObject({ found: [] });
    expect((await child.endLeftoverProcesses()).found).toEqual([{ pid, command: 'sleep 300' }]);
    expect(isRunning(pid)).toBe(false);
  });

  it('are killed when they ignore the request', async () => {
    const rig = createRig();
    const child = await rig.sh('setsid sh -c "trap \\"\\" TERM; echo ready; while :; do sleep 1; done" & exit 0');
    await child.ended;
    await until(() => child.text().includes('ready'));
    const killNow = AbortSignal.abort();
    const left = await child.endLeftoverProcesses({ killNow });
    expect(left.signalled.map((each) => each.signal)).toEqual(['SIGTERM', 'SIGKILL']);
    expect(left.survivors).toEqual([]);
  });

  it('of another run, another step, or nobody are left alone', async () => {
    const rig = createRig();
    const others = [
      bystander({}),
      bystander({ STEPSPAN_RUN_ID: `${rig.runId}0`, STEPSPAN_STEP_ID: 'one' }),
      bystander({ STEPSPAN_RUN_ID: 'other', STEPSPAN_STEP_ID: 'one' }),
      bystander({ NOT_STEPSPAN_RUN_ID: rig.runId, STEPSPAN_STEP_ID: 'one' }),
      bystander({ A: `x STEPSPAN_RUN_ID=${rig.runId}`, STEPSPAN_STEP_ID: 'one' }),
      bystander({ STEPSPAN_RUN_ID: rig.runId, STEPSPAN_STEP_ID: 'two' }),
    ];
    const mine = bystander({ STEPSPAN_RUN_ID: rig.runId, STEPSPAN_STEP_ID: 'one' });
    await until(() => [...others, mine].every((pid) => commandLine(pid).startsWith('sleep')));
    const left = await endLeftoverProcesses({ marker: markerOf(rig.runId, 'one'), reach: 'own_run' });
    expect(left.found.map((each) => each.pid)).toEqual([mine]);
    expect(isRunning(mine)).toBe(false);
    expect(others.filter(isRunning)).toEqual(others);
  });

  it('of a run whose stepspan was killed are found by the pid and start time that its journal names', async () => {
    const rig = createRig();
    const child = await rig.start('sh', ['-c', 'sleep 300 & echo ready; wait'], {
      env: { PATH: rig.env.PATH },
      marker: [],
    });
    await until(() => child.text().includes('ready'));
    // The shell prints before its background job has become `sleep`.
    await until(async () => {
      const [, job] = await child.tree.look();
      return job !== undefined && readCommand(job.pid) === 'sleep 300';
    });
    const stale = { ...child.identity, startTime: '1' };
    expect(await endLeftoverProcesses({ marker: [], known: [stale], reach: 'own_run' })).toMatchObject({ found: [] });
    const left = await endLeftoverProcesses({ marker: [], known: [child.identity], reach: 'own_run' });
    expect(left.found.map((each) => each.command)).toEqual([expect.stringContaining('sh -c'), 'sleep 300']);
    expect(await child.ended).toMatchObject({ signal: 'SIGTERM' });
  });

  it('are none when everything has ended, and no private folder is left', async () => {
    const rig = createRig();
    const child = await rig.sh('ls -l /proc/$$/fd/1');
    await child.ended;
    await child.outputEnded;
    expect(await child.endLeftoverProcesses()).toEqual({ found: [], signalled: [], survivors: [] });
    const folder = /-> (\S+)\/stdout/.exec(child.text())?.[1] ?? '';
    expect(folder).toContain('stepspan-');
    expect(existsSync(folder)).toBe(false);
  });
});
