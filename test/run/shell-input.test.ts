// Shell steps with `ask` whose command waits for a line: it is seen, a person types it, and a secret one is kept nowhere.
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { askRun } from '../../src/control/index.ts';
import type { RunId } from '../../src/core/ids.ts';
import { dataFolder } from '../../src/journal/index.ts';
import { readRunState } from '../../src/runs/index.ts';
import { resultOf } from '../support/cli.ts';
import { type CliRig, outcomesOf, startCliRig } from '../support/cli-rig.ts';
import { failOnProblem } from '../support/journal.ts';
import { until } from '../support/until.ts';

async function rigOfTest(): Promise<CliRig> {
  const rig = await startCliRig();
  onTestFinished(() => rig.close());
  return rig;
}

async function startRun(rig: CliRig, yaml: string) {
  const before = new Set(rig.runIds());
  const cli = rig.start(['run', rig.write(`flow-${before.size}.yaml`, yaml), '--json']);
  const runId = await until(() => rig.runIds().find((id) => !before.has(id)));
  const folder = dataFolder(rig.dataDir).runDir(runId as RunId);
  const answered = new Set<string>();
  /** The next question that was not answered here. */
  const question = async (step: string) => {
    const found = await until(async () => {
      const state = await readRunState(folder, failOnProblem);
      return state?.steps.find(({ id }) => id === step)?.questions.find(({ questionId }) => !answered.has(questionId));
    });
    answered.add(found.questionId);
    return found;
  };
  return { ...cli, runId, folder, question, end: async () => resultOf(await cli.done) };
}

test('a prompt is shown and answered, with a line end and of a child too; the input can be ended', async () => {
  const rig = await rigOfTest();
  const run = await startRun(
    rig,
    `name: asks
steps:
  - id: install
    ask: {wait: 5m}
    timeout: 2m
    run: |
      printf 'Continue? [y/n] '; read answer; echo "got $answer"
      echo "Which region:"; bash -c 'read region; echo "in $region"'
      count=$(wc -l); echo "and $count lines"
  - {id: plain, run: "cat; echo no input"}
`,
  );
  const first = await run.question('install');
  expect(first).toMatchObject({ kind: 'input', summary: 'Continue? [y/n]', onTimeout: 'deny' });
  const shown = await rig.run(['answer', run.runId]);
  expect(shown.stdout).toContain('step install waits for a line of input\n');
  expect(shown.stdout).toContain('  prompt:\n    Continue? [y/n]\n');
  expect((await rig.run(['show', run.runId])).stdout).toContain('waiting for you: input: Continue? [y/n], since ');
  const who = { verb: 'answer', questionId: first.questionId, by: 'anna', from: 'api' } as const;
  expect(await askRun(run.folder, { ...who, answer: { kind: 'allow' } })).toMatchObject({ ok: false });
  expect(await askRun(run.folder, { ...who, answer: { kind: 'text', text: 'a\nb' } })).toMatchObject({ ok: false });
  const sent = await rig.run(['answer', run.runId, '--text', 'yes']);
  expect(sent.stdout).toBe(`Run ${run.runId}: the line is sent.\n`);
  const second = await run.question('install');
  expect(second.summary).toBe('Which region:');
  expect((await rig.run(['answer', run.runId, '--text', 'eu-west'])).code).toBe(0);
  await run.question('install');
  expect((await rig.run(['answer', run.runId, '--deny', 'no more'])).stdout).toContain('the input of the command is');
  const result = await run.end();
  expect(outcomesOf(result)).toEqual({ install: 'success', plain: 'success' });
  expect(result.steps[0]?.output).toBe('Continue? [y/n] got yes\nWhich region:\nin eu-west\nand 0 lines');
  expect(result.steps[1]?.output).toBe('no input');
  const journal = await rig.journal(run.runId);
  expect(journal.events('step.answered', 'install')).toMatchObject([
    { kind: 'input', answer: 'chosen', text: 'yes', from: 'cli' },
    { answer: 'chosen', text: 'eu-west' },
    { answer: 'denied', text: 'no more' },
  ]);
  const [attempt] = journal.events('attempt.finished', 'install');
  expect(attempt?.pausedMs).toBeGreaterThan(0);
});

test('a line that nobody types in time ends the input or fails the step; work that reads nothing asks nothing', async () => {
  const rig = await rigOfTest();
  const { result } = await rig.runYaml(`name: late
steps:
  - id: ends
    ask: {wait: 300ms}
    run: printf 'Name? '; read name || echo none
  - id: fails
    ask: {wait: 300ms, onTimeout: fail}
    run: printf 'Name? '; read name
  - id: works
    ask: {wait: 300ms, onTimeout: fail}
    run: printf 'working...'; sleep 3; echo done
`);
  expect(outcomesOf(result)).toEqual({ ends: 'success', fails: 'failure', works: 'success' });
  expect(result.steps[0]?.output).toBe('Name? none');
  expect(result.steps[1]?.message).toContain('nobody typed a line within 300ms (`ask`)');
  const journal = await rig.journal(result.runId);
  expect(journal.events('step.asked', 'works')).toEqual([]);
  expect(journal.events('step.answered', 'ends')).toMatchObject([{ answer: 'timed_out' }]);
});

test('a secret line reaches the command and no file, however it is printed', async () => {
  const rig = await rigOfTest();
  const secrets = fc.sample(fc.stringMatching(/^[!-~]([ -~]{6,30})[!-~]$/), { numRuns: 8, seed: 16 });
  const run = await startRun(
    rig,
    `name: secrets
steps:
  - id: login
    ask: {wait: 5m}
    run: |
      while printf 'Password: '; IFS= read -r line; do
        printf '%s' "$line" > typed; printf '\\n%s\\n' "$line"; printf '%s' "$line" | base64 -w0; echo
        printf '%s' "\${line:0:2}"; sleep 0.05; printf '%s\\n' "\${line:2}" >&2; printf '"%s"\\n' "$line"
        cp typed "typed.$((n++))"
      done
`,
  );
  for (const secret of secrets) {
    const { questionId } = await run.question('login');
    const answer = { kind: 'text', text: secret, isSecret: true } as const;
    const request = { verb: 'answer', questionId, by: 'anna', from: 'api' } as const;
    const short = await askRun(run.folder, { ...request, answer: { ...answer, text: 'abc' } });
    expect(short).toMatchObject({ ok: false, message: expect.stringContaining('cannot be hidden') });
    expect(await askRun(run.folder, { ...request, answer })).toEqual({ ok: true, message: 'the line is sent' });
  }
  const { questionId } = await run.question('login');
  const last = { verb: 'answer', questionId, by: 'anna', from: 'api', answer: { kind: 'deny', reason: '' } } as const;
  expect(await askRun(run.folder, last)).toMatchObject({ ok: true });
  expect(outcomesOf(await run.end())).toEqual({ login: 'success' });
  for (const [index, secret] of secrets.entries()) {
    expect(readFileSync(`${rig.work}/typed.${index}`, 'utf8')).toBe(secret);
    expect(rig.filesWith(secret)).toEqual([]);
    // The encoded form of a short one could be in any text.
    if (secret.length >= 16) expect(rig.filesWith(Buffer.from(secret).toString('base64'))).toEqual([]);
  }
  const shown = await rig.run(['export', run.runId, '--format', 'ndjson']);
  for (const secret of secrets) expect(shown.stdout.includes(secret)).toBe(false);
});
