// What Claude Code asks, on the page: a command, a change and a question as a card that shows all of it and answers, on a desktop and on a
// phone; the real CLI waits for the answer. One who may only look cannot answer.
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Script } from '../../demo/messages-api/script.ts';
import { type ClaudeRig, looks, shots, startClaudeRig } from './rig.ts';

const place = mkdtempSync(path.join(tmpdir(), 'stepspan-page-ask-'));
const made = (name: string): string => path.join(place, name);

const command = (name: string) => ({
  name: 'Bash',
  input: { command: `touch ${made(name)} && echo \u202e"<b>made</b>"`, description: 'makes a file' },
});
const question = {
  name: 'AskUserQuestion',
  input: {
    questions: [
      {
        ...{ question: 'Which *database* <i>now</i>?', header: 'DB', multiSelect: false },
        options: [
          { label: 'Postgres', description: 'a server' },
          { label: 'SQLite', description: 'a file' },
        ],
      },
    ],
  },
};
const write = { name: 'Write', input: { file_path: made('new.txt'), content: 'first\nsecond\n' } };
const turns = (tool: object) => [
  { kind: 'reply' as const, text: 'I ask.', tools: [tool as typeof write] },
  { kind: 'reply' as const, text: 'Ended.' },
];

let rig: ClaudeRig;
beforeAll(async () => {
  const busy = {
    name: 'Bash',
    input: { command: `while [ ! -e ${made('go')} ]; do sleep 0.05; done`, description: 'x' },
  };
  const prompts = { one: command('one'), two: command('two'), choose: question, write };
  const script: Script = [
    { prompt: 'also the docs', turns: [{ kind: 'reply', text: 'The docs too.' }] },
    // Claude Code sends the message that follows an interrupt beside the result of the call, so the prompt stays that of the step.
    {
      prompt: 'Do busy',
      turns: [
        { kind: 'reply', text: 'I wait.', tools: [busy] },
        { kind: 'reply', text: 'I continue.', tools: [busy] },
        { kind: 'reply', text: 'Gone.' },
      ],
    },
    ...Object.entries(prompts).map(([name, tool]) => ({ prompt: `Do ${name}`, turns: turns(tool) })),
  ];
  rig = await startClaudeRig({ place, script });
});
afterAll(() => rig.close());

const flow = (name: string): string =>
  `name: asks\nask: {wait: 30m}\nsteps:\n  - {id: fix, name: Fix it, claude: Do ${name}, timeout: 5m}\n`;

async function showRun(page: Page, runId: string) {
  await page.goto(`${rig.hub.url}/#/runs/${runId}/output`);
  const card = page.getByRole('region', { name: 'Questions to you' });
  await card.waitFor();
  return card;
}

test('a command is shown whole and allowed; the other browser sees that it is answered', async () => {
  const { runId, ended } = await rig.start(flow('one'));
  const one = await rig.open();
  const two = await rig.open({ viewport: { width: 900, height: 800 } });
  const cards = [await showRun(one.page, runId), await showRun(two.page, runId)];
  for (const card of cards) {
    await card.getByText('Fix it waits for permission for Bash').waitFor();
    await card.getByText(`touch ${made('one')} && echo <U+202E>"<b>made</b>"`, { exact: true }).waitFor();
  }
  await one.page.locator('.run-title').getByText('waiting for you').waitFor();
  expect(await one.page.title()).toMatch(/^\? /);
  expect(existsSync(made('one'))).toBe(false);
  await cards[0]?.getByRole('button', { name: 'Allow', exact: true }).click();
  await two.page.getByRole('region', { name: 'Questions to you' }).waitFor({ state: 'detached' });
  await ended;
  expect(existsSync(made('one'))).toBe(true);
  for (const { context } of [one, two]) await context.close();
});

