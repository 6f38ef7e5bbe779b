// The list of runs: what each active run does now and what hinders it, columns, days, totals, and what a run was started with.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { claudeTestEnvironment } from '../../demo/messages-api/environment.ts';
import { type MessagesApi, startMessagesApi } from '../../demo/messages-api/server.ts';
import { type Rig, shots, startRig } from './rig.ts';

const claude = path.resolve(import.meta.dirname, '../../node_modules/.bin/claude');
const place = mkdtempSync(path.join(tmpdir(), 'stepspan-page-fleet-'));
const goFile = path.join(place, 'go');
const waits = `while [ ! -e ${goFile} ]; do sleep 0.05; done`;

let api: MessagesApi;
let rig: Rig;
beforeAll(async () => {
  mkdirSync(shots, { recursive: true });
  api = await startMessagesApi({ script: [{ prompt: 'spend', turns: [{ kind: 'reply', text: 'Much.' }] }] });
  rig = await startRig({
    env: { ...claudeTestEnvironment({ apiUrl: api.url, home: place }), STEPSPAN_CLAUDE: claude },
  });
});
afterAll(async () => {
  await rig.close();
  await api.close();
  rmSync(place, { recursive: true, force: true });
});

/** A time zone in which it is about noon: all that a test does is on one day, at whatever hour it is done. */
function noonZone(): string {
  const ahead = 12 - new Date().getUTCHours();
  // The names of these zones have the sign turned round.
  return `Etc/GMT${ahead > 0 ? '-' : '+'}${Math.abs(ahead)}`;
}

test('each active run says what it does now, and one that makes no progress looks like it and says why', async () => {
  const runs = [
    await rig.start(`
name: builds
steps:
  - id: build
    name: Build it
    run: echo compiling cart.ts; ${waits}
`),
    await rig.start(`
name: hangs
steps:
  - id: ask
    name: Ask it
    run: echo 'Sure?'; ${waits}
    stalls: { noOutput: { after: 300ms, action: none } }
`),
  ];
  const { page, context } = await rig.open();
  const row = (name: string) => page.locator('.run-row').filter({ has: page.getByText(name, { exact: true }) });
  await row('builds')
    .locator('.doing')
    .getByText(/^Build it: compiling cart\.ts, \d/)
    .waitFor();
  await row('hangs')
    .locator('.cause')
    .getByText(/^no output, \d/)
    .waitFor();
  expect(await row('hangs').locator('.doing').textContent()).toBe('Ask it: Sure?');
  expect(await row('hangs').locator('.status').textContent()).toBe('stuck');
  const look = (name: string): Promise<string> =>
    page.evaluate(`(() => {
      const rows = [...document.querySelectorAll('.run-row')];
      const { backgroundColor, boxShadow } = getComputedStyle(rows.find((row) => row.textContent.includes('${name}')));
      return backgroundColor + boxShadow;
    })()`);
  expect(await look('hangs')).not.toBe(await look('builds'));
  await page.screenshot({ path: path.join(shots, 'fleet-active.png') });
  writeFileSync(goFile, '');
  await Promise.all(runs.map(({ ended }) => ended));
  await row('builds').locator('.status').getByText('succeeded').waitFor();
  expect(await row('builds').locator('.doing').count()).toBe(0);
  await context.close();
});

