// Looking processes up, by /proc and by ps.
import { copyFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { endLeftoverProcesses } from '../../src/run/process/index.ts';
import { createPortableSource } from '../../src/run/process/portable-source.ts';
import { readCommand, readStat } from '../../src/run/process/proc-files.ts';
import { systemProcesses } from '../../src/run/process/process-source.ts';
import { createProcessTree } from '../../src/run/process/process-tree.ts';
import { until } from '../support/until.ts';
import { createRig, fixture, isRunning } from './rig.ts';

describe.each([
  ['/proc', systemProcesses],
  ['ps and pidtree', createPortableSource()],
] as const)('looking processes up by %s', (_name, source) => {
  it('finds a process and all below it, parents first', async () => {
    const rig = createRig();
    const child = await rig.sh('sh -c "sleep 300 & echo \\$\\$ \\$!; wait" & wait');
    await until(() => child.output().stdout.lines === 1);
    const [middle, leaf] = child.text().trim().split(' ').map(Number);
    await until(() => readCommand(leaf as number) === 'sleep 300');
    const found = await source.withDescendants([child.pid]);
    expect(found.map((info) => info.pid)).toEqual([child.pid, middle, leaf]);
    expect(found.map((info) => info.parentPid)).toEqual([process.pid, child.pid, middle]);
    expect(new Set(found.map((info) => info.groupId))).toEqual(new Set([child.pid]));
    expect(await source.command(leaf as number)).toBe('sleep 300');
    expect(await source.get([leaf as number])).toEqual([found[2]]);
  });

  it('finds nothing for a pid that nobody has', async () => {
    expect(await source.get([4_000_000])).toEqual([]);
    expect(await source.get([])).toEqual([]);
    expect(await source.withDescendants([4_000_000])).toEqual([]);
  });

  it('distinguishes a zombie from a live process', async () => {
    const rig = createRig();
    const child = await rig.start(fixture('process-makes-zombie.sh'));
    await until(() => child.output().stdout.lines === 1);
    const pid = Number(child.text());
    await until(() => readStat(pid)?.state === 'Z');
    expect((await source.get([pid])).map((info) => info.state)).toEqual(['Z']);
  });

  it('is enough to end what a process left in its group', async () => {
    const rig = createRig();
    const child = await rig.sh('sleep 300 & echo $!; sleep 300');
    await until(() => child.output().stdout.lines === 1);
    const pid = Number(child.text());
    const [identity] = await source.get([child.pid]);
    const tree = createProcessTree({ known: identity ? [identity] : [], marker: [], reach: 'own_step', source });
    await until(async () => (await tree.look()).length === 3);
    expect((await tree.look()).map((info) => info.pid)).toContain(pid);
    const left = await endLeftoverProcesses(tree);
    expect(left.found.length).toBe(3);
    expect(isRunning(pid)).toBe(false);
    expect(left.survivors).toEqual([]);
  });

  it('reads a process whose name holds spaces and brackets', async () => {
    const rig = createRig();
    copyFileSync('/bin/sleep', rig.path('a) R 1 (b'));
    const child = await rig.start(rig.path('a) R 1 (b'), ['300']);
    const [info] = await source.get([child.pid]);
    expect(info).toMatchObject({ pid: child.pid, parentPid: process.pid, groupId: child.pid });
    expect(info?.state).toMatch(/^[RSD]$/);
    expect(info?.startTime).toMatch(/\d/);
  });
});
