// What a person at the page must not miss or be misled by: text that has no newline yet, colours over line ends, work that a
// green step was denied, a cost that nobody knows, a wait for a limit, an expectation that was not met.
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { keepPictures, looks, type Rig, shots, startClaudeRig, startRig } from './rig.ts';
import { untilRows } from './terminal-text.ts';

const fakeClaude = path.resolve(import.meta.dirname, '../fixtures/fake-claude.mjs');
const place = mkdtempSync(path.join(tmpdir(), 'stepspan-page-seen-'));

let rig: Rig;
beforeAll(async () => {
  const write = { name: 'Write', input: { file_path: path.join(place, 'a.txt'), content: 'x' } };
  rig = await startClaudeRig({
    place,
    // A login, as only a subscription has usage limits with a known end.
    env: { ANTHROPIC_API_KEY: '', CLAUDE_CODE_OAUTH_TOKEN: 'sk-ant-oat01-test' },
    script: [
      {
        prompt: 'write the file',
        turns: [
          {
            kind: 'reply',
            text: 'I write it.',
            tools: [write, { name: 'Bash', input: { command: 'npm test && touch x' } }],
          },
          { kind: 'reply', text: 'I was not allowed to.' },
        ],
      },
      {
        prompt: 'reach the limit',
        turns: [
          {
            kind: 'error',
            status: 429,
            message: 'This request would exceed the limit of your account.',
            headers: {
              'anthropic-ratelimit-unified-status': 'rejected',
              'anthropic-ratelimit-unified-reset': String(Math.floor(Date.now() / 1000) + 3600),
              'anthropic-ratelimit-unified-representative-claim': 'five_hour',
              'anthropic-ratelimit-unified-overage-status': 'rejected',
            },
          },
        ],
      },
    ],
  });
});
afterAll(() => rig.close());

/** Keeps pictures of what a tab of a run shows. */
async function keepTab(page: Page, tab: string, name: string): Promise<void> {
  await page.getByRole('tab', { name: tab }).click();
  await page.locator('.gutter a, .turn, .track').first().waitFor();
  await keepPictures(page, `seen-${name}`);
}

const step = (name: string) => path.join(place, `grow-${name}`);
const wait = (name: string) => `while [ ! -e ${step(name)} ]; do sleep 0.05; done`;

test('a line without a newline is on the page at once and grows in its place', async () => {
  const { runId, ended } = await rig.start(`
name: grows
steps:
  - id: ask
    stalls: none
    run: |
      echo first
      printf 'Sure? [y/N] '
      ${wait('answer')}
      printf 'yes'
      ${wait('newline')}
      echo
      for i in 10 55; do printf '\\r\\033[K[=====     ] %d %%' $i; done
      ${wait('bar')}
      printf '\\r\\033[K[==========] 100 %%\\n'
      echo last
`);
  const { page, context } = await rig.open(looks.light);
  await page.goto(`${rig.hub.url}/#/runs/${runId}/output`);
  const at = (await untilRows(page, (rows) => rows.includes('Sure? [y/N]'))).indexOf('Sure? [y/N]');
  writeFileSync(step('answer'), '');
  const grown = await untilRows(page, (rows) => rows.includes('Sure? [y/N] yes'));
  expect(grown.indexOf('Sure? [y/N] yes')).toBe(at);
  expect(grown).not.toContain('yes');
  writeFileSync(step('newline'), '');
  await untilRows(page, (rows) => rows.includes('[=====     ] 55 %'));
  await keepTab(page, 'output', 'bar');
  writeFileSync(step('bar'), '');
  await ended;
  await untilRows(page, (now) => now.includes('last') && now.includes('Sure? [y/N] yes'));
  // Read again, the pieces are one line as well.
  await page.reload();
  const rows = await untilRows(page, (now) => now.includes('last'));
  expect(rows).toContain('Sure? [y/N] yes');
  expect(rows).toContain('[==========] 100 %');
  expect(rows.filter((row) => row.includes('10 %') || row.includes('55 %'))).toEqual([]);
  await context.close();
});

test('a colour continues over line ends until it is reset, also between lines of another step', async () => {
  const runId = await rig.run(`
name: colours
concurrency: 2
steps:
  - id: red
    run: |
      printf '\\033[31mred one\\nred two\\n'; sleep 0.5; printf 'red three\\033[0m\\nplain again\\n'
  - id: other
    run: sleep 0.2; echo plain of another
`);
  const { page, context } = await rig.open(looks.light);
  await page.goto(`${rig.hub.url}/#/runs/${runId}/output`);
  await untilRows(page, (rows) => rows.includes('plain again'));
  const red = await colourOf(page, 'red one');
  expect(await colourOf(page, 'red two')).toBe(red);
  expect(await colourOf(page, 'red three')).toBe(red);
  expect(await colourOf(page, 'plain again')).not.toBe(red);
  expect(await colourOf(page, 'plain of another')).not.toBe(red);
  await keepTab(page, 'output', 'colours');
  await context.close();
});

