// Claude steps whose turn is ended before its result: by a person, who then says how it continues, and by a pause of the run. The real CLI
// against a scripted API.
import { spawn } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { askRun } from '../../src/control/index.ts';
import { noFindings } from '../../src/core/finding.ts';
import { type Asking, ended, startAsking } from '../support/asking.ts';
import { cliProgram } from '../support/cli.ts';
import { type CliRig, startCliRig } from '../support/cli-rig.ts';
import { compileCache } from '../support/compile-cache.ts';
import { until } from '../support/until.ts';

const bash = (command: string) => ({ name: 'Bash', input: { command, description: 'x' } });
/** Runs until the file is there, so that no test depends on how fast anything is. */
const wait = bash('while [ ! -e go ]; do sleep 0.05; done; echo came');

let rig: CliRig;
beforeAll(async () => {
  rig = await startCliRig({
    script: [
      { prompt: 'a person interrupted your turn', turns: [{ kind: 'reply', text: 'I continue.' }] },
      { prompt: 'the run was paused', turns: [{ kind: 'reply', text: 'I continue after the pause.' }] },
      { prompt: 'use flat files', turns: [{ kind: 'reply', text: 'Flat files it is.' }] },
      {
        prompt: 'Wait for it',
        turns: [
          { kind: 'reply', text: 'I wait.', tools: [wait] },
          { kind: 'reply', text: 'It came.' },
        ],
      },
      {
        prompt: 'Touch it',
        turns: [
          { kind: 'reply', text: 'I touch it.', tools: [bash('touch touched')] },
          { kind: 'reply', text: 'Touched.' },
        ],
      },
    ],
  });
});
afterAll(() => rig.close());

const flow = (more = '', ask = '{wait: 5m, rules: {allow: ["Bash(while *)", "Bash(sleep *)", "Bash(echo *)"]}}') => {
  rmSync(path.join(rig.work, 'go'), { force: true });
  return `name: interrupts\nask: ${ask}\nsteps:\n  - {id: fix, claude: Wait for it, timeout: 2m${more}}\n`;
};

const isInCommand = (run: Asking) => until(async () => (await run.state())?.steps[0]?.activity.kind === 'tool');

async function interrupted(run: Asking) {
  await isInCommand(run);
  const asked = await rig.run(['interrupt', run.runId]);
  expect(asked.stdout).toBe(
    [
      `Run ${run.runId}: its turn is interrupted; answer how it continues.`,
      ...['--continue', '--text MESSAGE', '--end REASON'].map(
        (flag) => `  stepspan answer ${run.runId} --step fix ${flag}`,
      ),
      '',
    ].join('\n'),
  );
  return run.question();
}