test('columns have heads, days have names, totals are over all runs, and no cost is shown where nothing was spent', async () => {
  await rig.run('name: free\nparams: { branch: main, deep: false }\nsteps: [{id: a, run: echo a}]\n', {
    branch: 'cart',
  });
  await rig.run('name: broken\nsteps: [{id: a, run: exit 1}]\n');
  await rig.run('name: spends\nsteps: [{id: a, claude: { prompt: spend }}]\n');
  const { runId, ended } = await rig.start('name: stopped\nsteps: [{id: a, run: sleep 3600}]\n');
  const { page, context } = await rig.open({ timezoneId: noonZone() });
  await page.goto(`${rig.hub.url}/#/runs/${runId}/output`);
  await page.getByRole('button', { name: 'Cancel', exact: true }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel the run' }).click();
  await ended;
  await page.goto(`${rig.hub.url}/#/`);
  const row = (name: string) => page.locator('.run-row').filter({ has: page.getByText(name, { exact: true }) });
  await row('stopped').locator('.status').getByText('cancelled').waitFor();
  expect(await page.locator('.run-heads > span').allTextContents()).toEqual([
    ...['Workflow', 'State', 'Now, or how it ended', 'Steps', 'Time', 'Cost', 'Started', 'Last runs'],
  ]);
  await page
    .getByRole('region', { name: 'Today' })
    .getByRole('heading', { name: /^Today \d+ runs, 1 failed$/ })
    .waitFor();
  const totals = page.locator('.totals');
  await totals.getByText('1 failed today').waitFor();
  expect(await totals.textContent()).toMatch(/nothing is running.*\$0\.\d+ today\$0\.\d+ this week/);
  expect(await row('free').textContent()).toContain('branch=cart, deep=false');
  expect(await row('free').textContent()).not.toContain('$');
  expect(await row('spends').textContent()).toMatch(/\$0\.\d+/);

  await page.getByRole('button', { name: /^cancelled/i }).click();
  expect(await page.locator('.run-row').count()).toBe(1);
  expect(page.url()).toContain('state=cancelled');
  await page.goBack();
  await page.getByLabel('Search runs').fill('branch=cart');
  await expect.poll(() => page.locator('.run-row').count()).toBe(1);
  await page.getByLabel('Search runs').fill('');

  // Between a phone and a desk the columns stay columns.
  await page.setViewportSize({ width: 820, height: 900 });
  const name = await row('spends').locator('.run-name').boundingBox();
  const cost = await row('spends').locator('.num').nth(2).boundingBox();
  expect((cost?.y ?? 1000) - (name?.y ?? 0)).toBeLessThan(name?.height ?? 0);
  expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
  await page.screenshot({ path: path.join(shots, 'fleet-820.png') });
  await context.close();
});

test('labels are chips in the list and the head of a run, and one leads to the runs with the same', async () => {
  const labels = `{ team: payments, pr: '42', why: ${'long '.repeat(30)}}`;
  const runId = await rig.run(`name: labelled\nlabels: ${labels}\nsteps: [{id: a, run: echo a}]\n`);
  await rig.run('name: unlabelled\nsteps: [{id: a, run: echo a}]\n');
  const { page, context } = await rig.open();
  const row = (name: string) => page.locator('.run-row').filter({ has: page.getByText(name, { exact: true }) });
  await row('labelled').getByText('team=payments').waitFor();
  await row('unlabelled').waitFor();
  expect(await row('labelled').locator('.badge').allTextContents()).toEqual([
    'team=payments',
    'pr=42',
    `why=${'long '.repeat(30).trim()}`,
  ]);
  await page.screenshot({ path: path.join(shots, 'fleet-labels.png') });
  await page.goto(`${rig.hub.url}/#/runs/${runId}/output`);
  await page.getByRole('link', { name: 'pr=42' }).waitFor();
  await page.screenshot({ path: path.join(shots, 'run-labels.png') });
  await page.getByRole('link', { name: 'pr=42' }).click();
  await row('labelled').waitFor();
  expect(await page.locator('.run-row').count()).toBe(1);
  expect(await page.getByLabel('Label', { exact: true }).inputValue()).toBe('pr=42');
  expect(page.url()).toContain('label=pr%3D42');
  await page.getByLabel('Label', { exact: true }).selectOption('team=payments');
  await row('labelled').waitFor();
  await page.goBack();
  expect(await page.getByLabel('Label', { exact: true }).inputValue()).toBe('pr=42');
  await page.getByLabel('Label', { exact: true }).selectOption('');
  await row('unlabelled').waitFor();
  await context.close();
});
