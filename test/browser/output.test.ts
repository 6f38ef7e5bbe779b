// How the output is read: what is chosen is in the address and comes back, times, copying, text for screen readers, names of steps on
// a narrow screen, and that nothing moves when the connection is lost.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../support/until.ts';
import { type Rig, shots, startRig, violationsOf } from './rig.ts';
import { numbersOf, rowsOf, untilRows } from './terminal-text.ts';

const work = `
name: work
concurrency: 2
steps:
  - id: build
    name: Build it
    run: seq -f 'built %.0f' 1 300; echo 'a needle'; echo 'a warning' >&2; seq -f 'built %.0f' 301 400
  - id: pack
    name: Pack it
    needs: build
    run: |
      printf '\\e[32mpacked\\e[0m 1\\n'; echo 'ERROR: packed 2'
`;

let rig: Rig;
let runId: string;
beforeAll(async () => {
  mkdirSync(shots, { recursive: true });
  rig = await startRig();
  runId = await rig.run(work);
});
afterAll(() => rig.close());

const output = (): string => `${rig.hub.url}/#/runs/${runId}/output`;

test('filters, search, tab and place are in the address, so that Back, reload and a copied link bring them back', async () => {
  const { page, context } = await rig.open();
  await page.goto(output());
  await untilRows(page, (rows) => rows.includes('packed 1'));
  await page.getByRole('button', { name: 'stdout', exact: true }).click();
  await page.getByText('Severity: any severity').click();
  await page.getByRole('checkbox', { name: 'error' }).check();
  await page.keyboard.press('Escape');
  await untilRows(page, (rows) => rows.filter((row) => row !== '').join() === 'ERROR: packed 2');
  expect(page.url()).toContain('?stream=stdout&severity=error');
  await page.getByRole('tab', { name: 'alerts' }).click();
  await page.getByRole('heading', { name: 'No alerts' }).waitFor();
  await page.goBack();
  await page.getByRole('button', { name: 'stdout', exact: true, pressed: true }).waitFor();
  await untilRows(page, (rows) => rows.filter((row) => row !== '').join() === 'ERROR: packed 2');
  await page.goBack();
  await untilRows(page, (rows) => rows.includes('packed 1'));
  await page.goBack();
  await page.getByRole('button', { name: 'output', exact: true, pressed: true }).waitFor();
  await page.keyboard.press('/');
  await page.keyboard.type('needle');
  await page.keyboard.press('Enter');
  await page.locator('.hits').getByText('1 hit').waitFor();
  await page.getByLabel('Search the output').blur();
  await page.keyboard.press('n');
  const rows = await untilRows(page, (now) => now.includes('a needle'));
  // A hit has as much around it above as below.
  expect(Math.abs(rows.indexOf('a needle') - rows.length / 2)).toBeLessThan(3);
  await page.waitForURL(/search=needle.*top=|top=.*search=needle/);
  await page.reload();
  await page.locator('.hits').getByText('1 hit').waitFor();
  await untilRows(page, (now) => now.includes('a needle'));
  expect(await page.getByLabel('Search the output').inputValue()).toBe('needle');

  const other = await rig.open();
  await other.page.goto(`${rig.hub.url}/#/?state=failed&search=nothing`);
  await other.page.getByRole('heading', { name: 'No run fits the filter' }).waitFor();
  await other.page.getByRole('button', { name: 'Show all runs' }).click();
  await other.page.locator('.run-row').first().waitFor();
  await other.page.goBack();
  await other.page.getByRole('heading', { name: 'No run fits the filter' }).waitFor();
  await other.context.close();
  await context.close();
});

test('the time of each line is local, since the start, in UTC or left out, as one likes it, also next time', async () => {
  const { page, context } = await rig.open({ timezoneId: 'Asia/Kolkata' });
  await page.goto(output());
  await untilRows(page, (rows) => rows.includes('packed 1'));
  const shown = (form: RegExp): Promise<string> =>
    until(async () => {
      const text = await page.locator('.gutter time').first().textContent();
      return text !== null && form.test(text) && text;
    });
  const secondOf = (text: string): string => /:(\d\d)Z?$/.exec(text)?.[1] ?? '';
  const local = await shown(/^\d\d:\d\d:\d\d$/);
  await page.keyboard.press('t');
  await shown(/^\+\d+ s$/);
  await page.keyboard.press('t');
  const utc = await shown(/^\d\d:\d\d:\d\dZ$/);
  // Half an hour off, and the same second.
  expect(utc.slice(0, 5)).not.toBe(local.slice(0, 5));
  expect(secondOf(utc)).toBe(secondOf(local));
  await page.reload();
  await untilRows(page, (rows) => rows.includes('packed 1'));
  expect(await shown(/Z$/)).toBe(utc);
  await page.getByRole('button', { name: 'Times: UTC' }).click();
  await page.locator('.gutter time').first().waitFor({ state: 'detached' });
  await context.close();
});