describe('a person', () => {
  test('interrupts a command and continues: one session, one result, its cost once, its spans whole', async () => {
    const run = await startAsking(rig, flow());
    const question = await interrupted(run);
    expect(question).toMatchObject({ kind: 'interrupted', summary: 'its turn was interrupted', onTimeout: 'fail' });
    const shown = await rig.run(['answer', run.runId]);
    expect(shown.stdout).toContain('step fix waits for how to continue: its turn was interrupted\n');
    expect(shown.stdout).toContain(`--question ${question.questionId} --end REASON\n`);
    expect((await rig.run(['show', run.runId])).stdout).toContain('waiting for you: how to continue');
    const again = await rig.run(['interrupt', run.runId, '--step', 'fix']);
    expect(again).toMatchObject({ code: 3 });
    expect(again.stderr).toContain('its turn is interrupted already; answer how it continues');
    const wrong = await rig.run(['answer', run.runId, '--allow']);
    expect(wrong.stderr).toContain('its turn is interrupted: continue it, send a message, or end the step');
    const answered = await rig.run(['answer', run.runId, '--continue']);
    expect(answered.stdout).toBe(`Run ${run.runId}: the step continues.\n`);
    const { code, result, stderr } = await ended(run);
    expect([code, result.outcome, stderr]).toMatchObject([0, 'success', expect.stringContaining('interrupted by ')]);
    const journal = await rig.journal(run.runId);
    expect(journal.events('claude.interrupted', 'fix')).toMatchObject([{ cause: 'person', from: 'cli' }]);
    expect(journal.events('claude.answered', 'fix')).toMatchObject([{ answer: 'continued', from: 'cli' }]);
    const sessions = journal.events('claude.session', 'fix').map(({ sessionId }) => sessionId);
    expect(new Set(sessions).size).toBe(1);
    const [cost] = journal.events('claude.cost', 'fix');
    expect(cost?.models.map(({ inputTokens }) => inputTokens)).toEqual([2400]);
    expect(journal.events('claude.nesting', 'fix')).toMatchObject([{ derivedSpans: 0 }]);
    expect(journal.events('stall.detected', 'fix')).toEqual([]);
    expect(journal.events('attempt.finished', 'fix')[0]?.findings ?? noFindings).toEqual(noFindings);
    const talk = (await rig.run(['show', run.runId, '--conversation'])).stdout;
    expect(talk).toMatch(/interrupted by \S+\n.*continued by \S+ after .*message from stepspan \(read\): You were/s);
  });

  test('continues with a message, by answer or sent by itself, and ends the step', async () => {
    const byAnswer = await startAsking(rig, flow());
    await interrupted(byAnswer);
    expect((await rig.run(['answer', byAnswer.runId, '--text', 'use flat files'])).stdout).toContain('message is sent');
    expect(await ended(byAnswer)).toMatchObject({ code: 0 });
    expect(JSON.stringify(rig.api?.requests.at(-1)?.body)).toContain('use flat files');
    expect(await byAnswer.events('claude.told')).toMatchObject([{ text: 'use flat files', from: 'cli' }]);

    const bySending = await startAsking(rig, flow());
    const { questionId } = await interrupted(bySending);
    expect((await rig.run(['tell', bySending.runId, 'use flat files'])).code).toBe(0);
    expect(await ended(bySending)).toMatchObject({ code: 0 });
    expect(await bySending.events('claude.answered')).toMatchObject([{ questionId, answer: 'chosen' }]);

    const ends = await startAsking(rig, flow(', retries: 3'));
    await interrupted(ends);
    expect((await rig.run(['answer', ends.runId, '--end', 'not today'])).stdout).toContain('the step ends');
    const { code, result } = await ended(ends);
    expect([code, result.outcome, result.steps[0]?.attempts]).toEqual([1, 'failure', 1]);
    expect(result.steps[0]?.message).toMatch(/^interrupted, and ended by \S+: not today$/);
  });

  test('interrupts what asks: the question is withdrawn, and nothing is allowed', async () => {
    rmSync(path.join(rig.work, 'touched'), { force: true });
    const run = await startAsking(rig, flow().replace('Wait for it', 'Touch it'));
    const { questionId } = await run.question();
    expect((await rig.run(['interrupt', run.runId])).code).toBe(0);
    await until(async () => (await run.state())?.steps[0]?.questions[0]?.kind === 'interrupted');
    const late = await rig.run(['answer', run.runId, '--question', questionId, '--allow']);
    expect(late.stderr).toContain('Claude Code no longer asks this');
    expect((await rig.run(['answer', run.runId, '--continue'])).code).toBe(0);
    expect(await ended(run)).toMatchObject({ code: 0 });
    expect(await run.events('claude.answered')).toMatchObject([{ answer: 'withdrawn' }, { answer: 'continued' }]);
    expect(existsSync(path.join(rig.work, 'touched'))).toBe(false);
    expect((await rig.journal(run.runId)).events('claude.permission_denied')).toEqual([]);
  });

  test('who says nothing about a turn that was interrupted ends the step; no step waits longer than `totalWait`', async () => {
    const run = await startAsking(rig, flow(', retries: 3', '{wait: 5m, totalWait: 1s, rules: {allow: [Bash]}}'));
    await interrupted(run);
    const { code, result } = await ended(run);
    expect([code, result.steps[0]?.outcome, result.steps[0]?.attempts]).toEqual([1, 'failure', 1]);
    expect(result.steps[0]?.message).toBe(
      'the step has waited 1s for answers in all (`totalWait`): its turn was interrupted',
    );
    expect(await run.events('claude.answered')).toMatchObject([{ answer: 'timed_out', by: 'stepspan' }]);
  });
});

