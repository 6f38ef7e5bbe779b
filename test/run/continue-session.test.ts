// A Claude step that was interrupted continues in its session: on a retry, after its run was killed, in its own folder. The
// real CLI; what the scripted API was sent shows what it knew.
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Conversation, type Turn, turnFor } from '../../demo/messages-api/script.ts';
import { continuationPrompt, withoutWorktree } from '../../src/run/claude/continuation.ts';
import { resultOf } from '../support/cli.ts';
import { type CliRig, outcomesOf, startCliRig } from '../support/cli-rig.ts';

const bash = (command: string) => ({ name: 'Bash', input: { command, description: 'x' } });
const usage = { input: 1_000, output: 100 } as const;

let rig: CliRig;
const continued: readonly Turn[] = [
  { kind: 'reply', text: 'Done now.', tools: [bash('pwd > continued-in')], usage },
  { kind: 'reply', text: 'All done.', usage },
];
const conversations: Conversation[] = [
  {
    prompt: 'Begin and hang',
    turns: [{ kind: 'reply', text: 'Half of it.', tools: [bash('echo half')], usage }, { kind: 'silence' }],
  },
  {
    prompt: 'Begin and fail',
    turns: [
      { kind: 'reply', text: 'Some of it.', tools: [bash('echo some')], usage },
      { kind: 'error', status: 400, message: 'bad luck' },
    ],
  },
  {
    prompt: 'Work apart',
    turns: [
      { kind: 'reply', tools: [bash('pwd > apart')], usage },
      { kind: 'reply', text: 'Apart.', usage },
    ],
  },
  {
    prompt: 'Enter one',
    turns: [
      { kind: 'reply', tools: [{ name: 'EnterWorktree', input: { name: 'feature' } }], usage },
      { kind: 'reply', text: 'Entered.', usage },
    ],
  },
  {
    prompt: 'Where are you',
    turns: [
      { kind: 'reply', tools: [bash('pwd')], usage },
      { kind: 'reply', text: 'There.', usage },
    ],
  },
];

beforeAll(async () => {
  rig = await startCliRig({
    script(request) {
      // Claude Code puts the prompt into the message of the last tool result, where the API's error left no answer between.
      const said = request.messages.map((message) => JSON.stringify(message));
      const at = said.findLastIndex((text) => text.includes('You were interrupted'));
      if (at === -1) return turnFor(conversations, request, 0);
      return continued[request.messages.slice(at).filter(({ role }) => role === 'assistant').length] ?? continued[1]!;
    },
  });
  const git = (...args: string[]) =>
    execFileSync('git', args, { cwd: rig.work, env: { ...rig.env, GIT_CONFIG_NOSYSTEM: '1' } });
  git('init', '-q');
  git('-c', 'user.name=n', '-c', 'user.email=n@example.com', 'commit', '-q', '--allow-empty', '-m', 'first');
});
afterAll(() => rig.close());

/** The conversation of the newest request whose newest prompt holds the text. */
function conversation(prompt: string): string {
  const request = rig.api?.requests.filter(({ body }) => JSON.stringify(body?.messages ?? '').includes(prompt)).at(-1);
  return JSON.stringify(request?.body?.messages ?? []);
}

const warnings = (text: string): readonly string[] => text.split('\n').filter((line) => line.includes('session'));

