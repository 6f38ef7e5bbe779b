// The palette leads to runs, workflows and actions from anywhere; a search over all output shows its hits with links; and a run is
// compared with another from its own page.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { looks, type Rig, shots, startRig, violationsOf } from './rig.ts';
import { untilRows } from './terminal-text.ts';

const nightly = (text: string): string => `
name: nightly
params: { branch: main }
steps:
  - id: build
    name: Build it
    run: for i in $(seq 1 300); do echo "compiling $i"; done; echo '${text}'; echo the end
`;

let rig: Rig;
let ids: { readonly first: string; readonly second: string; readonly other: string };
beforeAll(async () => {
  mkdirSync(shots, { recursive: true });
  rig = await startRig();
  const first = await rig.run(nightly('the needle of the first'));
  const second = await rig.run(nightly('nothing here'), { branch: 'cart' });
  const other = await rig.run('name: review\nsteps:\n  - id: a\n    run: echo another needle >&2; exit 1\n');
  ids = { first, second, other };
});
afterAll(() => rig.close());

const options = (page: Page) => page.getByRole('listbox').getByRole('option');
const field = (page: Page) => page.getByRole('combobox', { name: 'Runs, workflows and actions' });

async function openPalette(page: Page): Promise<void> {
  // What was chosen in it before may have happened before it was closed, and the key does nothing over a dialog.
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await page.keyboard.press('Control+k');
}

async function pickInPalette(page: Page, text: string, option: string | RegExp): Promise<void> {
  await openPalette(page);
  await field(page).fill(text);
  await options(page).filter({ hasText: option }).first().waitFor();
  await page.keyboard.press('Enter');
}

/** Keeps a picture in each look, and checks it with axe. */
async function keepLooks(page: Page, name: string): Promise<void> {
  for (const [look, { viewport, colorScheme }] of Object.entries(looks)) {
    await page.setViewportSize(viewport);
    await page.emulateMedia({ colorScheme });
    await page.screenshot({ path: path.join(shots, `${name}-${look}.png`), animations: 'disabled' });
    expect(await violationsOf(page), look).toEqual([]);
  }
  await page.setViewportSize(looks.light.viewport);
  await page.emulateMedia({ colorScheme: 'light' });
}

test('the palette opens with a key and leads to runs, workflows and actions', async () => {
  const { page, context } = await rig.open(looks.light);
  await openPalette(page);
  await options(page).first().waitFor();
  await field(page).fill('nightly');
  await expect
    .poll(() => options(page).allTextContents())
    .toEqual([
      expect.stringContaining(ids.second),
      expect.stringContaining(ids.first),
      'nightlyruns of this workflow',
      'Search the output of all runs for “nightly”',
    ]);
  await keepLooks(page, 'palette');
  // What a run was started with finds it, in any order of the words.
  await field(page).fill('cart night');
  await expect.poll(() => options(page).count()).toBe(2);
  await page.keyboard.press('Enter');
  await page.waitForURL((url) => url.hash.startsWith(`#/runs/${ids.second}/`));
  await pickInPalette(page, 'timeline', 'Show timeline');
  await page.getByRole('tab', { name: 'timeline', selected: true }).waitFor();
  await pickInPalette(page, 'dark', 'Dark theme');
  await expect.poll(() => page.evaluate('document.documentElement.dataset.theme')).toBe('dark');
  // Up from the first leads to the last, and Escape leads back to where one was.
  await openPalette(page);
  await field(page).fill('nightly');
  await options(page).nth(3).waitFor();
  await page.keyboard.press('ArrowUp');
  await page.locator('[aria-selected="true"]', { hasText: 'Search the output' }).waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await pickInPalette(page, 'nightly runs of', 'Search the output');
  await page.waitForURL((url) => url.hash.startsWith('#/search?text=nightly'));
  await context.close();
});

test('a search over the output of all runs shows the lines with a link to each, and is in the address', async () => {
  const { page, context } = await rig.open(looks.light);
  await page.getByLabel('Search runs').fill('needle');
  await page.getByRole('link', { name: 'Search the output of all runs for “needle”' }).click();
  await page.getByText('in 2 of 3 runs').waitFor();
  const found = page.locator('.found');
  expect(await found.locator('h2 a').allTextContents()).toEqual(['review', 'nightly']);
  expect(await found.nth(1).locator('mark').allTextContents()).toEqual(['needle']);
  await keepLooks(page, 'search-runs');
  await found
    .nth(1)
    .getByRole('link', { name: /the needle of the first/ })
    .click();
  const rows = await untilRows(page, (now) => now.includes('the needle of the first'));
  expect(rows).toContain('compiling 300');
  await page.goBack();
  await page.getByText('in 2 of 3 runs').waitFor();
  await page.getByLabel('Workflow').selectOption('review');
  await page.getByText('in 1 of 1 run').waitFor();
  await page.getByLabel('Search the output of all runs').fill('/NEEDLE/i');
  await page.waitForURL((url) => url.hash.includes('NEEDLE') && url.hash.includes('workflow=review'));
  await page.reload();
  await page.getByText('in 1 of 1 run').waitFor();
  await page.getByLabel('Search the output of all runs').fill('no such line');
  await page.getByRole('heading', { name: 'No line has this text' }).waitFor();
  await context.close();
});

test('a run is compared with another one from its page', async () => {
  const { page, context } = await rig.open(looks.light);
  await page.goto(`${rig.hub.url}/#/runs/${ids.second}/output`);
  await page.getByRole('button', { name: 'Compare' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('link').first().waitFor();
  expect(await dialog.getByRole('link').count()).toBe(1);
  await page.screenshot({ path: path.join(shots, 'compare-with.png') });
  await dialog.getByRole('link', { name: ids.first }).click();
  await page.waitForURL((url) => url.hash === `#/compare/${ids.first}/${ids.second}`);
  await page.getByRole('heading', { name: 'nightly: two runs' }).waitFor();
  await context.close();
});
