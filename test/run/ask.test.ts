// A run that asks: Claude steps with `ask`, the real CLI against a scripted API, answered through the commands, the control channel and
// the HTTP API.
import { existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { askRun } from '../../src/control/index.ts';
import { dataFolder } from '../../src/journal/index.ts';
import { liveHub } from '../api/http/api-rig.ts';
import { ended, startAsking as startRun } from '../support/asking.ts';
import { type CliRig, outcomesOf, startCliRig } from '../support/cli-rig.ts';
import { until } from '../support/until.ts';

const touch = (file: string) => ({ name: 'Bash', input: { command: `touch ${file} && echo made`, description: 'x' } });
/** Runs until the file is there, so that no test depends on how fast anything is. */
const wait = (file: string) => ({
  name: 'Bash',
  input: { command: `while [ ! -e ${file} ]; do sleep 0.05; done`, description: 'x' },
});
const choice = {
  name: 'AskUserQuestion',
  input: {
    questions: [
      {
        ...{ question: 'Which database?', header: 'DB', multiSelect: false },
        options: [
          { label: 'Postgres', description: 'a server' },
          { label: 'SQLite', description: 'a file' },
        ],
      },
    ],
  },
};

const choices = {
  name: 'AskUserQuestion',
  input: {
    questions: [
      ...choice.input.questions,
      {
        ...{ question: 'Which checks?', header: 'Checks', multiSelect: true },
        options: ['lint', 'types', 'tests'].map((label) => ({ label, description: '' })),
      },
    ],
  },
};

let rig: CliRig;
beforeAll(async () => {
  rig = await startCliRig({
    script: [
      ...['once', 'late', 'slow', 'fails', 'raced', 'dies', 'api', 'cancelled', 'secret'].map((name) => ({
        prompt: `Touch ${name}`,
        turns: [
          { kind: 'reply' as const, text: 'I touch it.', tools: [touch(name === 'secret' ? 'hunter2hunter2' : name)] },
          { kind: 'reply' as const, text: `Ended ${name}.` },
        ],
      })),
      {
        prompt: 'Touch twice',
        turns: [
          { kind: 'reply', text: 'First.', tools: [touch('twice')] },
          { kind: 'reply', text: 'Second.', tools: [touch('twice')] },
          { kind: 'reply', text: 'Ended twice.' },
        ],
      },
      {
        prompt: 'Choose',
        turns: [
          { kind: 'reply', text: 'I ask.', tools: [choice] },
          { kind: 'reply', text: 'Ended choice.' },
        ],
      },
      {
        prompt: 'Pick several',
        turns: [
          { kind: 'reply', text: 'I ask.', tools: [choices] },
          { kind: 'reply', text: 'Ended choices.' },
        ],
      },
      {
        prompt: 'Plan it',
        turns: [
          {
            kind: 'reply',
            text: 'I plan.',
            tools: [{ name: 'ExitPlanMode', input: { plan: '# Rename\n\n1. Do it.' } }],
          },
          { kind: 'reply', text: 'Ended plan.' },
        ],
      },
      {
        prompt: 'Wait for it',
        turns: [
          { kind: 'reply', text: 'I wait.', tools: [wait('go')] },
          { kind: 'reply', text: 'It came.' },
        ],
      },
      {
        prompt: 'also update the docs',
        turns: [{ kind: 'reply', text: 'I update the docs too.' }],
      },
      { prompt: 'Nothing to ask', turns: [{ kind: 'reply', text: 'Ended quietly.' }] },
    ],
  });
});
afterAll(() => rig.close());

const flow = (prompt: string, ask = '{wait: 5m}', more = '') =>
  `name: asks\nask: ${ask}\nsteps:\n  - {id: fix, claude: {prompt: ${prompt}${more}}, timeout: 2m}\n`;

const startAsking = (yaml: string, env: Readonly<Record<string, string>> = {}) => startRun(rig, yaml, { env });

describe('a permission', () => {
  test('is shown whole, is allowed, and the run continues', async () => {
    const run = await startAsking(flow('Touch once'));
    const { questionId } = await run.question();
    const shown = await rig.run(['answer', run.runId]);
    expect(shown.stdout).toContain(`${questionId}  step fix waits for permission for Bash\n`);
    expect(shown.stdout).toContain('  command:\n    touch once && echo made\n');
    expect(shown.stdout).toContain(`  stepspan answer ${run.runId} --question ${questionId} --allow\n`);
    const status = await rig.run(['show', run.runId]);
    expect(status.stdout).toContain('waiting for you: permission for Bash(touch once && echo made), since ');
    expect(status.stdout).toContain(`answer with \`stepspan answer ${run.runId}\``);
    expect((await rig.run(['ls'])).stdout).toContain('waiting for you (permission for Bash(touch once');
    expect(await rig.run(['answer', run.runId, '--allow'])).toMatchObject({
      code: 0,
      stdout: `Run ${run.runId}: Bash is allowed.\n`,
    });
    const { code, result, stderr } = await ended(run);
    expect([code, outcomesOf(result)]).toEqual([0, { fix: 'success' }]);
    const asks = `fix ! asks for permission for Bash(touch once && echo made); answer with \`stepspan answer ${run.runId}\`\n`;
    expect(stderr).toContain(asks);
    expect(stderr).toMatch(/fix ▶ allowed by \S+ after /);
    expect(existsSync(path.join(rig.work, 'once'))).toBe(true);
    expect(await run.events('claude.asked')).toMatchObject([{ kind: 'permission', tool: 'Bash', isCut: false }]);
    expect(await run.events('claude.answered')).toMatchObject([{ questionId, answer: 'allowed', from: 'cli' }]);
    const late = await rig.run(['answer', run.runId, '--question', questionId, '--deny', 'no']);
    expect(late).toMatchObject({ code: 3 });
    expect(late.stderr).toContain('has ended; there is nothing left to answer');
  });

  test('is denied with a reason, which Claude Code is given', async () => {
    const run = await startAsking(flow('Touch late'));
    const { questionId } = await run.question();
    const answered = await rig.run(['answer', run.runId, '--question', questionId, '--deny', 'use the other folder']);
    expect(answered.stdout).toBe(`Run ${run.runId}: Bash is denied.\n`);
    expect(await ended(run)).toMatchObject({ code: 0, result: { outcome: 'success' } });
    expect(existsSync(path.join(rig.work, 'late'))).toBe(false);
    expect(JSON.stringify(rig.api?.requests.at(-1)?.body)).toContain('use the other folder');
    expect(await run.events('claude.answered')).toMatchObject([{ answer: 'denied', text: 'use the other folder' }]);
    const journal = await rig.journal(run.runId);
    expect(journal.events('claude.permission_denied', 'fix')).toMatchObject([{ tool: 'Bash' }]);
  });

  test('that is always allowed is not asked again', async () => {
    const run = await startAsking(flow('Touch twice'));
    const { suggestions } = await run.question();
    expect(suggestions).toEqual(['Bash(touch twice *)']);
    expect((await rig.run(['answer', run.runId, '--allow-always'])).code).toBe(0);
    expect(await ended(run)).toMatchObject({ code: 0 });
    expect(await run.events('claude.asked')).toHaveLength(1);
    expect(await run.events('claude.answered')).toMatchObject([
      { answer: 'allowed_always', text: 'Bash(touch twice *)' },
    ]);
    expect(existsSync(path.join(rig.work, '.claude'))).toBe(false);
  });

  test('that nobody answers in time is denied, and the run continues', async () => {
    const run = await startAsking(flow('Touch slow', '{wait: 1s}'));
    const { code, result } = await ended(run);
    expect([code, outcomesOf(result)]).toEqual([0, { fix: 'success' }]);
    expect(existsSync(path.join(rig.work, 'slow'))).toBe(false);
    const [asked] = await run.events('claude.asked');
    const [answered] = await run.events('claude.answered');
    expect(answered).toMatchObject({
      questionId: asked?.questionId,
      answer: 'timed_out',
      by: 'stepspan',
      from: 'stepspan',
    });
    expect(answered?.waitedMs).toBeGreaterThanOrEqual(1_000);
    const journal = await rig.journal(run.runId);
    expect(journal.events('stall.detected', 'fix')).toEqual([]);
    // Its clock stops a moment after the question was asked; without that it would be 0.
    expect(journal.events('attempt.finished', 'fix')[0]?.pausedMs).toBeGreaterThan(500);
  });

  test('that nobody answers in time fails the step, if the workflow says so', async () => {
    const run = await startAsking(flow('Touch fails', '{wait: 300ms, onTimeout: fail}'));
    const { code, result } = await ended(run);
    expect([code, result.outcome]).toEqual([1, 'failure']);
    expect(result.steps[0]).toMatchObject({ outcome: 'failure' });
    expect(result.steps[0]?.message).toBe('nobody answered within 300ms (`ask`): Claude Code asked to use Bash');
    expect(existsSync(path.join(rig.work, 'fails'))).toBe(false);
  });

  test('is answered once, by the first of two; a forged id and a wrong kind of answer do nothing', async () => {
    const run = await startAsking(flow('Touch raced'));
    const { questionId } = await run.question();
    const request = { verb: 'answer', questionId, by: 'anna', from: 'api' } as const;
    const forged = { ...request, questionId: 'q-00000000', answer: { kind: 'allow' } } as const;
    expect(await askRun(run.folder, forged)).toEqual({ ok: false, message: 'there is no such question in this run' });
    expect(await askRun(run.folder, { ...request, answer: { kind: 'text', text: 'yes' } })).toMatchObject({
      ok: false,
    });
    const answers = await Promise.all([
      askRun(run.folder, { ...request, answer: { kind: 'deny', reason: '' } }),
      askRun(run.folder, { ...request, by: 'bert', answer: { kind: 'allow' } }),
    ]);
    expect(answers.filter(({ ok }) => ok === true)).toHaveLength(1);
    const [lost] = answers.filter(({ ok }) => ok === false);
    expect(lost?.message).toMatch(/^(anna|bert) was faster: it is (allowed|denied) already$/);
    await ended(run);
    expect(await run.events('claude.answered')).toHaveLength(1);
  });

  test('is closed without an answer when its run is cancelled', async () => {
    const run = await startAsking(flow('Touch cancelled'));
    await run.question();
    expect((await rig.run(['cancel', run.runId])).code).toBe(0);
    expect(await ended(run)).toMatchObject({ code: 130 });
    expect(await run.events('claude.answered')).toMatchObject([{ answer: 'unanswered' }]);
    expect(existsSync(path.join(rig.work, 'cancelled'))).toBe(false);
  });

  test('is closed without an answer when stepspan is killed, and nothing is allowed', async () => {
    const run = await startAsking(flow('Touch dies'));
    const { questionId } = await run.question();
    run.child.kill('SIGKILL');
    await run.done;
    const late = await rig.run(['answer', run.runId, '--question', questionId, '--allow']);
    expect(late).toMatchObject({ code: 3 });
    expect(late.stderr).toContain(`The stepspan that ran ${run.runId} was killed.`);
    expect((await rig.run(['cancel', run.runId])).code).toBe(0);
    expect(await run.events('claude.answered')).toMatchObject([
      { questionId, answer: 'unanswered', by: 'stepspan', from: 'stepspan' },
    ]);
    expect((await run.state())?.steps[0]?.questions).toEqual([]);
    expect(existsSync(path.join(rig.work, 'dies'))).toBe(false);
    expect(rig.processes()).toEqual([]);
  });
});

describe('a question', () => {
  test.each([
    [['--choose', 'sqlite'], 'SQLite'],
    [['--choose', '1'], 'Postgres'],
    [['--text', 'neither: use "flat" files'], 'neither: use "flat" files'],
  ])('is answered with %j', async (flags, answer) => {
    const run = await startAsking(flow('Choose'));
    const { questionId, summary } = await run.question();
    expect(summary).toBe('Which database?');
    const shown = await rig.run(['answer', run.runId]);
    expect(shown.stdout).toContain('  Which database?\n    1. Postgres: a server\n    2. SQLite: a file\n');
    const wrong = await rig.run(['answer', run.runId, '--choose', 'Oracle']);
    expect(wrong).toMatchObject({ code: 3 });
    expect(wrong.stderr).toContain('"Oracle" is not an option; the options are "Postgres", "SQLite"');
    expect((await rig.run(['answer', run.runId, '--question', questionId, ...flags])).code).toBe(0);
    expect(await ended(run)).toMatchObject({ code: 0, result: { outcome: 'success' } });
    expect(await run.events('claude.answered')).toMatchObject([{ answer: 'chosen', text: answer }]);
    const [returned] = (await rig.journal(run.runId)).events('claude.tool_returned', 'fix');
    expect(returned).toMatchObject({ isError: false });
    expect(returned?.text).toContain(`"Which database?"="${answer}"`);
  });
});

test('several questions are answered at once, one of them with several options', async () => {
  const run = await startAsking(flow('Pick several'));
  await run.question();
  const shown = await rig.run(['answer', run.runId]);
  expect(shown.stdout).toContain('  Which checks?\n  (several can be chosen)\n    1. lint\n');
  const few = await rig.run(['answer', run.runId, '--choose', 'sqlite']);
  expect(few.stderr).toContain('choose 2 options, one for each question');
  const wrong = await rig.run(['answer', run.runId, '--choose', '2', '1,4']);
  expect(wrong.stderr).toContain('"1,4" is not an option; the options are "lint", "types", "tests"');
  expect((await rig.run(['answer', run.runId, '--choose', 'sqlite', '1,tests'])).code).toBe(0);
  expect(await ended(run)).toMatchObject({ code: 0 });
  const [returned] = (await rig.journal(run.runId)).events('claude.tool_returned', 'fix');
  expect(returned?.text).toContain('"Which database?"="SQLite"');
  expect(returned?.text).toContain('"Which checks?"="lint, tests"');
});

test('a plan is shown and approved', async () => {
  const run = await startAsking(flow('Plan it', '{wait: 5m}', ', permissionMode: plan'));
  expect(await run.question()).toMatchObject({ kind: 'plan', summary: 'the plan' });
  const shown = await rig.run(['answer', run.runId]);
  expect(shown.stdout).toContain('step fix waits for approval of the plan\n');
  expect((await rig.run(['answer', run.runId, '--allow'])).stdout).toBe(`Run ${run.runId}: ExitPlanMode is allowed.\n`);
  expect(await ended(run)).toMatchObject({ code: 0 });
  const [returned] = (await rig.journal(run.runId)).events('claude.tool_returned', 'fix');
  expect(returned).toMatchObject({ isError: false });
});

test('the API lists questions whole, and takes answers from those who may control', async () => {
  const run = await startAsking(flow('Touch api'));
  const { questionId } = await run.question();
  const hub = await liveHub(dataFolder(rig.dataDir));
  const at = `/api/v1/runs/${run.runId}`;
  const reading = { authorization: `Bearer ${hub.tokens.read}` };
  expect((await hub.get(at, reading)).body).toMatchObject({ state: 'waiting_for_you' });
  const { body } = await hub.get(`${at}/questions`, reading);
  expect(body.questions).toMatchObject([
    { questionId, step: 'fix', tool: 'Bash', isCut: false, answers: ['allow', 'allow_always', 'deny'] },
  ]);
  expect(JSON.parse(body.questions[0].input)).toMatchObject({ command: 'touch api && echo made' });
  const answer = { questionId, answer: 'allow' };
  expect((await hub.post(`${at}/answer`, answer, reading)).status).toBe(403);
  expect((await hub.post(`${at}/answer`, { ...answer, text: 'x' })).body.error).toMatchObject({ code: 'bad_request' });
  expect((await hub.post(`${at}/answer`, { ...answer, answer: 'choose' })).status).toBe(400);
  expect((await hub.post(`${at}/answer`, { ...answer, questionId: 'q-1' })).status).toBe(409);
  expect((await hub.get(`${at}/answer?questionId=${questionId}&answer=allow`)).status).toBe(404);
  expect((await hub.post(`${at}/answer`, answer)).body).toMatchObject({ ok: true });
  const again = await hub.post(`${at}/answer`, answer);
  expect(again).toMatchObject({ status: 409 });
  await ended(run);
  expect(await run.events('claude.answered')).toMatchObject([{ answer: 'allowed', by: 'api', from: 'api' }]);
  expect(existsSync(path.join(rig.work, 'api'))).toBe(true);
});

test('secrets of a command are hidden in the question, and the command that runs has them', async () => {
  const run = await startAsking(flow('Touch secret').replace('steps:', 'secrets: [MY_KEY]\nsteps:'), {
    MY_KEY: 'hunter2hunter2',
  });
  await run.question();
  const shown = await rig.run(['answer', run.runId]);
  expect(shown.stdout).not.toContain('hunter2hunter2');
  expect(shown.stdout).toContain('hidden:');
  expect((await rig.run(['answer', run.runId, '--allow'])).code).toBe(0);
  await ended(run);
  expect(existsSync(path.join(rig.work, 'hunter2hunter2'))).toBe(true);
  expect(rig.filesWith('hunter2hunter2')).toEqual([]);
});

test('rules answer without a person; `never` and a step that asks nothing wait for nobody', async () => {
  const yaml = `name: rules
ask: {wait: 5m, rules: {allow: ['Bash(touch once *)'], deny: ['Bash(touch late *)']}}
steps:
  - {id: allowed, claude: Touch once}
  - {id: denied, claude: Touch late}
  - {id: never, claude: {prompt: Touch slow, ask: never}}
  - {id: quiet, claude: Nothing to ask}
`;
  rmSync(path.join(rig.work, 'once'), { force: true });
  const { code, result } = await rig.runYaml(yaml);
  expect([code, new Set(Object.values(outcomesOf(result)))]).toEqual([0, new Set(['success'])]);
  const journal = await rig.journal(result.runId);
  expect(journal.events('claude.asked')).toEqual([]);
  const denied = journal.events('claude.permission_denied').map(({ subject }) => subject?.step);
  expect(denied.toSorted()).toEqual(['denied', 'never']);
  expect(existsSync(path.join(rig.work, 'once'))).toBe(true);
  const commands = journal.events('attempt.started').map(({ subject, command }) => [subject?.step, command]);
  const asks = commands.filter(([, command]) => command?.includes('--permission-prompt-tool stdio'));
  expect(asks.map(([step]) => step).toSorted()).toEqual(['allowed', 'denied', 'quiet']);
});

test('of several open questions one has to be named', async () => {
  const yaml = `name: two
ask: {wait: 5m}
steps:
  - {id: one, claude: Touch raced}
  - {id: two, claude: Touch fails}
`;
  const run = await startAsking(yaml);
  await until(async () => (await run.state())?.steps.every(({ questions }) => questions.length === 1));
  const several = await rig.run(['answer', run.runId, '--allow']);
  expect(several).toMatchObject({ code: 2 });
  expect(several.stderr).toMatch(/asks 2 questions; choose one with --question: q-\w{8} \(step \w+\), q-\w{8}/);
  expect((await rig.run(['answer', run.runId, '--step', 'three'])).code).toBe(7);
  for (const step of ['one', 'two'])
    expect((await rig.run(['answer', run.runId, '--step', step, '--deny', 'no'])).code).toBe(0);
  expect((await rig.run(['answer', run.runId])).stdout).toBe(`Run ${run.runId} asks nothing now.\n`);
  expect((await ended(run)).code).toBe(0);
});

describe('a message', () => {
  const yaml = `name: messages
ask: {wait: 5m, rules: {allow: [Bash]}}
steps:
  - {id: fix, claude: Wait for it, timeout: 2m}
`;

  test('reaches Claude Code, and is in the record', async () => {
    rmSync(path.join(rig.work, 'go'), { force: true });
    const run = await startAsking(yaml);
    await until(async () => (await run.state())?.steps[0]?.activity.kind === 'tool');
    const sent = await rig.run(['tell', run.runId, 'also update the docs', '--step', 'fix']);
    expect(sent).toMatchObject({ code: 0, stdout: `Run ${run.runId}: the message is sent.\n` });
    rig.write('go', '');
    const { code, result } = await ended(run);
    expect([code, outcomesOf(result)]).toEqual([0, { fix: 'success' }]);
    const journal = await rig.journal(run.runId);
    expect(journal.events('claude.told', 'fix')).toMatchObject([{ text: 'also update the docs', from: 'cli' }]);
    expect(JSON.stringify(rig.api?.requests.at(-1)?.body)).toContain('also update the docs');
    const shown = await rig.run(['show', run.runId, '--conversation']);
    expect(shown.stdout).toContain(': also update the docs\n');
    const late = await rig.run(['tell', run.runId, 'too late']);
    expect(late).toMatchObject({ code: 3 });
    expect(late.stderr).toContain('has ended; there is nothing left to send a message to');
  });

  test('is refused for what takes none: no such step, a command, a step without `ask`, an empty text', async () => {
    rmSync(path.join(rig.work, 'go'), { force: true });
    const steps = [
      '  - {id: fix, claude: {prompt: Wait for it, ask: never, allowedTools: [Bash]}}',
      '  - {id: shell, run: "while [ ! -e go ]; do sleep 0.05; done"}',
      '  - {id: later, needs: shell, claude: Nothing to ask}',
    ];
    const run = await startAsking(`name: refused\nsteps:\n${steps.join('\n')}\n`);
    await until(async () => (await run.state())?.steps[0]?.activity.kind === 'tool');
    const refusals = [
      ['fix', 'step `fix` takes no messages; give it `ask` in the workflow'],
      ['shell', 'step `shell` is a command, and takes no messages'],
      ['later', 'step `later` is not running'],
      ['none', 'it has no step `none`'],
    ] as const;
    const who = { by: 'anna', from: 'api' } as const;
    for (const [step, message] of refusals)
      expect(await askRun(run.folder, { verb: 'tell', step, text: 'x', ...who })).toEqual({ ok: false, message });
    expect((await rig.run(['tell', run.runId, ' '])).code).toBe(2);
    rig.write('go', '');
    expect((await ended(run)).code).toBe(0);
  });
});
