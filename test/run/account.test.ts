// A login that the API refuses, and an account without credit: what the real Claude Code makes of them, and stepspan of that.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CliRig, startCliRig } from '../support/cli-rig.ts';

let rig: CliRig;
beforeAll(async () => {
  rig = await startCliRig({
    script: [
      { prompt: 'Refused', turns: [{ kind: 'error', status: 401, message: 'invalid x-api-key' }] },
      {
        prompt: 'Empty',
        turns: [{ kind: 'error', status: 400, message: 'Your credit balance is too low to access the Anthropic API.' }],
      },
      { prompt: 'Bad', turns: [{ kind: 'error', status: 400, message: 'the prompt is bad' }] },
    ],
  });
});
afterAll(() => rig.close());

describe('an account that the API refuses', () => {
  test('uses up no retry, and says what to do', async () => {
    const { code, result } = await rig.runYaml(`
name: account
concurrency: 3
steps:
  - {id: refused, claude: Refused, retries: {max: 2, delay: 0s}}
  - {id: empty, claude: Empty, retries: {max: 2, delay: 0s}}
  - {id: bad, claude: Bad, retries: {max: 1, delay: 0s}}
`);
    expect(code).toBe(1);
    const ends = Object.fromEntries(result.steps.map(({ id, attempts, message }) => [id, { attempts, message }]));
    expect(ends).toMatchObject({
      refused: { attempts: 1, message: expect.stringMatching(/log in with/) },
      empty: { attempts: 1, message: expect.stringMatching(/add credit to the account/) },
      bad: { attempts: 2 },
    });
    const journal = await rig.journal(result.runId);
    const reasons = ['refused', 'empty', 'bad'].map((step) => journal.events('step.finished', step)[0]?.outcome);
    expect(reasons).toMatchObject([{ reason: 'not_logged_in' }, { reason: 'no_credit' }, { reason: 'claude_error' }]);
  });
});
