// The conversation of a Claude step on the page, of a run in which the real Claude Code uses its tools. What the model says is scripted.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { workWithEveryTool } from '../support/every-tool.ts';
import { looks, type Rig, shots, startClaudeRig, violationsOf } from './rig.ts';

const place = mkdtempSync(path.join(tmpdir(), 'stepspan-page-talk-'));

let rig: Rig;
let runId: string;
beforeAll(async () => {
  rig = await startClaudeRig({ place, script: workWithEveryTool(place) });
  runId = await rig.run(`
name: assistant
steps:
  - id: ask
    name: Ask Claude
    claude:
      permissionMode: bypassPermissions
      appendSystemPrompt: Be brief.
      prompt: work with every tool, and **say** what you do
`);
});
afterAll(() => rig.close());

async function openTalk(options?: Parameters<Rig['open']>[0], query = '') {
  const opened = await rig.open(options);
  await opened.page.goto(`${rig.hub.url}/#/runs/${runId}/conversation${query}`);
  await opened.page.locator('.turn').first().waitFor();
  await opened.page.locator('.markdown .table').waitFor();
  return opened;
}

/** The line of a call: its tool, and what it was about. */
const call = (page: Page, tool: string, target: string): Locator =>
  page.locator('details.call', { has: page.locator('.title', { hasText: tool }) }).filter({ hasText: target });

describe('a conversation', () => {
  test('begins with the prompt, and shows Markdown without HTML, pictures or dangerous links', async () => {
    const { page, context } = await openTalk();
    const first = page.locator('.turn').first();
    expect(await first.locator('.prompt strong').textContent()).toBe('say');
    expect(await first.textContent()).toContain('Appended to the system prompt');
    const said = page.locator('.t-message').first();
    expect(await said.locator('table th').allTextContents()).toEqual(['file', 'why']);
    await said.locator('pre .hljs-keyword', { hasText: 'const' }).waitFor();
    expect(
      await said.locator('.markdown a').evaluateAll((links) => links.map((link) => link.getAttribute('href'))),
    ).toEqual(['https://example.org/docs', 'https://example.org/a.png']);
    expect(await page.locator('.turns img').count()).toBe(0);
    expect(await said.textContent()).toContain('<img src=x onerror="document.title=1">');
    expect(await page.title()).not.toBe('1');
    await context.close();
  });

  test('shows a call and its result as one line that opens, in the order of the calls', async () => {
    const { page, context } = await openTalk();
    const lines = page.locator('details.call > summary');
    const titles = await lines.locator('.title').allTextContents();
    expect(titles.filter((title) => title !== '✻ Thinking')).toEqual([
      'Write',
      'Edit',
      'Bash',
      'Read',
      'Bash',
      'Read',
      'NotebookEdit',
      'Task',
    ]);
    const edit = call(page, 'Edit', 'cart.ts');
    expect(await edit.locator('.facts-of').textContent()).toMatch(/^\+2 −1\d/);
    await edit.locator('summary').click();
    const changed = edit.locator('.diff .line.added .text');
    expect(await changed.allTextContents()).toEqual([
      '  const cents = Math.floor(total / people);',
      '  const left = total % people;',
    ]);
    // With line numbers of the file, which only the result of the call has.
    expect(await edit.locator('.diff .line.removed .number').textContent()).toBe('2');
    expect(await call(page, 'Write', 'cart.ts').locator('.facts-of').textContent()).toMatch(/^\+4 −0/);

    const bash = call(page, 'Bash', 'printf');
    expect(await bash.locator('.facts-of').textContent()).toContain('exit code 3');
    await bash.locator('summary').click();
    await bash.locator('.output .a-red', { hasText: 'red' }).waitFor();
    expect(await bash.locator('.command').textContent()).toContain('exit 3');

    const read = call(page, 'Read', 'dot.png');
    await read.locator('summary').click();
    await read.locator('img').waitFor();
    await expect.poll(() => page.evaluate("document.querySelector('details.call img').naturalWidth")).toBe(3);
    await context.close();
  });

  test('nests a subagent below its call with its own cost, and folds it and what was thought', async () => {
    const { page, context } = await openTalk();
    expect(await call(page, 'Bash', 'echo found').count()).toBe(0);
    const task = call(page, 'Task', 'Look for it');
    expect(await task.locator('.facts-of').textContent()).toMatch(/subagent, 1 block.*\$0\.\d+/);
    await task.locator('summary').click();
    // Claude Code forwards the calls of a subagent, and its last message as the result of the call.
    await page.locator('.turn[style*="--depth"]', { has: call(page, 'Bash', 'echo found') }).waitFor();
    await task.locator('.inside strong', { hasText: 'found' }).waitFor();
    const thought = page.locator('details.call', { hasText: '✻ Thinking' }).first();
    expect(await thought.getAttribute('open')).toBeNull();
    await thought.locator('summary').click();
    await thought.locator('.markdown', { hasText: 'The cents must add up.' }).waitFor();
    await context.close();
  });

  test('says what each turn and all of them cost, and shows the raw message behind a block', async () => {
    const { page, context } = await openTalk();
    const costs = page.locator('.gutter-time .cost');
    expect(await costs.count()).toBe(8);
    expect(await costs.first().getAttribute('title')).toMatch(
      /^Turn 1: \$0\.\d+, [\d,]+ tokens in, [\d,]+ tokens out\. Up to here: /,
    );
    expect(await page.locator('.total').textContent()).toMatch(/^9 turns · \$0\.\d+$/);
    const edit = page.locator('.turn', { has: call(page, 'Edit', 'cart.ts') });
    await edit.hover();
    await edit.getByRole('button', { name: 'raw' }).click();
    await edit.locator('.raw').nth(1).getByText('structuredPatch').waitFor();
    const read = page.locator('.turn', { has: call(page, 'Read', 'dot.png') });
    await read.hover();
    await read.getByRole('button', { name: 'raw' }).click();
    await read.locator('.raw').nth(1).getByText('"type": "image"').first().waitFor();
    await context.close();
  });

  test('is searched, also in what is folded, and each block has a link', async () => {
    const { page, context } = await openTalk();
    await page.getByLabel('Search the conversation').fill('echo found');
    await page.keyboard.press('Enter');
    await page.locator('.turn.hit', { hasText: 'echo found' }).waitFor();
    const link = await page.locator('.turn.hit .gutter-time a').getAttribute('href');
    const again = await rig.open();
    await again.page.goto(`${rig.hub.url}/${link}`);
    await again.page.locator('.turn.linked', { hasText: 'echo found' }).waitFor();
    await again.context.close();
    await context.close();
  });

  test('is copied as Markdown', async () => {
    const { page, context } = await openTalk({ permissions: ['clipboard-read', 'clipboard-write'] });
    await page.getByRole('button', { name: 'Copy all as Markdown' }).click();
    await page.getByText('The conversation is copied.').waitFor();
    const copied = (await page.evaluate('navigator.clipboard.readText()')) as string;
    expect(copied).toContain('## Prompt\n\nwork with every tool, and **say** what you do');
    expect(copied).toContain('```diff\n@@ -1 +1 @@\n export function share(total, people) {\n-  const cents');
    expect(copied).toContain('> **Bash** `echo found`');
    await context.close();
  });

  test.each(Object.keys(looks) as (keyof typeof looks)[])(
    'is kept as a picture in %s, and passes axe',
    async (look) => {
      const { page, context } = await openTalk(looks[look]);
      await call(page, 'Edit', 'cart.ts').locator('summary').click();
      await call(page, 'Bash', 'printf').locator('summary').click();
      await page.screenshot({ path: path.join(shots, `talk-${look}.png`), animations: 'disabled' });
      await call(page, 'Read', 'dot.png').locator('summary').click();
      await call(page, 'Task', 'Look for it').locator('summary').click();
      await page.locator('.turns-scroll').hover();
      await page.mouse.wheel(0, 1200);
      await page.screenshot({ path: path.join(shots, `talk-${look}-2.png`), animations: 'disabled' });
      expect(await violationsOf(page)).toEqual([]);
      await context.close();
    },
  );
});

