// Ending real process trees, also those that ignore signals.
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { endTree } from '../../src/run/process/end-tree.ts';
import { readAllPids, readCommand, readStat } from '../../src/run/process/proc-files.ts';
import { isLive, type ProcessInfo } from '../../src/run/process/process-info.ts';
import { systemProcesses } from '../../src/run/process/process-source.ts';
import { createProcessTree } from '../../src/run/process/process-tree.ts';
import { sendSignal } from '../../src/run/process/send-signal.ts';
import { until } from '../support/until.ts';
import { createRig, fixture, isRunning } from './rig.ts';

const short = [
  { signal: 'SIGINT', graceMs: 50 },
  { signal: 'SIGTERM', graceMs: 50 },
  { signal: 'SIGKILL', graceMs: 3000 },
] as const;

describe('ending a process tree', () => {
  it('asks first, and stops when that was enough', async () => {
    const rig = createRig();
    const child = await rig.start('node', [fixture('process-reports-signals.mjs')]);
    await until(() => child.text().includes('ready'));
    const ended = await child.end({ steps: [{ signal: 'SIGTERM', graceMs: 120_000 }] });
    expect(await child.ended).toEqual({ exitCode: 7, signal: undefined });
    await child.outputEnded;
    expect(child.text()).toBe('ready\nSIGTERM\n');
    expect(ended).toEqual({ signalled: [{ signal: 'SIGTERM', pids: [child.pid] }], survivors: [] });
  });

  it('sends each process each signal once, as programs take a second SIGINT for "now"', async () => {
    const rig = createRig();
    const child = await rig.start('node', [fixture('process-reports-signals.mjs')]);
    await until(() => child.text().includes('ready'));
    const steps = [
      { signal: 'SIGINT', graceMs: 300 },
      { signal: 'SIGTERM', graceMs: 120_000 },
    ] as const;
    await child.end({ steps });
    await child.outputEnded;
    expect(child.text()).toBe('ready\nSIGINT\nSIGTERM\n');
  });

  it('kills a tree that ignores SIGINT and SIGTERM, and reports every signal', async () => {
    const rig = createRig();
    const child = await rig.start(fixture('process-ignores-signals.sh'));
    await until(() => child.text().includes('ready'));
    const reported: string[] = [];
    const ended = await child.end({ steps: short, onSignal: (signal) => reported.push(signal) });
    expect(reported).toEqual(['SIGINT', 'SIGTERM', 'SIGKILL']);
    expect(ended.survivors).toEqual([]);
    expect(await child.ended).toEqual({ exitCode: undefined, signal: 'SIGKILL' });
  });

  it('adds the kill that a caller left out', async () => {
    const rig = createRig();
    const child = await rig.start(fixture('process-ignores-signals.sh'));
    await until(() => child.text().includes('ready'));
    const ended = await child.end({ steps: [{ signal: 'SIGTERM', graceMs: 20 }] });
    expect(ended.signalled.map((each) => each.signal)).toEqual(['SIGTERM', 'SIGKILL']);
  });

  it('reaches a child that called setsid, with or without its parent', async () => {
    const rig = createRig();
    const child = await rig.sh('setsid sleep 300 & echo $!; setsid sh -c "sleep 300 & echo \\$!; wait" & wait');
    await until(() => child.output().stdout.lines === 2);
    const pids = child.text().trim().split('\n').map(Number);
    await child.end({ steps: [{ signal: 'SIGTERM', graceMs: 120_000 }] });
    expect([child.pid, ...pids].filter(isRunning)).toEqual([]);
  });

  it('wakes frozen processes, so that they can handle what they are sent', async () => {
    const rig = createRig();
    const child = await rig.start('node', [fixture('process-reports-signals.mjs')]);
    await until(() => child.text().includes('ready'));
    await child.freeze();
    // It ends by itself; only a hang may reach the end of the grace period.
    const ended = await child.end({ steps: [{ signal: 'SIGTERM', graceMs: 120_000 }] });
    expect(ended.signalled.map((each) => each.signal)).toEqual(['SIGTERM']);
    expect((await child.ended).exitCode).toBe(7);
  });

  it('wakes a process whose stop takes effect only after it was signalled', async () => {
    const rig = createRig();
    const child = await rig.start('node', [fixture('process-reports-signals.mjs')]);
    await until(() => child.text().includes('ready'));
    const ended = await child.end({
      steps: [{ signal: 'SIGTERM', graceMs: 120_000 }],
      onSignal: () => process.kill(child.pid, 'SIGSTOP'),
    });
    expect(ended.signalled.map((each) => each.signal)).toEqual(['SIGTERM']);
    expect((await child.ended).exitCode).toBe(7);
  });

  it('shortens every grace period when it has to kill now, also one that is running', async () => {
    const rig = createRig();
    const child = await rig.start(fixture('process-ignores-signals.sh'));
    await until(() => child.text().includes('ready'));
    const killNow = new AbortController();
    const hour = 3_600_000;
    const ended = await child.end({
      steps: [
        { signal: 'SIGINT', graceMs: hour },
        { signal: 'SIGTERM', graceMs: hour },
      ],
      killNow: killNow.signal,
      onSignal: () => killNow.abort(),
    });
    expect(ended.signalled.map((each) => each.signal)).toEqual(['SIGINT', 'SIGTERM', 'SIGKILL']);
    expect(isRunning(child.pid)).toBe(false);
  });

  it('kills at once if that is asked for while it waits', async () => {
    const rig = createRig();
    const child = await rig.start(fixture('process-ignores-signals.sh'));
    await until(() => child.text().includes('ready'));
    const killNow = new AbortController();
    const steps = [{ signal: 'SIGINT', graceMs: 3_600_000 }] as const;
    const onSignal = (signal: string) => {
      if (signal === 'SIGINT') setTimeout(() => killNow.abort(), 20);
    };
    const ended = await child.end({ steps, killNow: killNow.signal, onSignal });
    expect(ended.signalled.map((each) => each.signal)).toEqual(['SIGINT', 'SIGKILL']);
  });

  it('does not wait out a grace period for background jobs of a shell that is gone', async () => {
    const rig = createRig();
    // A shell without job control lets its background jobs ignore SIGINT.
    const child = await rig.sh('sleep 300 & echo $!; trap "exit 9" INT; while :; do sleep 0.05; done');
    await until(() => child.output().stdout.lines === 1);
    const ended = await child.end({ steps: [{ signal: 'SIGINT', graceMs: 3_600_000 }] });
    expect((await child.ended).exitCode).toBe(9);
    expect(isRunning(Number(child.text()))).toBe(false);
    expect(ended.survivors).toEqual([]);
  });

  it('kills a tree that keeps forking', async () => {
    const rig = createRig();
    const child = await rig.sh(
      'trap "" TERM INT; f() { while :; do sleep 0.02 & sleep 0.01; done; }; f & f & f & echo ready; f',
    );
    await until(() => child.text().includes('ready'));
    const ended = await child.end({ steps: [{ signal: 'SIGKILL', graceMs: 5000 }] });
    expect(ended.survivors).toEqual([]);
    expect((await child.tree.search()).filter(isLive)).toEqual([]);
  });

  it('lets nobody slip away between the last look and the kill', async () => {
    const rig = createRig();
    const seconds = `300.${process.pid}`;
    const child = await rig.start(fixture('process-sheds-children.sh'), [seconds]);
    await until(() => commandsWith(seconds).length > 3);
    // A busy machine: time passes before each look and after each search, in which there are more children.
    const slowLook = async () => {
      await delay(50);
      return child.tree.look();
    };
    const slowSearch = async () => {
      const found = await child.tree.search();
      await delay(50);
      return found;
    };
    await endTree({ ...child.tree, look: slowLook, search: slowSearch }, { steps: [] });
    expect(commandsWith(seconds)).toEqual([]);
  });

  it('reaches who shares nothing with it but the session', async () => {
    const rig = createRig();
    const orphan = 'exec 19>&- >/dev/null 2>&1; sleep 300 & echo $! >"$1".new; mv "$1".new "$1"';
    const child = await rig.sh(`env -i bash -c '${orphan}' bash "$1"; echo ready; sleep 300`, rig.path('pid'));
    await until(() => child.text().includes('ready'));
    const pid = Number(readFileSync(rig.path('pid'), 'utf8'));
    expect((await child.tree.look()).map((info) => info.pid)).not.toContain(pid);
    expect((await child.tree.search()).map((info) => info.pid)).toContain(pid);
    await child.end({ steps: [] });
    expect(isRunning(pid)).toBe(false);
  });

  it('does nothing for a tree that is gone', async () => {
    const child = await createRig().start('true');
    await child.ended;
    await child.outputEnded;
    expect(await child.end()).toEqual({ signalled: [], survivors: [] });
  });

  it('returns who cannot be killed, after a bounded wait', async () => {
    const rig = createRig();
    const child = await rig.sh('echo ready; sleep 300');
    await until(() => child.text().includes('ready'));
    const stuck = readStat(child.pid) as ProcessInfo;
    // A process in state D cannot be made on purpose: a tree whose only member never ends takes its place.
    const tree = {
      source: systemProcesses,
      root: stuck,
      look: async () => [{ ...stuck, pid: 4_000_000 }],
      search: async () => [{ ...stuck, pid: 4_000_000 }],
    };
    const ended = await endTree(tree, { steps: [{ signal: 'SIGKILL', graceMs: 50 }] });
    expect(ended).toMatchObject({ signalled: [], survivors: [{ pid: 4_000_000 }] });
  });

  it('comes to an end, and takes no process for dead, if no process can be looked up', async () => {
    const rig = createRig();
    const child = await rig.sh('echo ready; sleep 300');
    await until(() => child.text().includes('ready'));
    const members = [...(await child.tree.look())];
    let looks = 0;
    const failing = async () => {
      if (looks++ === 0) return members;
      throw Object.assign(new Error('too many open files'), { code: 'EMFILE' });
    };
    const source = { ...systemProcesses, get: failing };
    const ended = await endTree({ root: undefined, source, look: failing, search: failing }, { steps: short });
    expect(ended.signalled).toEqual([]);
    expect(ended.survivors).toEqual(members);
  });
});

