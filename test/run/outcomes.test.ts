// How a run can end, as its caller sees it: exit code, the JSON on the last line, the messages.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CliRig, outcomesOf, startCliRig } from '../support/cli-rig.ts';

let rig: CliRig;
beforeAll(async () => {
  rig = await startCliRig();
});
afterAll(() => rig.close());

/** A step for each way in which one can end. */
const everyEnding = `
name: all
concurrency: 4
steps:
  - {id: good, run: 'echo out; echo err >&2'}
  - {id: code, run: exit 42}
  - {id: missing, needs: good, run: [/no/such/program, x]}
  - {id: killed, run: kill -SEGV $$}
  - {id: nowhere, needs: good, cwd: nope, run: 'true'}
  - {id: text, needs: good, when: steps.good.output.a == 1, run: 'true'}
  - {id: slow, timeout: 200ms, run: sleep 60}
  - {id: after, needs: code, run: 'true'}
  - {id: off, when: false, run: 'true'}
  - {id: may, run: exit 9, continueOnFailure: true}
  - {id: protectedOnes, needs: good, when: steps.good.output.a == 1, continueOnFailure: true, run: 'true'}
  - {id: on, needs: [may, protectedOnes], run: 'echo "$STEPSPAN_OUTCOME_MAY"'}
  - {id: mourn, needs: code, when: failure(), run: 'echo "$STEPSPAN_OUTCOME_CODE"'}
  - {id: calm, needs: good, when: failure(), run: 'true'}
  - {id: last, needs: [after, killed], when: always(), run: 'echo "$STEPSPAN_OUTCOME_AFTER $STEPSPAN_OUTCOME_KILLED"'}
`;

describe('the outcome of a step', () => {
  test('is reported for each way in which it can end, and the run fails', async () => {
    const { code, result, stderr: shown } = await rig.runYaml(everyEnding);
    expect(code).toBe(1);
    expect(outcomesOf(result)).toEqual({
      good: 'success',
      code: 'failure',
      missing: 'error',
      killed: 'error',
      nowhere: 'error',
      text: 'error',
      slow: 'timeout',
      after: 'skip',
      off: 'skip',
      may: 'failure',
      protectedOnes: 'error',
      on: 'success',
      mourn: 'success',
      calm: 'skip',
      last: 'success',
    });
    expect(result).toMatchObject({
      workflow: 'all',
      outcome: 'failure',
      reason: 'step_failed',
      message: 'step `code`: exit code 42 (and 5 more)',
      dataDir: rig.dataDir,
      shipped: 0,
      pending: 0,
      lost: 0,
    });
    expect(result.traceId).toMatch(/^[0-9a-f]{32}$/);
    const messages = Object.fromEntries(result.steps.map(({ id, message }) => [id, message]));
    expect(messages).toMatchObject({
      good: '',
      code: 'exit code 42',
      missing: expect.stringContaining('`/no/such/program`'),
      killed: 'ended by SIGSEGV: it crashed',
      nowhere: expect.stringContaining(`${path.join(rig.work, 'nope')} does not exist`),
      text: expect.stringContaining('the output of step `good` is not JSON'),
      slow: 'took longer than its timeout of 200ms; it had printed nothing',
      after: 'step `code`, which it needs, ended in failure',
      off: 'its `when` is false',
      calm: 'its `when` is failure() and no step before it failed',
    });
    expect(result.lines).toMatchObject({ stdout: 4, stderr: 1 });
    expect(shown).toContain('good | out\n');

    const attempts = Object.fromEntries(result.steps.map((step) => [step.id, step.attempts]));
    // Nothing could be started, and yet it was tried; what is skipped is not.
    expect(attempts).toMatchObject({ good: 1, missing: 1, nowhere: 1, after: 0, off: 0 });

    const journal = await rig.journal(result.runId);
    expect(journal.text('stdout', 'on')).toBe('failure\n');
    expect(journal.text('stdout', 'mourn')).toBe('failure\n');
    expect(journal.text('stdout', 'last')).toBe('skip error\n');
    const reasons = journal.events('step.finished').map(({ outcome, subject }) => [subject?.step, outcome]);
    expect(Object.fromEntries(reasons)).toMatchObject({
      after: { kind: 'skip', reason: 'need' },
      off: { kind: 'skip', reason: 'when' },
      missing: { kind: 'error', reason: 'spawn' },
      killed: { kind: 'error', reason: 'signal', signal: 'SIGSEGV' },
      nowhere: { kind: 'error', reason: 'setup' },
      code: { kind: 'failure', reason: 'exit_code', exitCode: 42 },
    });
    expect(journal.records.at(-1)).toMatchObject({ kind: 'event', event: { type: 'run.finished' } });
    expect(rig.processes()).toEqual([]);
  });
});

