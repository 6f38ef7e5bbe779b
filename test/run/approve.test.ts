// Steps with `approve`: they wait for a person without a process, through every way to answer, and over a kill of stepspan.
import { expect, onTestFinished, test } from 'vitest';
import { askRun } from '../../src/control/index.ts';
import type { RunId } from '../../src/core/ids.ts';
import { dataFolder } from '../../src/journal/index.ts';
import { readRunState } from '../../src/runs/index.ts';
import { liveHub } from '../api/http/api-rig.ts';
import { resultOf } from '../support/cli.ts';
import { type CliRig, outcomesOf, startCliRig } from '../support/cli-rig.ts';
import { failOnProblem } from '../support/journal.ts';
import { until } from '../support/until.ts';

async function rigOfTest(): Promise<CliRig> {
  const rig = await startCliRig();
  onTestFinished(() => rig.close());
  return rig;
}

/** Starts the command and waits until the run that it makes asks. */
async function startAsking(rig: CliRig, args: readonly string[]) {
  const before = new Set(rig.runIds());
  const cli = rig.start(args);
  const runId = await until(() => rig.runIds().find((id) => !before.has(id)));
  const folder = dataFolder(rig.dataDir).runDir(runId as RunId);
  const question = () =>
    until(async () => (await readRunState(folder, failOnProblem))?.steps.flatMap(({ questions }) => questions)[0]);
  const end = async () => resultOf(await cli.done);
  return { ...cli, runId, folder, question, end };
}

const flow = (approve: string, more = '') => `name: gated
concurrency: 1
params: {version: "1.2"}
steps:
  - {id: plan, run: "echo changes 3 things; echo plan >> ran"}
  - {id: gate, needs: plan, approve: ${approve}${more}}
  - {id: beside, run: echo beside >> ran}
  - id: deploy
    needs: gate
    when: steps.gate.outputs.answer == 'approved'
    run: echo "$STEPSPAN_OUTPUTS_GATE_ANSWER by $STEPSPAN_OUTPUTS_GATE_BY from $STEPSPAN_OUTPUTS_GATE_FROM"
`;
const gate = '{message: "Deploy {{ params.version }}?", show: [steps.plan.output, params.version], by: 5m}';

test('an approval is shown with its values, takes no place, is approved once, and the run continues', async () => {
  const rig = await rigOfTest();
  const run = await startAsking(rig, ['run', rig.write('flow.yaml', flow(gate)), '--json']);
  const { questionId } = await run.question();
  // The only place of `concurrency` is free for the step beside it.
  await until(async () => (await readRunState(run.folder, failOnProblem))?.steps[2]?.phase.kind === 'finished');
  const shown = await rig.run(['answer', run.runId]);
  expect(shown.stdout).toContain(`${questionId}  step gate waits for approval\n`);
  expect(shown.stdout).toMatch(/asked \S.* ago; the step fails in 4 m /);
  const parts = '  message:\n    Deploy 1.2?\n  steps.plan.output:\n    changes 3 things\n  params.version:\n    1.2\n';
  expect(shown.stdout).toContain(parts);
  expect(shown.stdout).not.toContain('--allow-always');
  const status = await rig.run(['show', run.runId]);
  expect(status.stdout).toContain('waiting for you: approval: Deploy 1.2?, since ');
  // stepspan itself, and nothing else.
  expect(rig.processes()).toHaveLength(1);

  const hub = await liveHub(dataFolder(rig.dataDir));
  const at = `/api/v1/runs/${run.runId}`;
  expect((await hub.get(at)).body).toMatchObject({
    state: 'waiting_for_you',
    steps: [{}, { kind: 'approve', questions: [{ questionId, kind: 'approval', answers: ['allow', 'deny'] }] }, {}, {}],
  });
  const ask = (answer: object) => hub.post(`${at}/answer`, { questionId, ...answer });
  expect((await ask({ answer: 'text', text: 'yes' })).body.error.message).toContain('allow or deny it');
  const who = { verb: 'answer', questionId, by: 'anna', from: 'api' } as const;
  expect(await askRun(run.folder, { ...who, questionId: 'q-00000000', answer: { kind: 'allow' } })).toMatchObject({
    ok: false,
  });
  expect(await askRun(run.folder, { ...who, answer: { kind: 'allow' } })).toEqual({
    ok: true,
    message: 'it is approved',
  });
  // Repeated, or answered second: nothing happens, and a sentence says so.
  expect(await askRun(run.folder, { ...who, answer: { kind: 'deny', reason: '' } })).toMatchObject({ ok: false });
  const result = await run.end();
  expect(outcomesOf(result)).toEqual({ plan: 'success', gate: 'success', beside: 'success', deploy: 'success' });
  expect(result.steps[1]).toMatchObject({ outputs: { answer: 'approved', by: 'anna', from: 'api', reason: '' } });
  expect(result.steps[3]?.output).toBe('approved by anna from api');
  const journal = await rig.journal(run.runId);
  expect(journal.events('step.answered', 'gate')).toMatchObject([{ questionId, kind: 'approval', answer: 'allowed' }]);
  expect(journal.events('attempt.started', 'gate')).toMatchObject([{ command: 'Deploy 1.2?' }]);
  const [attempt] = journal.events('attempt.finished', 'gate');
  expect(attempt?.pausedMs).toBe(attempt?.durationMs);
  const late = await rig.run(['answer', run.runId, '--question', questionId, '--deny', 'no']);
  expect(late.stderr).toContain('has ended; there is nothing left to answer');
});

