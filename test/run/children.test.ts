// What a child is given, and that none outlives its step, its run, or a stepspan that was killed.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { spanIdOf, traceIdOf } from '../../src/core/ids.ts';
import { adoptRun } from '../../src/hub/adopt-run.ts';
import { dataFolder } from '../../src/journal/index.ts';
import { type CliRig, startCliRig } from '../support/cli-rig.ts';
import { until } from '../support/until.ts';

let rig: CliRig;
beforeAll(async () => {
  rig = await startCliRig();
});
afterAll(() => rig.close());

describe('a child', () => {
  test('gets its run, step and span by variables, its values unspliced, an empty stdin and no shell for a list', async () => {
    const nasty = '$(touch pwned) `touch pwned` "q" \'s\' ; & | > x\n{{ params.b }} é😀\\n %s -e';
    rig.write(
      'show.mjs',
      "process.stdout.write(JSON.stringify({ ...process.env, argv: process.argv.slice(2) }) + '\\n')",
    );
    const { code, result } = await rig.runYaml(
      `
name: children
params: {nasty: {type: string}, b: spliced, dry-run: true}
env: {FROM_FLOW: 'x {{ params.nasty }}', OVER: flow}
steps:
  - id: one
    env: {OVER: step, NOTE: '{{ params.b }}'}
    run: [node, show.mjs, '$HOME', 'a b', '*', '', '\`touch pwned\`']
  - id: two
    needs: one
    retries: {max: 1, delay: 0s}
    run: |
      echo "$TRACEPARENT" >&2
      [ "$STEPSPAN_ATTEMPT" = 2 ]
      printf '%s' "$STEPSPAN_PARAM_NASTY"
  - id: three
    needs: two
    run: |
      [ "$STEPSPAN_OUTPUT_TWO" = "$STEPSPAN_PARAM_NASTY" ] && echo same
      echo "$STEPSPAN_OUTCOME_ONE $STEPSPAN_OUTCOME_TWO"
      cat; echo "stdin: $?"
      false | true; echo not reached
`,
      ['-p', `nasty=${nasty}`],
      { constructor: 'inherited', OVER: 'inherited' },
    );
    expect([code, result.outcome]).toEqual([1, 'failure']);
    expect(existsSync(path.join(rig.work, 'pwned'))).toBe(false);
    const journal = await rig.journal(result.runId);
    const seen = JSON.parse(journal.text('stdout', 'one'));
    const traceId = traceIdOf(result.runId as never);
    const spanOf = (...parts: string[]): string => spanIdOf(result.runId as never, ...parts);
    expect(seen).toMatchObject({
      argv: ['$HOME', 'a b', '*', '', '`touch pwned`'],
      STEPSPAN_RUN_ID: result.runId,
      STEPSPAN_STEP_ID: 'one',
      WORKFLOW_EXECUTION_ID: result.runId,
      TRACEPARENT: `00-${traceId}-${spanOf('step', 'one')}-01`,
      STEPSPAN_PARAM_NASTY: nasty,
      constructor: 'inherited',
      STEPSPAN_PARAM_DRY_RUN: 'true',
      FROM_FLOW: `x ${nasty}`,
      OVER: 'step',
      NOTE: 'spliced',
      PWD: rig.work,
    });
    expect(result.traceId).toBe(traceId);
    // The second attempt has a span of its own, which its children hang below.
    expect(journal.text('stderr', 'two').trim().split('\n')).toEqual([
      `00-${traceId}-${spanOf('step', 'two')}-01`,
      `00-${traceId}-${spanOf('attempt', 'two', '2')}-01`,
    ]);
    expect(journal.text('stdout', 'two')).toBe(nasty);
    expect(journal.text('stdout', 'three')).toBe('same\nsuccess success\nstdin: 0\n');
  });

  test('that outlives its step is named and ended, in whatever session and environment it is', async () => {
    const { code, result } = await rig.runYaml(`
name: left
steps:
  - id: a
    run: |
      sleep 301 &
      setsid sleep 302 &
      (setsid env -i sh -c 'trap "" TERM INT HUP; sleep 303; sleep 304' >/dev/null 2>&1 </dev/null &)
      sleep 0.2; echo done
  - {id: b, needs: a, run: "pgrep -f 'sleep 30[1-4]' -c || true"}
`);
    expect(code).toBe(0);
    const journal = await rig.journal(result.runId);
    const found = journal.events('process.orphaned', 'a').flatMap(({ processes }) => processes.map((p) => p.command));
    expect(found).toEqual(expect.arrayContaining(['sleep 301', 'sleep 302', 'sleep 303']));
    expect(journal.text('system', 'a')).toMatch(/left 4 processes running, now ended: .*sleep 301/);
    expect(journal.text('stdout', 'a')).toBe('done\n');
    expect(journal.text('stdout', 'b')).toBe('0\n');
    expect(rig.processes()).toEqual([]);
  });

  test('of a stepspan that was killed is ended by the hub, and the last line of the run says so', async () => {
    const file = rig.write(
      'orphans.yaml',
      `
name: orphans
steps:
  - id: a
    run: |
      echo before
      (setsid env -i sh -c 'sleep 305; sleep 306' >/dev/null 2>&1 </dev/null &)
      trap '' TERM INT HUP PIPE
      echo $$ > pid; echo ready; while :; do sleep 1; echo tick; done
  - {id: b, needs: a, run: 'true'}
`,
    );
    const cli = rig.start(['run', file]);
    await cli.said('a | ready');
    cli.child.kill('SIGKILL');
    await cli.done;
    expect(existsSync(`/proc/${readFileSync(path.join(rig.work, 'pid'), 'utf8').trim()}`)).toBe(true);
    const [runId = ''] = rig.runIds();
    expect(await adoptRun(dataFolder(rig.dataDir).runDir(runId as never))).toMatchObject({
      kind: 'adopted',
      survivors: [],
    });
    await until(() => rig.processes().length === 0);
    const journal = await rig.journal(runId);
    expect(journal.text('stdout', 'a')).toMatch(/^before\nready\n/);
    expect(journal.events('run.finished')).toMatchObject([{ outcome: { kind: 'error', reason: 'abandoned' } }]);
    expect(journal.records.at(-1)).toMatchObject({ event: { type: 'run.finished' } });
  });

  test('that closes its output and still runs is waited for, and one whose child holds the output open is not', async () => {
    const { code, result } = await rig.runYaml(`
name: closing
steps:
  - {id: a, run: 'echo shut; exec >&- 2>&-; sleep 0.3; exit 4', continueOnFailure: true}
  - {id: b, run: 'sleep 307 & echo mine'}
`);
    expect(code).toBe(0);
    const journal = await rig.journal(result.runId);
    expect(journal.events('step.finished', 'a')[0]?.outcome).toMatchObject({ exitCode: 4 });
    expect(journal.text('stdout', 'b')).toBe('mine\n');
    // Not as long as that child, which sleeps for 307 s.
    expect(journal.events('step.finished', 'b')[0]?.durationMs).toBeLessThan(300_000);
    expect(rig.processes()).toEqual([]);
  });
});