describe('the exit code', () => {
  test('is 0 when what failed was allowed to, and 3 when no step failed by its own word', async () => {
    const [fine, broken, both] = await Promise.all([
      rig.runYaml('name: fine\nsteps: [{id: a, run: exit 1, continueOnFailure: true, readOnly: true}]'),
      rig.runYaml(`name: broken\nsteps: [{id: make, run: 'true'}, {id: a, needs: make, run: [/no/such]}]`, [
        '--shared',
      ]),
      rig.runYaml(
        `name: both\nsteps: [{id: make, run: 'true'}, {id: a, needs: make, run: [/no/such]}, {id: b, run: exit 1}]`,
        ['--shared'],
      ),
    ]);
    expect([fine.code, fine.result.outcome, fine.result.reason]).toEqual([0, 'success', '']);
    expect([broken.code, broken.result.outcome, broken.result.reason]).toEqual([3, 'error', 'spawn']);
    expect([both.code, both.result.outcome, both.result.reason]).toEqual([1, 'failure', 'step_failed']);
  });

  test('is 4 when the run was too long, and what came later was not run', async () => {
    const { code, result } = await rig.runYaml(`
name: long
timeout: 300ms
steps:
  - {id: a, run: sleep 60, continueOnFailure: true}
  - {id: b, needs: a, when: always(), run: 'true'}
`);
    expect([code, result.outcome]).toEqual([4, 'timeout']);
    expect(outcomesOf(result)).toEqual({ a: 'timeout', b: 'skip' });
    const [skipped] = (await rig.journal(result.runId)).events('step.finished', 'b');
    expect(skipped?.outcome).toMatchObject({ reason: 'run_ended' });
  });

  test('of `exec` is that of the command, and words with braces, quotes and spaces reach it as they are', async () => {
    const words = ['{{ params.x }}', 'a "b" $(touch pwned)', '', "l'été"];
    const [seven, none, printed] = await Promise.all([
      rig.run(['exec', '--shared', '--', 'sh', '-c', 'exit 7']),
      rig.run(['exec', '--shared', '--', '/no/such']),
      rig.run(['exec', '--shared', '--', 'printf', '[%s]\\n', ...words]),
    ]);
    expect([seven.code, none.code, printed.code]).toEqual([7, 3, 0]);
    for (const word of words) expect(printed.stdout).toContain(`printf | [${word}]\n`.replace('printf', 'exec'));
    expect(existsSync(path.join(rig.work, 'pwned'))).toBe(false);
  });
});

type Refused = readonly [
  what: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  code: number,
  message: RegExp,
];

const refused: readonly Refused[] = [
  ['a file with several mistakes', ['run', 'bad.yaml'], {}, 2, /bad\.yaml:3:.*bad\.yaml:4:/s],
  ['a file that is not there', ['run', 'none.yaml'], {}, 2, /none\.yaml.*this file does not exist/],
  ['a folder in place of a file', ['run', '.'], {}, 2, /folder/],
  ['a flag that there is not', ['run', 'good.yaml', '--nope'], {}, 2, /--nope/],
  ['a param that there is not', ['run', 'good.yaml', '-p', 'y=1'], {}, 2, /`y`/],
  ['a param that is not a number', ['run', 'good.yaml', '-p', 'x=one'], {}, 2, /`x`.*number/s],
  ['a param without a value', ['run', 'good.yaml', '-p', 'x'], {}, 2, /--param NAME=VALUE/],
  ['a setting that makes no sense', ['run', 'good.yaml', '--concurrency', '0'], {}, 2, /concurrency/],
  ['a run that is not there', ['resume', 'nope'], {}, 7, /nope/],
  ['an OTLP endpoint that is none', ['run', 'good.yaml'], { OTEL_EXPORTER_OTLP_ENDPOINT: 'garbage' }, 2, /ENDPOINT/],
  ['no Claude Code', ['run', 'claude.yaml'], { STEPSPAN_CLAUDE: '/no/such/claude' }, 3, /\/no\/such\/claude/],
  ['a Claude Code that is another', ['run', 'claude.yaml'], { STEPSPAN_CLAUDE: '/bin/true' }, 3, /not Claude/],
  ['a data folder below a file', ['run', 'good.yaml'], { STEPSPAN_DATA_DIR: '/etc/hostname/x' }, 3, /--data-dir/],
  // Node makes folders below /proc for ever.
  ['a data folder that cannot be made', ['run', 'good.yaml'], { STEPSPAN_DATA_DIR: '/proc/x' }, 3, /--data-dir/],
];

describe('what cannot be run', () => {
  test('is refused with a message and an exit code, and leaves no run behind', async () => {
    rig.write('good.yaml', 'name: good\nparams: {x: 1}\nsteps: [{id: a, run: touch started, readOnly: true}]');
    rig.write('claude.yaml', 'name: claude\nsteps: [{id: a, claude: hi, readOnly: true}]');
    rig.write('bad.yaml', 'name: bad\nsteps:\n  - {id: a, run: touch started, nope: 1}\n  - {id: a, run: [1, 2]}\n');
    const before = rig.runIds();
    await Promise.all(
      refused.map(async ([what, args, env, code, message]) => {
        const finished = await rig.run(args, env);
        expect({ what, code: finished.code }).toEqual({ what, code });
        expect(finished.stderr, what).toMatch(message);
        expect(finished.stderr, what).not.toMatch(/defect of stepspan|\n {4}at /);
      }),
    );
    expect(rig.runIds()).toEqual(before);
    expect(existsSync(path.join(rig.work, 'started'))).toBe(false);
  });
});
