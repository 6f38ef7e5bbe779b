// Freezing a real tree and continuing it.
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { readStat } from '../../src/run/process/proc-files.ts';
import { until } from '../support/until.ts';
import { createRig, fixture } from './rig.ts';

/** Stopped; ended, while its parent is stopped and cannot wait for it; or, as a shell that was stopped in vfork(2), waiting in the kernel for a child that is stopped before its exec. */
const isStill = (state: string | undefined): boolean => state === 'T' || state === 'Z' || state === 'D';

describe('freezing a tree', () => {
  it('stops every process of it, and thawing continues all', async () => {
    const rig = createRig();
    const files = [rig.path('count'), rig.path('count.child')];
    const counts = () => files.map((file) => Number(readFileSync(file, 'utf8')));
    const child = await rig.start(fixture('process-counts.sh'), [rig.path('count')]);
    await until(() => {
      try {
        return counts().every((count) => count > 2);
      } catch {
        return false;
      }
    });
    expect(await child.freeze()).toBeGreaterThanOrEqual(2);
    await until(async () => (await child.tree.look()).every(({ state }) => isStill(state)));
    const frozen = counts();
    await delay(100);
    expect(counts()).toEqual(frozen);
    await child.thaw();
    await until(() => counts().every((count, index) => count > (frozen[index] ?? 0) + 2));
    await child.end({ steps: [{ signal: 'SIGTERM', graceMs: 5000 }] });
  });

  it('does not wake a process that had stopped itself', async () => {
    const rig = createRig();
    const child = await rig.sh('sh -c "kill -STOP \\$\\$" & echo $!; while :; do sleep 0.01; done');
    await until(() => child.output().stdout.lines === 1);
    const pid = Number(child.text());
    await until(() => readStat(pid)?.state === 'T');
    await child.freeze();
    await until(() => isStill(readStat(child.pid)?.state));
    await child.thaw();
    await until(() => !isStill(readStat(child.pid)?.state));
    expect(readStat(pid)?.state).toBe('T');
  });
});