describe('a pause of the run', () => {
  test('ends the turn when the call that runs has its result, and continues with the run', async () => {
    const run = await startAsking(rig, flow());
    await isInCommand(run);
    expect((await rig.run(['pause', run.runId])).code).toBe(0);
    expect(await run.events('claude.interrupted')).toEqual([]);
    rig.write('go', '');
    await until(async () => (await run.events('claude.interrupted')).length === 1);
    const who = { by: 'anna', from: 'api' } as const;
    // Its turn may still be ending.
    await until(async () => {
      const { message = '' } = await askRun(run.folder, { verb: 'interrupt', step: 'fix', ...who });
      return message === 'its turn has ended for the pause of the run; continue the run first';
    });
    expect((await run.state())?.steps[0]?.questions).toEqual([]);
    expect((await rig.run(['continue', run.runId])).code).toBe(0);
    expect(await ended(run)).toMatchObject({ code: 0, result: { outcome: 'success' } });
    const journal = await rig.journal(run.runId);
    expect(journal.events('claude.interrupted', 'fix')).toMatchObject([{ cause: 'pause', by: 'cli' }]);
    expect(journal.events('claude.told', 'fix')).toMatchObject([{ by: 'stepspan' }]);
    const returned = journal.events('claude.tool_returned', 'fix');
    expect(returned).toMatchObject([{ isError: false, text: 'came' }]);
    expect(journal.events('attempt.finished', 'fix')[0]?.pausedMs).toBeGreaterThan(0);
  });

  test('keeps messages for when the run continues; a run that is cancelled meanwhile ends', async () => {
    const run = await startAsking(rig, flow());
    await isInCommand(run);
    await rig.run(['pause', run.runId]);
    rig.write('go', '');
    const send = async () => (await rig.run(['tell', run.runId, '--step', 'fix', 'use flat files'])).stdout;
    await until(async () => (await run.events('claude.interrupted')).length === 1);
    await until(async () => (await send()).includes('the message is sent when the run continues'));
    await rig.run(['continue', run.runId]);
    expect(await ended(run)).toMatchObject({ code: 0 });

    const cancelled = await startAsking(rig, flow());
    await isInCommand(cancelled);
    await rig.run(['pause', cancelled.runId]);
    rig.write('go', '');
    await until(async () => (await cancelled.events('claude.interrupted')).length === 1);
    await rig.run(['cancel', cancelled.runId]);
    expect(await ended(cancelled)).toMatchObject({ code: 130 });
    expect(rig.processes()).toEqual([]);
  });
});

test('a run on a terminal shows what it asks, whole, and takes the answer that is typed', async () => {
  rmSync(path.join(rig.work, 'touched'), { force: true });
  const file = rig.write('typed.yaml', flow().replace('Wait for it', 'Touch it'));
  const command = [process.execPath, cliProgram, 'run', file, '--no-serve', '--colour', 'never'].join(' ');
  const child = spawn('script', ['-qefc', command, '/dev/null'], {
    cwd: rig.work,
    env: { ...compileCache, ...rig.env, COLUMNS: '100', TERM: 'xterm' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let screen = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    screen += text;
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  await until(() => /answer q-\w{8} \(a allow, s always, d deny REASON\): /.test(screen));
  expect(screen).toContain('    touch touched');
  // What was typed for a shell allows nothing.
  child.stdin.write('alias x\r');
  await until(() => screen.includes('Type one of: a allow, s always, d deny REASON.'));
  expect(existsSync(path.join(rig.work, 'touched'))).toBe(false);
  child.stdin.write('dx\x7f\x7fa\r');
  expect(await ended).toBe(0);
  expect(screen).toContain('Bash is allowed.');
  expect(existsSync(path.join(rig.work, 'touched'))).toBe(true);
  const journal = await rig.journal(rig.runIds().toSorted().at(-1) ?? '');
  expect(journal.events('claude.answered', 'fix')).toMatchObject([{ answer: 'allowed', from: 'terminal' }]);
});