test('is denied with a reason on a phone, where nothing is wider than the screen', async () => {
  const { runId, ended } = await rig.start(flow('two'));
  const { page, context } = await rig.open(looks.phone);
  const card = await showRun(page, runId);
  const deny = card.getByRole('button', { name: 'Deny' });
  await card.getByRole('textbox', { name: 'Reason for denying it' }).fill('not on a Friday');
  const box = await deny.boundingBox();
  expect(box?.height).toBeGreaterThanOrEqual(40);
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390);
  await page.screenshot({ path: path.join(shots, 'ask-phone.png') });
  await deny.click();
  await ended;
  expect(existsSync(made('two'))).toBe(false);
  expect(JSON.stringify(rig.api.requests.map(({ body }) => body))).toContain('not on a Friday');
  await context.close();
});

test('a question is answered with an option; its words are data', async () => {
  const { runId, ended } = await rig.start(flow('choose'));
  const { page, context } = await rig.open();
  const card = await showRun(page, runId);
  await card.getByText('Which *database* <i>now</i>?', { exact: true }).waitFor();
  const answer = card.getByRole('button', { name: 'Answer' });
  expect(await answer.isDisabled()).toBe(true);
  await card.getByRole('radio', { name: /SQLite/ }).check();
  await answer.click();
  await ended;
  const asked = JSON.stringify(rig.api.requests.map(({ body }) => body)).replaceAll('\\', '');
  expect(asked).toContain('="SQLite"');
  await context.close();
});

test('a change is shown as a diff and passes axe; who may only look cannot answer', async () => {
  const { runId, ended } = await rig.start(flow('write'));
  const { page, context } = await rig.open({}, 'read');
  const card = await showRun(page, runId);
  await card.getByText('+first', { exact: true }).waitFor();
  await card.getByText('+second', { exact: true }).waitFor();
  await card.getByText('This browser can look, and not answer.').waitFor();
  expect(await card.getByRole('button').count()).toBe(0);
  await context.close();
  const control = await rig.open();
  const own = await showRun(control.page, runId);
  await own.getByText('+second', { exact: true }).waitFor();
  await own.getByRole('button', { name: 'Allow', exact: true }).isEnabled();
  await control.page.evaluate(readFileSync(path.resolve('node_modules/axe-core/axe.min.js'), 'utf8'));
  const found = await control.page.evaluate(
    "axe.run(document.querySelector('.asks'), { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] })",
  );
  expect((found as { violations: { id: string }[] }).violations.map(({ id }) => id)).toEqual([]);
  await control.page.screenshot({ path: path.join(shots, 'ask-desktop.png') });
  await own.getByRole('button', { name: 'Always allow' }).click();
  await ended;
  expect(readFileSync(made('new.txt'), 'utf8')).toBe('first\nsecond\n');
  await control.context.close();
});

test('a step that runs is interrupted, continued and sent a message, on a phone', async () => {
  const { runId, ended } = await rig.start(flow('busy').replace('wait: 30m', 'wait: 30m, rules: {allow: [Bash]}'));
  const { page, context } = await rig.open(looks.phone);
  await page.goto(`${rig.hub.url}/#/runs/${runId}/conversation`);
  const box = page.getByRole('form', { name: 'Steer Fix it' });
  await page.getByText('while [ ! -e').first().waitFor();
  await box.getByRole('button', { name: 'Interrupt' }).click();
  const card = page.getByRole('region', { name: 'Questions to you' });
  await card.getByText('Fix it is interrupted: how does it continue?').waitFor();
  expect(await box.getByRole('button', { name: 'Interrupt' }).isDisabled()).toBe(true);
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390);
  await page.screenshot({ path: path.join(shots, 'ask-interrupted-phone.png') });
  await card.getByRole('button', { name: 'Continue' }).click();
  await card.waitFor({ state: 'detached' });
  await page.getByText('I continue.').first().waitFor();
  await box.getByRole('textbox', { name: 'Message to Fix it' }).fill('also the docs');
  await box.getByRole('button', { name: 'Send' }).click();
  await page.getByText(/^message from page \((sent|read)\): also the docs$/).waitFor();
  writeFileSync(made('go'), '');
  await ended;
  await page.getByText('message from page (read): also the docs', { exact: true }).waitFor();
  await page.getByText('interrupted by page', { exact: true }).waitFor();
  await context.close();
});