test('the count of lines is that of the lines that are shown, without the raw protocol and whatever the pieces', async () => {
  const { page, context } = await rig.open(looks.light);
  await page.goto(`${rig.hub.url}/#/runs/${runId}/output`);
  await page.locator('.gutter a').first().waitFor();
  const query = 'stream=stdout&stream=stderr&stream=system&limit=5000';
  const whole = `fetch('./api/v1/runs/${runId}/output?${query}').then((answer) => answer.json()).then(({ lines }) => lines.filter((line) => !line.continues).length)`;
  const count = String(await page.evaluate(whole));
  expect(await page.getByRole('tab', { name: 'output' }).locator('.badge').textContent()).toBe(count);
  expect(await page.locator('.facts > div', { hasText: 'Lines' }).locator('dd').textContent()).toBe(count);
  await context.close();
});

test('files that Claude changed are listed with their lines and diffs, and tools with their calls', async () => {
  const { page, context } = await rig.open(looks.light);
  await page.goto(`${rig.hub.url}/#/runs/${runId}/summary`);
  const files = page.getByRole('region', { name: 'Files that Claude changed' });
  await files.locator('details').first().waitFor();
  const lines = await files.locator('summary').allTextContents();
  expect(lines).toEqual([
    expect.stringMatching(/cart\.ts.*new.*2 changes.*\+6 −1$/),
    expect.stringMatching(/\.ipynb.*\+\d+ −\d+$/),
  ]);
  await files.locator('summary').first().click();
  await files.locator('.diff').nth(1).waitFor();
  expect(await files.locator('.diff .line.removed .number').allTextContents()).toEqual(['2']);
  const tools = page.getByRole('region', { name: 'Tools' });
  // One of the two commands ends with exit code 3; the other one is that of a subagent.
  expect(await tools.getByRole('row', { name: /^Bash/ }).getByRole('cell').allTextContents()).toEqual(['3', '1', '']);
  for (const [look, options] of Object.entries(looks)) {
    await page.setViewportSize(options.viewport);
    await page.emulateMedia({ colorScheme: options.colorScheme });
    await page.screenshot({ path: path.join(shots, `summary-${look}.png`), animations: 'disabled' });
    expect(await violationsOf(page), look).toEqual([]);
  }
  await files.getByRole('link', { name: 'Ask Claude: show in the conversation' }).nth(1).click();
  await page.locator('.turn.linked', { hasText: 'cart.ts' }).waitFor();
  await context.close();
});
