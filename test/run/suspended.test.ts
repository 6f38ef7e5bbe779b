// Time in which stepspan itself was stopped, as by SIGSTOP, Ctrl-Z or a laptop that sleeps: it counts for no limit.
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RunningCli, resultOf } from '../support/cli.ts';
import { type CliRig, outcomesOf, startCliRig } from '../support/cli-rig.ts';
import { until } from '../support/until.ts';

let rig: CliRig;
beforeAll(async () => {
  rig = await startCliRig();
});
afterAll(() => rig.close());

const stateOf = (pid: number): string => readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.[0] ?? '';

/** Stops stepspan alone, lets its children run for longer than every limit of the workflow, and continues it. */
async function suspend(cli: RunningCli, ms: number): Promise<void> {
  const pid = cli.child.pid ?? 0;
  process.kill(pid, 'SIGSTOP');
  await until(() => stateOf(pid) === 'T', { what: 'stepspan is stopped' });
  // The limit has to pass while nobody looks; a slower machine only makes this longer.
  await sleep(ms);
  process.kill(pid, 'SIGCONT');
}

describe('while stepspan is stopped', () => {
  test('no timeout, stall clock or wait for a retry moves, and the record says how long it was', async () => {
    const file = rig.write(
      'asleep.yaml',
      `
name: asleep
concurrency: 8
timeout: 10s
steps:
  - {id: ended, readOnly: true, timeout: 8s, run: 'echo up; sleep 1; echo done'}
  - {id: alive, readOnly: true, timeout: 8s, run: 'echo up; until test -e go; do sleep 0.1; done'}
  - {id: quiet, readOnly: true, stalls: {noOutput: {after: 8s, action: kill}}, run: 'echo up; until test -e go; do sleep 0.1; done'}
  - {id: again, readOnly: true, retries: {max: 1, delay: 4s}, run: 'test -e go'}
`,
    );
    const cli = rig.start(['run', file, '--json', '--shared']);
    for (const step of ['ended', 'alive', 'quiet']) await cli.said(`${step} | up`);
    await cli.said(/again \S attempt 2/);
    await suspend(cli, 11_000);
    await cli.said('was suspended for');
    rig.write('go', '');
    const result = resultOf(await cli.done);
    expect(outcomesOf(result)).toEqual({ ended: 'success', alive: 'success', quiet: 'success', again: 'success' });
    const journal = await rig.journal(result.runId);
    const [suspended] = journal.events('run.suspended');
    expect(suspended?.suspendedMs).toBeGreaterThan(10_000);
    expect(journal.events('attempt.finished', 'alive')[0]?.pausedMs).toBeGreaterThan(10_000);
    expect(journal.text('system')).toContain('no timeout or wait counts that time');
  });

  test('the grace periods of a cancellation stand still too', async () => {
    const file = rig.write(
      'grace.yaml',
      `
name: grace
steps:
  - id: a
    run: |
      trap 'until test -e tidy; do sleep 0.1; done; echo tidied; exit 3' INT
      echo up; while :; do sleep 0.1; done
`,
    );
    const cli = rig.start(['run', file, '--json', '--shared']);
    await cli.said('a | up');
    cli.child.kill('SIGINT');
    await cli.said('ending the run');
    await suspend(cli, 11_000);
    await cli.said('was suspended for');
    rig.write('tidy', '');
    const journal = await rig.journal(resultOf(await cli.done).runId);
    expect(journal.text('stdout', 'a')).toContain('tidied');
    expect(journal.events('process.signalled').map(({ signal }) => signal)).not.toContain('SIGKILL');
  });
});
