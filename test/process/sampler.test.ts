// CPU and memory of real trees.
import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createSampler, type Sample } from '../../src/run/process/index.ts';
import type { TimerClock } from '../../src/run/process/timer-clock.ts';
import { until } from '../support/until.ts';
import { createFakeClock } from './fake-clock.ts';
import { createRig, fixture } from './rig.ts';

/** Samples a burning child to its end. On a very busy machine its end can be missed; then another child is started. */
async function sampleToEnd(children: number, options: { readonly intervalMs: number; readonly clock?: TimerClock }) {
  for (let tries = 0; tries < 10; tries++) {
    const child = await createRig().start(fixture('process-burns.sh'), [String(children)]);
    const sampler = createSampler({ tree: child.tree, onSample: () => {}, ...options });
    await child.ended;
    await child.outputEnded;
    const last = child.lastSeen();
    const totals = await sampler.finish(last);
    if (last !== undefined) return { last, totals };
  }
  throw new Error('the end of no child was seen');
}

describe('sampling a tree', () => {
  // The first, as what was asked once is known.
  it('starts no process of its own', async () => {
    const rig = createRig();
    const started = rig.path('started');
    writeFileSync(rig.path('getconf'), `#!/bin/sh\necho 4096; touch ${started}\n`, { mode: 0o755 });
    vi.stubEnv('PATH', `${path.dirname(started)}:${process.env.PATH}`);
    onTestFinished(() => void vi.unstubAllEnvs());
    const child = await rig.sh('sleep 300');
    const samples: Sample[] = [];
    const sampler = createSampler({ tree: child.tree, intervalMs: 20, onSample: (sample) => samples.push(sample) });
    await until(() => samples.length > 2);
    await sampler.finish();
    expect(existsSync(started)).toBe(false);
  });

  it('sees CPU time, memory and number of processes while they run', async () => {
    const rig = createRig();
    const child = await rig.sh('sh -c "while :; do :; done" & sh -c "while :; do :; done" & echo ready; wait');
    const samples: Sample[] = [];
    const sampler = createSampler({ tree: child.tree, intervalMs: 50, onSample: (sample) => samples.push(sample) });
    await until(() => samples.some((sample) => sample.cpuSeconds > 0.2));
    const last = samples.at(-1) as Sample;
    expect(last.processes).toBe(3);
    expect(last.rssBytes).toBeGreaterThan(1_000_000);
    expect(Math.max(...samples.map((sample) => sample.cpuCores))).toBeGreaterThan(0);
    expect(samples.map((sample) => sample.cpuSeconds)).toEqual(
      samples.map((sample) => sample.cpuSeconds).sort((a, b) => a - b),
    );
    await child.end({ steps: [] });
    const totals = await sampler.finish(child.lastSeen());
    expect(totals.cpuSeconds).toBeGreaterThanOrEqual(last.cpuSeconds);
    expect(totals.maxRssBytes).toBe(Math.max(...samples.map((sample) => sample.rssBytes)));
  });

  it('knows the CPU time of a command that was over before the first sample, children that were gone included', async () => {
    const { last, totals } = await sampleToEnd(5, { intervalMs: 3_600_000, clock: neverDue });
    expect(totals.basis).toBe('complete');
    expect(last.reapedSeconds).toBeGreaterThan(0);
    expect(totals.cpuSeconds).toBeCloseTo(last.ownSeconds + last.reapedSeconds);
  });

  it('counts each second once when it samples a tree of short children', async () => {
    const { last, totals } = await sampleToEnd(12, { intervalMs: 20 });
    const real = last.ownSeconds + last.reapedSeconds;
    // A child that was seen alive was seen in ticks of 10 ms, rounded down like its parent's sum.
    expect(totals.cpuSeconds).toBeGreaterThanOrEqual(real - 0.001);
    expect(totals.cpuSeconds).toBeLessThan(real + 0.1);
  });

  it('says that it is sampled when nobody saw the end of the root', async () => {
    const rig = createRig();
    const child = await rig.sh('sleep 300 & exit 0');
    const sampler = createSampler({ tree: child.tree, onSample: () => {} });
    await child.ended;
    expect((await sampler.finish(child.lastSeen())).basis).toBe('sampled');
  });

  it('reports no sample after it was finished, even if one is under way', async () => {
    const rig = createRig();
    const child = await rig.sh('sleep 300');
    const { promise: held, resolve: letGo } = Promise.withResolvers<void>();
    const clock = createFakeClock();
    let looks = 0;
    const look = async () => {
      looks++;
      await held;
      return child.tree.look();
    };
    let samples = 0;
    const sampler = createSampler({ tree: { look }, clock, onSample: () => samples++ });
    clock.advance(100);
    expect(looks).toBe(1);
    const finishing = sampler.finish();
    letGo();
    await finishing;
    clock.advance(10_000);
    expect(samples).toBe(0);
    expect(clock.pending()).toBe(0);
  });

  it('reports no sample of a tree that has ended', async () => {
    const clock = createFakeClock();
    const { promise: looked, resolve } = Promise.withResolvers<void>();
    const look = async () => {
      resolve();
      return [];
    };
    let samples = 0;
    const sampler = createSampler({ tree: { look }, clock, onSample: () => samples++ });
    clock.advance(100);
    await looked;
    // The next one is planned when this one is done.
    await until(() => clock.pending() === 1);
    expect(samples).toBe(0);
    expect(await sampler.finish()).toEqual({ cpuSeconds: 0, maxRssBytes: 0, basis: 'sampled' });
  });
});

const neverDue = { now: () => performance.now(), after: () => () => {} };
