// What a run gave: its cost by step and model, tools, denials, the difference to the last success of its workflow; and what it was
// started with. On runs of the real Claude Code, whose model is scripted.
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Rig, startClaudeRig } from './rig.ts';

const place = mkdtempSync(path.join(tmpdir(), 'stepspan-page-summary-'));
/** A checkout, as far as the files of Git show it. */
const checkout = path.join(place, 'checkout');
const commit = '4f2a91c'.padEnd(40, '0');
const workflow = `
name: fix
cwd: ${checkout}
description: Let Claude fix the cart
params: { branch: main }
steps:
  - id: fix
    name: Fix it
    claude: { prompt: fix the cart }
  - id: check
    name: Check it
    needs: fix
    run: 'true'
`;

let rig: Rig;
beforeAll(async () => {
  mkdirSync(path.join(checkout, '.git/refs/heads'), { recursive: true });
  writeFileSync(path.join(checkout, '.git/HEAD'), 'ref: refs/heads/cart-fix\n');
  writeFileSync(path.join(checkout, '.git/refs/heads/cart-fix'), `${commit}\n`);
  const tools = [
    { name: 'Read', input: { file_path: path.join(place, 'missing.ts') } },
    { name: 'Bash', input: { command: 'npm test && touch x', description: 'tests' } },
  ];
  rig = await startClaudeRig({
    place,
    script: [
      {
        prompt: 'fix the cart',
        turns: [
          { kind: 'reply', text: 'I look.', tools, usage: { input: 640, output: 96, cacheCreation: 14_200 } },
          { kind: 'reply', text: 'I was not allowed to.', usage: { input: 210, output: 58, cacheRead: 14_200 } },
        ],
      },
    ],
  });
});
afterAll(() => rig.close());

test('a run that ended well opens at what it gave and what it was started with, compared with the last success', async () => {
  const first = await rig.run(workflow);
  const second = await rig.run(workflow.replace("run: 'true'", 'run: sleep 1.5'), { branch: 'cart' });
  const { page, context } = await rig.open();
  await page.locator('.run-row').filter({ hasText: second }).getByText(second).click();
  await page.getByRole('tab', { name: 'summary', selected: true }).waitFor();
  const cells = (name: string, row: string) =>
    page.getByRole('region', { name }).getByRole('row').filter({ hasText: row }).getByRole('cell').allTextContents();
  expect(await cells('Steps', 'Fix it')).toEqual([
    ...['succeeded', expect.stringMatching(/ m?s$/), expect.stringMatching(/^\$0\.\d+$/), '2', '2'],
  ]);
  expect(await cells('Steps', 'Check it')).toEqual(['succeeded', expect.stringMatching(/ m?s$/), '', '', '']);
  // The CLI asks the model for other things as well, so the numbers are at least those of the script.
  const [cost, input, reads, writes] = await cells('Models', 'claude');
  expect(cost).toMatch(/^\$0\.\d+$/);
  expect([input, reads, writes]).toEqual([expect.stringMatching(/\d/), '14,200', '14,200']);
  expect(await cells('What Claude was denied or lacked', 'npm test')).toEqual([
    ...['denied', 'Bash', 'npm test && touch x', expect.any(String)],
  ]);
  const origin = page.getByRole('region', { name: 'Started with' });
  for (const [name, value] of Object.entries({
    ...{ 'Parameter branch': 'cart', 'Claude Code': /^\d+\.\d+\.\d+$/, Folder: checkout },
    ...{ Branch: 'cart-fix', Commit: commit },
  }))
    expect(
      await origin
        .locator('div', { hasText: new RegExp(`^${name}`) })
        .locator('dd')
        .textContent(),
    ).toMatch(value);
  await origin.getByText('Let Claude fix the cart').waitFor();
  const since = page.locator('.facts > div', { hasText: 'Since the last success' });
  expect(await since.textContent()).toMatch(/(longer|shorter)/);
  await since.getByRole('link', { name: 'Compare' }).click();
  await page.waitForURL((url) => url.hash === `#/compare/${first}/${second}`);
  await page.getByRole('heading', { name: 'fix: two runs' }).waitFor();
  await context.close();
});

test('a run that continues another names it, and its steps that had succeeded there are reused', async () => {
  const failed = await rig.run(`
name: half
steps:
  - id: good
    name: Good one
    run: echo good
  - id: bad
    name: Bad one
    needs: good
    run: exit 1
`);
  const answer = await rig.open().then(async ({ page, context }) => {
    await page.goto(`${rig.hub.url}/#/runs/${failed}/output`);
    await page.getByRole('button', { name: 'Retry from Bad one' }).click();
    await page.waitForURL((url) => url.hash.startsWith('#/runs/') && !url.hash.includes(failed));
    return { page, context };
  });
  const { page, context } = answer;
  await page.getByRole('button', { name: /^Good one .*reused/ }).waitFor();
  await page.getByRole('tab', { name: 'summary' }).click();
  await page.getByRole('region', { name: 'Steps' }).getByText('reused').waitFor();
  await page.getByRole('region', { name: 'Started with' }).getByRole('link', { name: failed }).click();
  await page.waitForURL((url) => url.hash.includes(failed));
  await context.close();
});
