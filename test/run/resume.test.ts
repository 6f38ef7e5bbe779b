// Resuming a run that did not come to its end: what is done again, what is not, and what cannot be.
import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { resultOf } from '../support/cli.ts';
import { type CliRig, outcomesOf, startCliRig } from '../support/cli-rig.ts';

const usage = { input: 1_000, output: 100 } as const;

let rig: CliRig;
beforeAll(async () => {
  rig = await startCliRig({
    script: [
      { prompt: 'Remember 7', turns: [{ kind: 'reply', text: 'I do.', usage }] },
      { prompt: 'What was it', turns: [{ kind: 'reply', text: 'It was 7.', usage }] },
    ],
  });
});
afterAll(() => rig.close());

const has = (name: string): void => writeFileSync(path.join(rig.work, name), '');

describe('a resumed run', () => {
  test('continues from the first step that did not succeed, also twice, with outputs, sessions, cost and a link', async () => {
    const first = await rig.runYaml(
      `
name: chain
budget: 100
params: {n: 1}
steps:
  - {id: begin, run: 'echo began >> begun; echo "out $STEPSPAN_PARAM_N"'}
  - {id: ask, needs: begin, claude: Remember 7}
  - {id: gate, needs: ask, run: '[ -e gate ]'}
  - {id: more, needs: gate, claude: {resume: ask, prompt: 'What was it, {{ steps.begin.output }}?'}}
  - {id: gate2, needs: more, run: '[ -e gate2 ] && echo "$STEPSPAN_OUTPUT_BEGIN|$STEPSPAN_OUTPUT_MORE"'}
  - {id: again, needs: gate2, claude: {resume: ask, prompt: What was it again}}
  - {id: mourn, needs: gate, when: failure(), run: 'echo mourning'}
  - {id: off, needs: begin, when: params.n == 2, run: 'true'}
  - {id: aside, needs: off, when: always(), run: 'echo aside >> aside'}
`,
      ['-p', 'n=3'],
    );
    expect(first.code).toBe(1);
    expect(outcomesOf(first.result)).toMatchObject({ ask: 'success', gate: 'failure', more: 'skip', mourn: 'success' });

    has('gate');
    const second = await rig.run(['resume', 'latest', '--json']);
    const secondResult = resultOf(second);
    expect(second.code).toBe(1);
    // The step that mourned the failure comes after a step that is done again, so it is decided again too.
    expect(outcomesOf(secondResult)).toEqual({
      begin: 'skip',
      ask: 'skip',
      gate: 'success',
      more: 'success',
      gate2: 'failure',
      again: 'skip',
      mourn: 'skip',
      off: 'skip',
      aside: 'skip',
    });
    const journal = await rig.journal(secondResult.runId);
    expect(journal.events('run.started')).toMatchObject([{ resumedFrom: first.result.runId, params: { n: 3 } }]);
    const reasons = journal.events('step.finished').map(({ outcome, subject }) => [subject?.step, outcome]);
    expect(Object.fromEntries(reasons)).toMatchObject({
      begin: { reason: 'already_done' },
      ask: { reason: 'already_done' },
      aside: { reason: 'already_done' },
      off: { reason: 'when' },
      mourn: { reason: 'when' },
    });
    // Four steps ran, three were reused; a step that was skipped is not done, and none is called so that was reused.
    const shown = await rig.run(['show', secondResult.runId]);
    expect(shown.stdout).toMatch(/begin +reused .*\n.* aside +reused /s);
    expect(shown.stdout).toMatch(/mourn +skip /);
    const [listed] = JSON.parse((await rig.run(['ls', '--json'])).stdout);
    expect(listed).toMatchObject({ steps: 9, completedSteps: 6, reusedSteps: 3, skippedSteps: 3 });
    const session = (await rig.journal(first.result.runId)).events('claude.session', 'ask')[0]?.sessionId;
    expect(journal.events('attempt.started', 'more')[0]?.command).toContain(`--resume ${session}`);
    expect(JSON.stringify(rig.api?.requests.at(-1)?.body)).toContain('What was it, out 3?');

    has('gate2');
    const third = await rig.run(['resume', secondResult.runId.slice(-6), '--json']);
    const thirdResult = resultOf(third);
    expect([third.code, thirdResult.outcome]).toEqual([0, 'success']);
    const last = await rig.journal(thirdResult.runId);
    expect(last.text('stdout', 'gate2')).toBe('out 3|It was 7.\n');
    expect(last.events('attempt.started').map(({ subject }) => subject?.step)).toEqual(['gate2', 'again']);
    // The session is that of the first run, two runs ago.
    expect(last.events('attempt.started', 'again')[0]?.command).toContain(`--resume ${session}`);
    expect(last.events('run.started')).toMatchObject([{ resumedFrom: secondResult.runId }]);
    // What each run has cost is its own; the budget counts all.
    expect(thirdResult.costUsd).toBe(last.events('claude.cost', 'again')[0]?.costUsd);
    expect(secondResult.costUsd).toBeGreaterThan(0);

    const fourth = await rig.run(['resume', 'latest']);
    expect(fourth.code).toBe(2);
    expect(fourth.stderr).toMatch(
      new RegExp(`run ${thirdResult.runId} succeeded, so there is nothing left to do.*stepspan run`),
    );
  });

  test('closes a run whose stepspan was killed before it continues, and ends the remaining processes', async () => {
    const file = rig.write(
      'killed.yaml',
      `
name: killed
steps:
  - {id: a, run: 'echo done >> a-done'}
  - {id: b, needs: a, run: 'if [ -e second ]; then echo resumed; else echo ready; trap "" TERM; sleep 300; fi'}
`,
    );
    const cli = rig.start(['run', file]);
    await cli.said('b | ready');
    cli.child.kill('SIGKILL');
    await cli.done;
    const [killed = ''] = rig.runIds();
    expect(rig.processes().length).toBeGreaterThan(0);
    has('second');
    const resumed = await rig.run(['resume', killed, '--json']);
    expect(resumed.code).toBe(0);
    expect(outcomesOf(resultOf(resumed))).toEqual({ a: 'skip', b: 'success' });
    expect(rig.processes()).toEqual([]);
    const old = await rig.journal(killed);
    expect(old.events('run.finished')).toMatchObject([{ outcome: { reason: 'abandoned' } }]);
    expect(old.events('process.orphaned', 'b')).toHaveLength(1);
    expect(existsSync(path.join(rig.work, 'a-done'))).toBe(true);
  });

  test('keeps to its workflow where the file has changed since, and to its folder where it is started elsewhere', async () => {
    const file = rig.write('changed.yaml', 'name: changed\nsteps: [{id: a, run: "[ -e ok ] && pwd"}]');
    const first = await rig.run(['run', file, '--json']);
    expect(first.code).toBe(1);
    rig.write('changed.yaml', 'name: changed\nsteps: [{id: a, run: echo another}]');
    has('ok');
    const resumed = await rig.run(['resume', resultOf(first).runId, '--json']);
    const journal = await rig.journal(resultOf(resumed).runId);
    expect(journal.text('stdout', 'a')).toBe(`${rig.work}\n`);
  });
});
