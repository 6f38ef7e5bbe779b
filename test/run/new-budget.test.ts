// Another budget for a resumed run: how it is written, what it replaces, and when it makes no sense.
import { expect, test } from 'vitest';
import { parseBudget } from '../../src/cli/run.ts';
import { withBudget } from '../../src/library/new-budget.ts';
import { defineWorkflow } from '../../src/workflow/index.ts';

const written = defineWorkflow({ name: 'w', budget: { usd: 2, tokens: 1_000 }, steps: [{ id: 'a', run: 'true' }] });
if (!written.ok) throw new Error('the workflow of this test is wrong');
const { workflow } = written;
const used = { usd: 1.5, tokens: 900, estimated: false };

test.each([
  ['5', { usd: 5 }],
  ['0.25', { usd: 0.25 }],
  ['5usd', { usd: 5 }],
  ['3000000tokens', { tokens: 3_000_000 }],
  ['3000000 Tokens', { tokens: 3_000_000 }],
  ['none', { usd: null, tokens: null }],
])('%s is read as %o', (text, budget) => {
  expect(parseBudget(text)).toEqual(budget);
});

test.each(['', '0', '-1', '5eur', '1.5tokens', '1e3', '$5', 'tokens', '0x5', 'Infinity'])('%j is refused', (text) => {
  expect(() => parseBudget(text)).toThrow(/3000000tokens/);
});

test('one for each unit can be given, the later of a unit is taken', () => {
  expect(parseBudget('2000tokens', parseBudget('5'))).toEqual({ usd: 5, tokens: 2_000 });
  expect(parseBudget('6', parseBudget('5'))).toEqual({ usd: 6 });
});

test.each([
  [{ usd: 5 }, { usd: 5, tokens: 1_000 }],
  [{ tokens: 5_000 }, { usd: 2, tokens: 5_000 }],
  [{ usd: null }, { usd: undefined, tokens: 1_000 }],
  [
    { usd: null, tokens: null },
    { usd: undefined, tokens: undefined },
  ],
])('%o leaves the limit of the other unit as the workflow has it', (given, budget) => {
  expect(withBudget(workflow, used, given)).toEqual({ ok: true, workflow: { ...workflow, budget } });
});

test.each([
  [{ usd: 1.5 }, 'used $1.50, so a budget of $1.50 leaves nothing'],
  [{ tokens: 900 }, 'used 900 tokens, so a budget of 900 tokens leaves nothing'],
  [{ usd: 0 }, '0 USD is not a budget'],
  [{ usd: Number.NaN }, 'NaN USD is not a budget'],
  [{ tokens: 1000.5 }, 'give a whole number of tokens above 0'],
])('%o is refused, as no step could begin with it', (given, message) => {
  expect(withBudget(workflow, used, given)).toEqual({ ok: false, message: expect.stringContaining(message) });
});

test('a limit that is used up and was not raised is reported as well', () => {
  const spent = { usd: 1, tokens: 1_200, estimated: false };
  expect(withBudget(workflow, spent, { usd: 5 })).toEqual({
    ok: false,
    message: expect.stringContaining('used 1,200 tokens'),
  });
});
