// A run that is ended from outside: what each signal does, what it leaves, and what a second one changes.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { resultOf } from '../support/cli.ts';
import { type CliRig, outcomesOf, startCliRig } from '../support/cli-rig.ts';
import { until } from '../support/until.ts';

let rig: CliRig;
beforeAll(async () => {
  rig = await startCliRig();
});
afterAll(() => rig.close());

describe('a signal', () => {
  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)(
    '%s cancels the run: its children end politely, nothing else starts, exit code %i',
    async (signal, exit) => {
      const file = rig.write(
        `${signal}.yaml`,
        `
name: polite
steps:
  - id: a
    run: |
      trap 'echo got INT; sleep 0.2; echo cleaned up; exit 3' INT
      (sleep 0.1; echo ready) & sleep 60 & wait $!
  - {id: b, needs: a, when: always(), run: 'true'}
  - {id: w, retries: {max: 3, delay: 1m}, readOnly: true, run: exit 1}
`,
      );
      const cli = rig.start(['run', file, '--json', '--shared']);
      await cli.said('a | ready');
      await cli.said(/w .*again|w .*attempt 2/);
      cli.child.kill(signal);
      const finished = await cli.done;
      const result = resultOf(finished);
      expect([finished.code, result.outcome, result.message]).toEqual([exit, 'cancellation', `cancelled by ${signal}`]);
      expect(outcomesOf(result)).toEqual({ a: 'cancellation', b: 'skip', w: 'failure' });
      const journal = await rig.journal(result.runId);
      expect(journal.text('stdout', 'a')).toBe('ready\ngot INT\ncleaned up\n');
      // A shell lets its background jobs ignore SIGINT, so `sleep` gets a second signal; nobody is killed.
      expect(journal.events('process.signalled').map((event) => event.signal)).toEqual(['SIGINT', 'SIGTERM']);
      expect(journal.events('run.cancelling')).toMatchObject([{ by: signal }]);
      expect(rig.processes()).toEqual([]);
    },
  );

  test('while the run begins cancels it as well, and leaves nothing running or open', async () => {
    const file = rig.write(
      'early.yaml',
      'name: early\nsteps: [{id: a, readOnly: true, run: "trap : TERM; sleep 300"}]',
    );
    const before = rig.runIds();
    const cli = rig.start(['run', file]);
    // The folder of the run is made just before its first record.
    while (rig.runIds().length === before.length) await nextTurn();
    cli.child.kill('SIGINT');
    expect((await cli.done).code).toBe(130);
    const [runId = ''] = rig.runIds().filter((id) => !before.includes(id));
    const journal = await rig.journal(runId);
    expect(journal.events('run.finished')).toMatchObject([{ outcome: { kind: 'cancellation' } }]);
    expect(rig.processes()).toEqual([]);
  });

  test.each([
    ['SIGINT given twice', ['SIGINT', 'SIGINT'], 130],
    ['SIGQUIT', ['SIGQUIT'], 131],
  ] as const)(
    '%s kills now: children that ignore every signal, in sessions of their own, are dead at once',
    async (_, sent, code) => {
      const file = rig.write(
        'stubborn.yaml',
        `
name: stubborn
steps:
  - id: a
    run: |
      trap '' INT TERM HUP
      (setsid env -i sh -c 'trap "" INT TERM HUP; sleep 300; sleep 300' &)
      echo ready
      while :; do sleep 1; done
`,
      );
      const cli = rig.start(['run', file, '--json']);
      await cli.said('a | ready');
      await until(() => rig.processes().length >= 3);
      for (const signal of sent) {
        cli.child.kill(signal);
        await cli.said('cancelling');
      }
      const finished = await cli.done;
      expect(finished.code).toBe(code);
      const journal = await rig.journal(resultOf(finished).runId);
      const signals = journal.events('process.signalled');
      expect(signals.map(({ signal }) => signal)).toEqual(['SIGINT', 'SIGTERM', 'SIGKILL']);
      // Without the second one each of the first two signals has a grace period of 5 s, so the third comes after 10.
      const first = signals[0]?.timeNs ?? 0n;
      expect(Number((signals[2]?.timeNs ?? 0n) - first) / 1e9).toBeLessThan(10);
      expect(journal.events('run.cancelling')).toHaveLength(1);
      expect(rig.processes()).toEqual([]);
    },
  );

  test('before the first step has begun still leaves a complete journal', async () => {
    const file = rig.write('early.yaml', 'name: early\nsteps: [{id: a, run: sleep 60}]');
    const cli = rig.start(['run', file, '--json']);
    await cli.said('started with 1 step');
    cli.child.kill('SIGINT');
    const finished = await cli.done;
    expect([finished.code, resultOf(finished).outcome]).toEqual([130, 'cancellation']);
    expect(rig.processes()).toEqual([]);
  });
});
