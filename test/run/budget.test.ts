// What a run may cost, with the real Claude Code CLI against a scripted API: counted over steps, attempts and resumed runs,
// in US dollars and in tokens; and a larger one on resume.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { resultOf } from '../support/cli.ts';
import { type CliRig, outcomesOf, startCliRig } from '../support/cli-rig.ts';

const dear = { input: 400_000, output: 20_000 } as const;
const sleep = { name: 'Bash', input: { command: 'sleep 0.2', description: 'x' } };

let rig: CliRig;
beforeAll(async () => {
  rig = await startCliRig({
    script: [
      { prompt: /^Spend/, turns: [{ kind: 'reply', text: 'Spent.', usage: dear }] },
      // A resumed step continues its session with a prompt of stepspan's.
      { prompt: /^Loop|You were interrupted/, turns: [{ kind: 'reply', tools: [sleep], usage: dear }] },
    ],
  });
});
afterAll(() => rig.close());

describe('a budget', () => {
  test('in USD is counted over steps, attempts and resumes; what runs is stopped and says so', async () => {
    const first = await rig.runYaml(`
name: dear
budget: 2
concurrency: 2
steps:
  - {id: one, claude: {prompt: Spend one, model: sonnet}}
  - {id: shell, needs: one, run: 'sleep 0.5; echo shell ends by itself'}
  - {id: loop, needs: one, continueOnFailure: true, retries: 3, claude: {prompt: Loop, allowedTools: [Bash], model: sonnet}}
  - {id: never, needs: loop, when: always(), run: 'true'}
`);
    expect([first.code, first.result.outcome, first.result.reason]).toEqual([5, 'error', 'budget']);
    expect(first.result.message).toMatch(/the budget of \$2\.00 is used up/);
    expect(outcomesOf(first.result)).toEqual({ one: 'success', shell: 'success', loop: 'error', never: 'skip' });
    const journal = await rig.journal(first.result.runId);
    expect(journal.events('run.budget_warned')).toHaveLength(1);
    expect(journal.events('run.budget_exceeded')).toMatchObject([{ unit: 'USD', limit: 2 }]);
    expect(journal.events('attempt.started', 'loop')).toHaveLength(1);
    expect(journal.events('step.finished', 'loop')[0]?.outcome).toMatchObject({ kind: 'error', reason: 'budget' });
    expect(journal.events('attempt.started', 'loop')[0]?.command).toMatch(/--max-budget-usd 0?\.?\d/);
    expect(rig.processes()).toEqual([]);

    const resumed = await rig.run(['resume', first.result.runId]);
    expect(resumed.code).toBe(5);
    expect(resumed.stdout).toMatch(/the budget of \$2\.00 is used up/);
    expect(resumed.stdout).toMatch(/to continue: stepspan resume \S+ --budget AMOUNT\n/);
    const again = await rig.journal(rig.runIds()[0] ?? '');
    expect(again.events('attempt.started')).toEqual([]);

    const less = await rig.run(['resume', 'latest', '--budget', '1.5']);
    expect([less.code, less.stderr]).toEqual([2, expect.stringMatching(/have used \$2\.\d\d, .* give more than that/)]);
    const more = await rig.run(['resume', 'latest', '--budget', '3.5', '--json']);
    expect([more.code, resultOf(more).message]).toEqual([5, expect.stringContaining('the budget of $3.50 is used up')]);
    const raised = await rig.journal(resultOf(more).runId);
    expect(raised.events('run.started')).toMatchObject([{ budgetUsd: 3.5, definition: { budget: { usd: 3.5 } } }]);
    expect(raised.events('attempt.started').map(({ subject }) => subject?.step)).toEqual(['loop']);
  });

  test('in tokens stops too, and a cancel reaches the shell steps that it let finish', async () => {
    const file = rig.write(
      'tokens.yaml',
      `
name: tokens
budget: {tokens: 1000000}
steps:
  - {id: loop, claude: {prompt: Loop, allowedTools: [Bash]}}
  - {id: long, run: sleep 60}
`,
    );
    const cli = rig.start(['run', file]);
    await cli.said('the budget of 1,000,000 tokens is used up');
    await cli.said(/loop ✗ error after/);
    cli.child.kill('SIGINT');
    const { code } = await cli.done;
    expect(code).toBe(5);
    const [runId = ''] = rig.runIds();
    const journal = await rig.journal(runId);
    expect(journal.events('step.finished', 'long')[0]?.outcome).toMatchObject({ kind: 'cancellation' });
    expect(journal.events('run.cancelling')).toMatchObject([{ by: 'budget' }, { by: 'SIGINT' }]);
    expect(rig.processes()).toEqual([]);
  });
});
