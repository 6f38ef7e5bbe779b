// Which step runs when: needs, concurrency, retries and their waits, what a run may do beside another one.
import { mkdirSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CliRig, outcomesOf, startCliRig } from '../support/cli-rig.ts';
import type { RunJournal } from '../support/journal.ts';

let rig: CliRig;
beforeAll(async () => {
  rig = await startCliRig();
});
afterAll(() => rig.close());

const span = (journal: RunJournal, step: string): readonly [bigint, bigint] => [
  journal.events('attempt.started', step)[0]?.timeNs ?? 0n,
  journal.events('attempt.finished', step).at(-1)?.timeNs ?? 0n,
];

describe('steps', () => {
  const meeting = `
name: meeting
steps:
  # Each ends only when the other has begun.
  - {id: a, timeout: 2m, run: 'touch a; until [ -e b ]; do sleep 0.02; done'}
  - {id: b, timeout: 2m, run: 'touch b; until [ -e a ]; do sleep 0.02; done'}
  - {id: c, needs: [a, b], run: 'true'}
`;

  test('that do not need one another run at the same time, and those that do one after the other', async () => {
    const { code, result } = await rig.runYaml(meeting);
    expect([code, result.outcome]).toEqual([0, 'success']);
    const journal = await rig.journal(result.runId);
    const [a, b, c] = ['a', 'b', 'c'].map((step) => span(journal, step)) as [
      [bigint, bigint],
      [bigint, bigint],
      [bigint, bigint],
    ];
    expect(a[0] < b[1] && b[0] < a[1]).toBe(true);
    expect(c[0] > a[1] && c[0] > b[1]).toBe(true);
  });

  test('run one after the other at concurrency 1, which a flag sets over the file', async () => {
    const { code, result } = await rig.runYaml(
      'name: single\nconcurrency: 3\nsteps: [{id: a, run: sleep 0.1}, {id: b, run: sleep 0.1}, {id: c, run: sleep 0.1}]',
      ['--concurrency', '1'],
    );
    expect(code).toBe(0);
    const journal = await rig.journal(result.runId);
    const spans = ['a', 'b', 'c'].map((step) => span(journal, step));
    for (const [at, [begin]] of spans.entries()) {
      if (at > 0) expect(begin > (spans[at - 1]?.[1] ?? 0n)).toBe(true);
    }
    expect(journal.events('run.started')[0]?.concurrency).toBe(1);
  });

  test('are tried again after growing waits, for the outcomes that were named, and give the last output', async () => {
    const { code, result } = await rig.runYaml(`
name: retries
steps:
  - id: third
    retries: {max: 5, delay: 100ms, factor: 2, maxDelay: 150ms, on: [failure]}
    run: 'echo "try $STEPSPAN_ATTEMPT"; [ "$STEPSPAN_ATTEMPT" = 4 ]'
  - id: notThis
    retries: {max: 5, delay: 0s, on: [timeout]}
    run: exit 3
  - id: slow
    retries: {max: 1, delay: 0s, on: [timeout]}
    timeout: 200ms
    run: sleep 60
  - {id: next, needs: third, run: 'echo "$STEPSPAN_OUTPUT_THIRD"'}
`);
    expect(code).toBe(1);
    expect(outcomesOf(result)).toEqual({ third: 'success', notThis: 'failure', slow: 'timeout', next: 'success' });
    expect(result.steps.map(({ attempts }) => attempts)).toEqual([4, 1, 2, 1]);
    const journal = await rig.journal(result.runId);
    const retries = journal.events('step.retrying', 'third');
    expect(retries.map(({ delayMs, nextAttempt }) => [nextAttempt, delayMs])).toEqual([
      [2, 100],
      [3, 150],
      [4, 150],
    ]);
    const starts = journal.events('attempt.started', 'third');
    for (const [at, { timeNs, delayMs }] of retries.entries()) {
      expect((starts[at + 1]?.timeNs ?? 0n) - timeNs >= BigInt(delayMs) * 1_000_000n).toBe(true);
    }
    expect(journal.text('stdout', 'next')).toBe('try 4\n');
  });
});

describe('a working folder', () => {
  test('is written in by one run at a time, also through a link or from a folder inside, unless that is asked for', async () => {
    const yaml = (flags: string): string => `name: w\nsteps: [{id: a, ${flags}run: echo hi}]`;
    const holder = rig.write('holder.yaml', 'name: holder\nsteps: [{id: a, run: echo ready; sleep 60}]');
    const same = rig.write('same.yaml', yaml(''));
    const inside = rig.write('inside/w.yaml', yaml(''));
    const readOnly = rig.write('read.yaml', yaml('readOnly: true, '));
    symlinkSync(rig.work, path.join(rig.folder, 'link'));
    mkdirSync(path.join(rig.folder, 'work-2'));
    const cli = rig.start(['run', holder]);
    await cli.said('a | ready');
    const [runId = ''] = rig.runIds();
    const before = rig.runIds();

    const attempts = [[same], [inside], [path.join(rig.folder, 'link/same.yaml')]];
    const refusals = await Promise.all(attempts.map((args) => rig.run(['run', ...args])));
    for (const { code, stderr } of refusals) {
      expect(code).toBe(6);
      expect(stderr).toContain(`run ${runId} (process ${cli.child.pid} on `);
      expect(stderr).toMatch(/readOnly: true.*--shared/s);
    }
    expect(rig.runIds()).toEqual(before);
    const resumed = await rig.run(['resume', runId]);
    expect(resumed.code).toBe(6);
    expect(resumed.stderr).toContain(`run ${runId} is still active in process ${cli.child.pid}`);

    const allowed = await Promise.all([
      rig.run(['run', same, '--shared']),
      rig.run(['run', readOnly]),
      rig.run(['exec', '--shared', '--', 'true']),
    ]);
    expect(allowed.map(({ code }) => code)).toEqual([0, 0, 0]);

    // A holder that was killed holds nothing.
    cli.child.kill('SIGKILL');
    await cli.done;
    expect((await rig.run(['run', same])).code).toBe(0);
  });
});