describe('a signal', () => {
  it('never goes to a process that got the pid of a member later', async () => {
    const rig = createRig();
    const child = await rig.sh('echo ready; sleep 300');
    await until(() => child.text().includes('ready'));
    const earlier = { ...(readStat(child.pid) as ProcessInfo), startTime: '1' };
    expect(await sendSignal([earlier], 'SIGKILL', systemProcesses)).toEqual([]);
    expect(await createProcessTree({ known: [earlier], marker: [], reach: 'own_step' }).look()).toEqual([]);
    expect(isRunning(child.pid)).toBe(true);
  });

  it('never goes to this process or its ancestors, whatever mark they carry', async () => {
    const self = readStat(process.pid) as ProcessInfo;
    const parent = readStat(process.ppid) as ProcessInfo;
    expect(await sendSignal([self, parent], 'SIGCONT', systemProcesses)).toEqual([]);
    const tree = createProcessTree({ known: [self, parent], marker: [], reach: 'own_step' });
    const pids = (await tree.look()).map((info) => info.pid);
    expect(pids).not.toContain(process.pid);
    expect(pids).not.toContain(process.ppid);
    const own = readFileSync('/proc/self/environ', 'utf8').split('\0')[0] as string;
    const marked = await createProcessTree({ known: [], marker: [own], reach: 'own_step' }).search();
    expect(marked.map((info) => info.pid)).not.toContain(process.pid);
  });

  it('does not go to a zombie, which counts as dead', async () => {
    const rig = createRig();
    const child = await rig.start(fixture('process-makes-zombie.sh'));
    await until(() => child.output().stdout.lines === 1);
    const pid = Number(child.text());
    await until(() => readStat(pid)?.state === 'Z');
    expect(await sendSignal(await systemProcesses.get([pid]), 'SIGKILL', systemProcesses)).toEqual([]);
    expect((await child.tree.look()).map((info) => info.state).sort()).toContain('Z');
  });
});

/** Pids of live processes with the text in their command line. */
function commandsWith(text: string): number[] {
  return readAllPids().filter((pid) => isRunning(pid) && readCommand(pid).includes(`sleep ${text}`));
}