test('a green run whose Claude step was denied tools says so at its head, with what was denied', async () => {
  const runId = await rig.run(`
name: denied
steps:
  - id: write
    name: Write the file
    claude: { prompt: write the file }
`);
  const { page, context } = await rig.open(looks.light);
  await page.goto(`${rig.hub.url}/#/runs/${runId}/output`);
  await page.locator('.run-title').getByText('succeeded').waitFor();
  await page
    .locator('.run-title')
    .getByText(/^\d warnings?$/)
    .waitFor();
  const warnings = page.locator('.facts > div').filter({ hasText: 'Warnings: Write the file' });
  expect(await warnings.textContent()).toMatch(/denied.*npm test && touch x/);
  await keepTab(page, 'output', 'denied');
  await keepTab(page, 'conversation', 'denied-conversation');
  await page.goto(`${rig.hub.url}/#/`);
  await page
    .locator('.run-row')
    .filter({ hasText: 'denied' })
    .getByText(/warning/)
    .waitFor();
  await page.screenshot({ path: path.join(shots, 'seen-fleet.png') });
  await context.close();
});

test('a cost that is not known is never shown as $0', async () => {
  const fake = await startRig({ env: { STEPSPAN_CLAUDE: fakeClaude } });
  onTestFinished(() => fake.close());
  const runId = await fake.run(`
name: unknown cost
steps:
  - id: ask
    name: Ask
    claude: { prompt: says no cost }
`);
  const { page, context } = await fake.open(looks.light);
  await page.goto(`${fake.hub.url}/#/runs/${runId}/conversation`);
  await page.locator('.turn').first().waitFor();
  expect(await page.locator('.facts').textContent()).toMatch(/Cost\s*unknown/);
  for (const tab of ['conversation', 'output', 'timeline']) {
    await page.getByRole('tab', { name: tab }).click();
    expect(await page.locator('body').textContent()).not.toMatch(/\$0(?![.\d]*[1-9])/);
  }
  await keepTab(page, 'conversation', 'unknown');
  await page.goto(`${fake.hub.url}/#/`);
  const row = page.locator('.run-row').filter({ hasText: 'unknown cost' });
  expect(await row.textContent()).not.toMatch(/\$0(?![.\d]*[1-9])/);
  expect(await row.textContent()).toContain('unknown');
  await context.close();
});

test('a step that waits for a usage limit says until when', async () => {
  const { runId } = await rig.start(`
name: limited
steps:
  - id: ask
    name: Ask
    claude: { prompt: reach the limit }
`);
  const { page, context } = await rig.open(looks.light);
  await page.goto(`${rig.hub.url}/#/runs/${runId}/output`);
  await page.locator('.facts').getByText('Waits for a limit until').waitFor();
  await keepTab(page, 'output', 'waiting');
  await page.goto(`${rig.hub.url}/#/`);
  await page.locator('.run-row').filter({ hasText: 'limited' }).waitFor();
  await page.screenshot({ path: path.join(shots, 'seen-fleet-waiting.png') });
  await context.close();
});

test('an expectation that was not met is the reason at the head', async () => {
  const runId = await rig.run(`
name: unmet
steps:
  - id: fix
    name: Fix the sources
    run: echo did nothing
    expect: { changed: ['src/**/*.ts'], output: 'PASS' }
  - id: after
    needs: fix
    run: echo never
`);
  const { page, context } = await rig.open(looks.light);
  await page.goto(`${rig.hub.url}/#/runs/${runId}/output`);
  await page
    .locator('.failure')
    .getByText(/expected src\/\*\*\/\*\.ts to change/)
    .waitFor();
  await keepTab(page, 'output', 'unmet');
  await keepTab(page, 'timeline', 'unmet-timeline');
  await context.close();
});

test('under a severity a line is shown when it has ended, whole, also while it is printed', async () => {
  const { runId, ended } = await rig.start(`
name: pieces
steps:
  - id: print
    run: |
      printf 'ERR'
      ${wait('severity')}
      echo 'OR: disk full'
      echo 'only information'
`);
  const { page, context } = await rig.open(looks.light);
  await page.goto(`${rig.hub.url}/#/runs/${runId}/output`);
  await untilRows(page, (rows) => rows.includes('ERR'));
  await page.getByText('Severity: any severity').click();
  await page.getByRole('checkbox', { name: 'error' }).check();
  await page.getByText('No line fits the filter').waitFor();
  writeFileSync(step('severity'), '');
  await ended;
  const rows = await untilRows(page, (now) => now.some((row) => row !== ''));
  expect(rows.filter((row) => row !== '')).toEqual(['ERROR: disk full']);
  await context.close();
});

/** The colour in which the page draws the row with this text. */
async function colourOf(page: Page, text: string): Promise<string> {
  const row = `[...document.querySelectorAll('.xterm-rows > div')].find((row) => row.textContent.replaceAll('\\u00a0', ' ').includes('${text}'))`;
  return page.evaluate(`getComputedStyle(${row}.querySelector('span')).color`);
}