describe('retries with session: continue', () => {
  test('give the next attempt what the one that took too long had done, and say why it was interrupted', async () => {
    // Three times what a whole step takes here, so that the attempt times out after its session has begun.
    const startedMs = performance.now();
    await rig.runYaml('name: ready\nsteps: [{id: ask, claude: {prompt: Where are you, allowedTools: [Bash]}}]');
    const seconds = 3 + Math.ceil((3 * (performance.now() - startedMs)) / 1000);
    const { code, result } = await rig.runYaml(`
name: slow
steps:
  - id: ask
    timeout: ${seconds}s
    retries: {max: 5, delay: 10ms, session: continue}
    claude: {prompt: Begin and hang, allowedTools: [Bash]}
`);
    expect([code, result.outcome]).toEqual([0, 'success']);
    const sent = conversation('You were interrupted');
    expect(sent).toContain('Begin and hang');
    expect(sent).toContain('Half of it.');
    expect(sent).toMatch(/You were interrupted \(timeout: took longer than its timeout of [\dms ]+s/);
    const journal = await rig.journal(result.runId);
    const sessions = journal.events('claude.session', 'ask');
    expect(journal.events('attempt.started', 'ask').at(-1)?.command).toContain(
      `--resume ${sessions.at(-2)?.sessionId}`,
    );
    // Each attempt has its own cost: what the session had cost before is not counted again.
    const costs = journal.events('claude.cost', 'ask').map(({ costUsd }) => costUsd);
    expect(result.costUsd).toBeCloseTo(
      costs.reduce((sum, cost) => sum + cost, 0),
      8,
    );
    expect(costs.at(-1)).toBeCloseTo(journal.events('claude.result', 'ask').at(-1)?.costUsd ?? 0, 8);
  });

  test('are for any cause, and without it an attempt starts a new session', async () => {
    const yaml = (session: string): string =>
      `name: fails\nsteps: [{id: ask, retries: {max: 1, delay: 10ms${session}}, claude: {prompt: Begin and fail, allowedTools: [Bash]}}]`;
    const again = await rig.runYaml(yaml(', session: continue'));
    expect(again.result.outcome).toBe('success');
    expect(conversation('You were interrupted (failure')).toContain('Some of it.');
    const fresh = await rig.runYaml(yaml(''));
    expect(fresh.result.outcome).toBe('failure');
  });

  test('start a new session, and say so, if Claude Code no longer has the old one', async () => {
    const cli = rig.start([
      'run',
      rig.write(
        'lost.yaml',
        `
name: lost
steps:
  - id: ask
    retries: {max: 1, delay: 3s, session: continue}
    claude: {prompt: Begin and fail, allowedTools: [Bash]}
`,
      ),
      '--json',
    ]);
    await cli.said(/attempt 2 of 2 in 3\.0 s, in the same session/);
    rmSync(path.join(rig.env.HOME ?? '', '.claude', 'projects'), { recursive: true, force: true });
    const finished = await cli.done;
    const journal = await rig.journal(resultOf(finished).runId);
    expect(warnings(journal.text('system', 'ask')).at(-1)).toMatch(
      /no longer has session [0-9a-f-]{36}; the step starts again/,
    );
    const [, second, third] = journal.events('attempt.started', 'ask');
    expect(second?.command).toContain('--resume');
    expect(third?.command).not.toContain('--resume');
  });
});

test('a step whose run was killed continues in its session when the run is resumed, but not with --fresh', async () => {
  const file = rig.write(
    'killed.yaml',
    `
name: killed
steps:
  - {id: first, run: echo first}
  - {id: ask, needs: first, timeout: 1h, claude: {prompt: Begin and hang, allowedTools: [Bash]}}
`,
  );
  // Counted before the run begins: its request can be there before its line is.
  const asked = (): number =>
    rig.api?.requests.filter(({ body }) => JSON.stringify(body?.messages.at(-1) ?? '').includes('tool_result'))
      .length ?? 0;
  const before = asked();
  const cli = rig.start(['run', file]);
  try {
    await cli.said(/ask \|.*echo half/);
    await rig.api?.waitFor(() => asked() > before);
  } finally {
    // Also when this fails, so that the run does not hold the folder in the tests after it.
    cli.child.kill('SIGKILL');
    await cli.done;
  }
  const [killed = ''] = rig.runIds();
  const plan = JSON.parse((await rig.run(['resume', killed, '--plan', '--json'])).stdout);
  expect(plan.steps).toMatchObject([{ action: 'keep' }, { action: 'run', continuesSession: true }]);
  const fresh = JSON.parse((await rig.run(['resume', killed, '--plan', '--json', '--fresh'])).stdout);
  expect(fresh.steps).toMatchObject([{ action: 'keep' }, { action: 'run', continuesSession: false }]);

  const resumed = await rig.run(['resume', killed, '--json']);
  expect(outcomesOf(resultOf(resumed))).toEqual({ first: 'skip', ask: 'success' });
  const sent = conversation('You were interrupted');
  expect(sent).toContain('Half of it.');
  expect(sent.match(/Begin and hang/g)).toHaveLength(1);
});

describe('a session that works in a git worktree', () => {
  test('is continued there by the step that resumes it, whether it began there or went there', async () => {
    const { code, result } = await rig.runYaml(`
name: worktrees
steps:
  - {id: apart, claude: {prompt: Work apart, allowedTools: [Bash], extraArgs: [--worktree, apart]}}
  - {id: after, needs: apart, claude: {resume: apart, prompt: Where are you, allowedTools: [Bash]}}
  - {id: enter, needs: after, claude: {prompt: Enter one, allowedTools: [EnterWorktree]}}
  - {id: inside, needs: enter, claude: {resume: enter, prompt: Where are you, allowedTools: [Bash]}}
`);
    expect([code, result.outcome]).toEqual([0, 'success']);
    const journal = await rig.journal(result.runId);
    const apart = path.join(rig.work, '.claude/worktrees/apart');
    const feature = path.join(rig.work, '.claude/worktrees/feature');
    expect(journal.events('claude.session', 'apart')[0]?.cwd).toBe(apart);
    expect(readFileSync(path.join(apart, 'apart'), 'utf8')).toBe(`${apart}\n`);
    expect(journal.events('claude.tool_returned', 'after')[0]?.text).toBe(apart);
    expect(journal.events('claude.folder_changed', 'enter')).toMatchObject([{ cwd: feature }]);
    expect(journal.events('claude.tool_returned', 'inside')[0]?.text).toBe(feature);
    expect(journal.text('system', 'after')).toContain(`works in ${apart}`);
  });

  test('cannot be continued once its folder is gone, and the message says so', async () => {
    const { code, result } = await rig.runYaml(`
name: removed
steps:
  - {id: apart, claude: {prompt: Work apart, allowedTools: [Bash], extraArgs: [--worktree, gone]}}
  - {id: remove, needs: apart, run: rm -r .claude/worktrees/gone}
  - {id: after, needs: remove, claude: {resume: apart, prompt: Where are you}}
`);
    expect(code).toBe(3);
    expect(result.steps.at(-1)).toMatchObject({
      outcome: 'error',
      message: expect.stringMatching(/session of step `apart` worked in .*worktrees\/gone, which no longer exists/),
    });
  });
});

test('a session to continue is given up, with a message, if its folder is gone', async () => {
  const yaml = `
name: folder
steps:
  - id: ask
    retries: {max: 1, delay: 3s, session: continue}
    claude: {prompt: Begin and fail, allowedTools: [Bash], extraArgs: [--worktree, lost]}
`;
  const cli = rig.start(['run', rig.write('folder.yaml', yaml), '--json']);
  await cli.said(/attempt 2 of 2 in 3\.0 s, in the same session/);
  rmSync(path.join(rig.work, '.claude/worktrees/lost'), { recursive: true });
  const journal = await rig.journal(resultOf(await cli.done).runId);
  expect(journal.text('system', 'ask')).toMatch(
    /the session to continue worked in .*lost, which no longer exists; the step starts again/,
  );
  expect(journal.events('attempt.started', 'ask')[1]?.command).not.toContain('--resume');
});

test('a continued session is not put into another worktree', () => {
  expect(withoutWorktree(['--worktree', 'a', '--add-dir', '..'])).toEqual(['--add-dir', '..']);
  expect(withoutWorktree(['--add-dir', '..', '-w'])).toEqual(['--add-dir', '..']);
  expect(withoutWorktree(['--worktree=a', '--worktree', '--debug'])).toEqual(['--debug']);
  expect(continuationPrompt('timeout: took too long.')).toMatch(
    /^You were interrupted \(timeout: took too long\)\. Continue/,
  );
});