test('a denial, and an answer that does not come in time, fail the step by its rule', async () => {
  const rig = await rigOfTest();
  const denied = await startAsking(rig, ['run', rig.write('deny.yaml', flow(gate)), '--json']);
  await denied.question();
  const answered = await rig.run(['answer', denied.runId, '--deny', 'not on a Friday']);
  expect(answered.stdout).toBe(`Run ${denied.runId}: the approval is denied.\n`);
  const result = await denied.end();
  expect(outcomesOf(result)).toMatchObject({ gate: 'failure', deploy: 'skip' });
  expect(result.steps[1]?.message).toMatch(/^denied by \S+: not on a Friday$/);
  expect(result.steps[1]).toMatchObject({ outputs: { answer: 'denied', from: 'cli', reason: 'not on a Friday' } });

  const short = (onTimeout: string) => flow(`{message: Deploy?, by: 300ms, onTimeout: ${onTimeout}}`);
  const after = `
  - {id: after, needs: gate, when: "steps.gate.outcome == 'failure'", claudeTelemetry: off, run: "echo it was {answer}"}
`.replace('{answer}', '$STEPSPAN_OUTPUTS_GATE_ANSWER');
  const failed = await rig.runYaml(short('fail') + after);
  expect(failed.result.steps[1]).toMatchObject({ outputs: { answer: 'timed_out', by: 'stepspan' } });
  expect(failed.result.steps[1]?.message).toBe('nobody approved within 300ms (`by`)');
  expect(failed.result.steps[4]?.output).toBe('it was timed_out');
  const reasons = [];
  for (const { result: each } of [failed, await rig.runYaml(short('deny'))]) {
    const [end] = (await rig.journal(each.runId)).events('step.finished', 'gate');
    reasons.push(end?.outcome);
  }
  expect(reasons).toMatchObject([{ reason: 'unanswered' }, { reason: 'denied' }]);
});

test('after a kill the run is resumed where it waits, asks anew, and refuses an answer to the old question', async () => {
  const rig = await rigOfTest();
  const file = rig.write('flow.yaml', flow(gate));
  const killed = await startAsking(rig, ['run', file, '--json']);
  const old = await killed.question();
  killed.child.kill('SIGKILL');
  await killed.done;
  const late = () => rig.run(['answer', killed.runId, '--question', old.questionId, '--allow']);
  expect((await late()).stderr).toContain(`The stepspan that ran ${killed.runId} was killed.`);

  const resumed = await startAsking(rig, ['resume', killed.runId, '--json']);
  const { questionId } = await resumed.question();
  expect(questionId).not.toBe(old.questionId);
  expect((await late()).stderr).toContain('has ended; there is nothing left to answer');
  const forged = await rig.run(['answer', resumed.runId, '--question', old.questionId, '--allow']);
  expect(forged.stderr).toContain('there is no such question in this run');
  const closed = (await rig.journal(killed.runId)).events('step.answered', 'gate');
  expect(closed).toMatchObject([{ questionId: old.questionId, answer: 'unanswered', by: 'stepspan' }]);
  // A cancelled run closes its question as well, and what was approved once is not asked again.
  expect((await rig.run(['cancel', resumed.runId])).code).toBe(0);
  const cancelled = await resumed.end();
  expect(cancelled.outcome).toBe('cancellation');
  const [end] = (await rig.journal(resumed.runId)).events('step.answered', 'gate');
  expect(end).toMatchObject({ questionId, answer: 'unanswered' });

  const again = await startAsking(rig, ['resume', resumed.runId, '--json']);
  await again.question();
  expect((await rig.run(['answer', again.runId, '--allow'])).code).toBe(0);
  const result = await again.end();
  expect(outcomesOf(result)).toMatchObject({ plan: 'skip', gate: 'success', deploy: 'success' });
  const plan = (await rig.run(['resume', again.runId, '--plan', '--from-step', 'deploy'])).stdout;
  expect(plan).toMatch(/^gate\s+keep\b/m);
});