test('a line, a range of lines, and all lines are copied as text', async () => {
  const { page, context } = await rig.open({ permissions: ['clipboard-read', 'clipboard-write'] });
  const copied = (): Promise<string> => page.evaluate('navigator.clipboard.readText()');
  await page.goto(`${output()}?stream=stdout`);
  await untilRows(page, (rows) => rows.includes('packed 1'));
  await page.getByRole('button', { name: 'Copy all lines' }).click();
  await page.getByText('403 lines are copied.').waitFor();
  const all = (await copied()).split('\n');
  expect([all.length, all[0], all.at(-2), all.at(-3)]).toEqual([404, 'built 1', 'ERROR: packed 2', 'packed 1']);

  const numbers = await numbersOf(page);
  const [first = 0, last = 0] = [numbers.at(-5), numbers.at(-2)];
  await page.locator(`.gutter a[data-seq="${first}"]`).click();
  await page.getByRole('button', { name: 'Copy the line', exact: true }).click();
  await page.getByText('1 line is copied.').waitFor();
  expect(await copied()).toBe('built 398\n');
  await page.locator(`.gutter a[data-seq="${last}"]`).click({ modifiers: ['Shift'] });
  expect(page.url()).toContain(`line=${first}&to=${last}`);
  expect(await page.locator('.gutter .marked').count()).toBe(4);
  await page.keyboard.press('c');
  await page.getByText('4 lines are copied.').waitFor();
  expect(await copied()).toBe('built 398\nbuilt 399\nbuilt 400\npacked 1\n');
  await context.close();
});

test('a screen reader gets the lines on the screen as text, with their step and severity', async () => {
  const { page, context } = await rig.open();
  await page.goto(output());
  await untilRows(page, (rows) => rows.includes('packed 1'));
  const lines = page.getByRole('document', { name: 'Lines of output' }).getByRole('listitem');
  await lines.filter({ hasText: 'error: ERROR: packed 2' }).waitFor();
  expect(await lines.filter({ hasText: 'packed 1' }).textContent()).toContain('packed 1');
  expect(await page.locator('.screen').ariaSnapshot()).toContain('built 400');
  await context.close();
});

test('on a phone the name of a step is shown where its lines begin', async () => {
  const { page, context } = await rig.open({ viewport: { width: 390, height: 844 } });
  await page.goto(output());
  await untilRows(page, (rows) => rows.includes('packed 1'));
  const rows = await rowsOf(page);
  const name = page.locator('.gutter .step').filter({ hasText: 'Pack it' });
  const box = await name.boundingBox();
  const line = await page.locator('.gutter li').nth(rows.indexOf('packed 1')).boundingBox();
  expect(Math.abs((box?.y ?? 0) - (line?.y ?? 100))).toBeLessThan(4);
  expect((box?.x ?? 1000) + (box?.width ?? 1000)).toBeLessThanOrEqual(390);
  await context.close();
});

test('nothing moves when the connection is lost and found again', async () => {
  const { page, context } = await rig.open();
  const { runId: active, ended } = await rig.start('name: waits\nsteps:\n  - id: a\n    run: echo here; sleep 3600\n');
  await page.goto(`${rig.hub.url}/#/runs/${active}/output`);
  await untilRows(page, (rows) => rows.includes('here'));
  const graph = () => page.locator('.graph').boundingBox();
  const before = await graph();
  await rig.hub.stop('SIGKILL');
  await page.getByText('The hub has not answered since').waitFor();
  expect(await graph()).toEqual(before);
  await rig.restartHub('SIGKILL');
  await expect.poll(() => page.locator('.banner').count()).toBe(0);
  expect(await graph()).toEqual(before);
  await page.getByRole('button', { name: 'Cancel', exact: true }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel the run' }).click();
  await ended;
  await context.close();
});

test('lines have numbers that count them, groups and stack traces fold, and JSON lines are fields', async () => {
  const folded = await rig.run(`
name: folds
steps:
  - id: install
    name: Install
    run: |
      echo '::group::npm install'; seq -f 'added %.0f' 1 40; echo '::endgroup::'; echo installed
  - id: test
    name: Test
    needs: install
    run: |
      echo '{"level":"info","msg":"server started","port":8080}'
      echo 'TypeError: no'; for i in 1 2 3 4 5 6 7; do echo "    at f$i (a.js:$i:1)"; done
      echo at the end
`);
  const { page, context } = await rig.open();
  await page.goto(`${rig.hub.url}/#/runs/${folded}/output`);
  const shown = await untilRows(page, (rows) => rows.includes('at the end'));
  expect(shown.filter((row) => row !== '')).toEqual([
    ...['npm install  40 lines', 'installed', 'info server started port=8080', 'TypeError: no'],
    ...['    at f1 (a.js:1:1)', '    at f2 (a.js:2:1)', '    … 5 more frames', 'at the end'],
  ]);
  const numbers = () => page.locator('.gutter a').allTextContents();
  // 41 is in the group, and 42 ends it.
  await expect.poll(numbers).toEqual(['1', '43', '44', '45', '46', '47', '48', '53']);
  await page.locator('.output-foot').getByText('lines 1 to 53 of 53').waitFor();
  await page.screenshot({ path: path.join(shots, 'output-folds.png') });
  expect(await violationsOf(page)).toEqual([]);

  await page.getByRole('button', { name: 'npm install, 40 lines' }).click();
  await untilRows(page, (rows) => rows.includes('added 1'));
  await page.keyboard.press('z');
  await page.keyboard.press('z');
  await untilRows(page, (rows) => !rows.includes('added 1'));
  await page.locator('.gutter a').first().focus();
  await page.keyboard.press('ArrowRight');
  await untilRows(page, (rows) => rows.includes('added 1'));
  await page.keyboard.press('ArrowLeft');
  await untilRows(page, (rows) => !rows.includes('added 1'));
  await page.keyboard.press('J');
  await untilRows(page, (rows) => rows.includes('{"level":"info","msg":"server started","port":8080}'));
  await page.keyboard.press('J');
  // A hit is shown, whatever hides it.
  await page.getByLabel('Search the output').fill('added 17');
  await page.keyboard.press('Enter');
  await page.getByText('1 hit').waitFor();
  await page.keyboard.press('Enter');
  await untilRows(page, (rows) => rows.includes('added 17'));
  expect(await page.locator('.gutter .hit a').textContent()).toBe('18');
  await context.close();
});
