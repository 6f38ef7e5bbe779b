// The page as a person uses it, in Chromium, on a real hub and real runs: list, run, filter, search, keys.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Rig, startRig } from './rig.ts';
import { numbersOf, untilRows } from './terminal-text.ts';

const build = `
name: build
steps:
  - id: prepare
    name: Prepare
    run: for i in $(seq 1 150); do echo "prepared $i"; done
  - id: check
    name: Check it
    needs: pack
    continueOnFailure: true
    run: printf '\\e[31mneedle in red\\e[0m\\n'; echo 'warning on stderr' >&2; exit 3
  - id: pack
    name: Pack
    needs: prepare
    run: for i in $(seq 1 80); do echo "packed $i"; done; echo 'another needle'
  - id: fail
    name: Break
    needs: check
    run: echo 'last words'; exit 1
`;

let rig: Rig;
let built: string;
beforeAll(async () => {
  rig = await startRig();
  built = await rig.run(build);
});
afterAll(() => rig.close());

test('the theme that was chosen is kept, and follows the system again when both agree', async () => {
  const { page, context } = await rig.open({ colorScheme: 'light' });
  const theme = () => page.evaluate('document.documentElement.dataset.theme');
  await page.getByRole('button', { name: 'Dark theme' }).click();
  await page.reload();
  expect(await theme()).toBe('dark');
  await page.getByRole('button', { name: 'Light theme' }).click();
  await page.emulateMedia({ colorScheme: 'dark' });
  await expect.poll(theme).toBe('dark');
  await context.close();
});

describe('the list of runs', () => {
  test('shows a run with its state, and finds it by search and by filter', async () => {
    const { page, context } = await rig.open();
    await page.locator('.run-row').filter({ hasText: built }).locator('.status').getByText('failed').waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('no such run');
    await page.getByRole('heading', { name: 'No run fits the filter' }).waitFor();
    await page.getByRole('button', { name: 'Show all runs' }).click();
    await page.getByRole('button', { name: /^succeeded/i }).click();
    expect(await page.locator('.run-row').count()).toBe(0);
    await page.getByRole('button', { name: /^failed/i }).click();
    expect(await page.locator('.run-row').filter({ hasText: built }).count()).toBe(1);
    await context.close();
  });

  test('compares two runs of one workflow', async () => {
    const other = await rig.run(build);
    const { page, context } = await rig.open();
    for (const id of [built, other]) await page.getByRole('checkbox', { name: new RegExp(id) }).check();
    await page.getByRole('button', { name: 'Compare two runs' }).click();
    await page.getByRole('heading', { name: 'build: two runs' }).waitFor();
    expect(await page.locator('tbody tr').count()).toBe(4);
    await context.close();
  });
});

describe('a run', () => {
  test('shows its newest lines, its graph, and where each line is from', async () => {
    const { page, context } = await rig.open();
    await page.goto(`${rig.hub.url}/#/runs/${built}/output`);
    await untilRows(page, (rows) => rows.includes('last words'));
    await page.getByRole('button', { name: /^Break .*failed/ }).waitFor();
    expect(await page.locator('.node').count()).toBe(4);
    await context.close();
  });

  test('is filtered by several streams, steps and severities at once', async () => {
    const { page, context } = await rig.open();
    const shows = (...lines: readonly string[]) =>
      untilRows(page, (rows) => rows.filter((row) => row !== '').join() === lines.join());
    await page.goto(`${rig.hub.url}/#/runs/${built}/output`);
    await page.getByRole('button', { name: 'stderr', exact: true }).click();
    await shows('warning on stderr');
    await page.getByRole('button', { name: /^Check it/ }).click();
    await page.getByRole('button', { name: 'stdout', exact: true }).click();
    await shows('needle in red', 'warning on stderr');
    await page.getByText('Step: Check it').click();
    await page.getByRole('checkbox', { name: 'Break' }).check();
    await shows('needle in red', 'warning on stderr', 'last words');
    expect(page.url()).toContain('step=check&step=fail');
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'all', exact: true }).click();
    await page.getByText('Severity: any severity').click();
    await page.getByRole('checkbox', { name: 'warning' }).check();
    await shows('warning on stderr');
    await page.getByRole('checkbox', { name: 'error' }).check();
    await untilRows(page, (rows) => rows.includes('failure: exit code 1'));
    await page.getByRole('button', { name: 'any severity' }).click();
    await untilRows(page, (rows) => rows.includes('needle in red'));
    await context.close();
  });

  test('is searched, and n and N go from hit to hit', async () => {
    const { page, context } = await rig.open();
    await page.goto(`${rig.hub.url}/#/runs/${built}/output`);
    await untilRows(page, (rows) => rows.includes('last words'));
    await page.keyboard.press('/');
    await page.keyboard.type('/needle/');
    await page.keyboard.press('Enter');
    await page.locator('.hits').getByText('2 hits').waitFor();
    await page.getByLabel('Search the output').blur();
    await page.keyboard.press('n');
    await page.locator('.hits').getByText('1 of 2').waitFor();
    await page.locator('.gutter .hit').waitFor();
    await page.keyboard.press('n');
    await page.locator('.hits').getByText('2 of 2').waitFor();
    await page.keyboard.press('N');
    await page.locator('.hits').getByText('1 of 2').waitFor();
    await context.close();
  });

  test('answers to the keys: f to a failure, g to the start, ? to the help', async () => {
    const { page, context } = await rig.open();
    await page.goto(`${rig.hub.url}/#/runs/${built}/output`);
    await untilRows(page, (rows) => rows.includes('last words'));
    await page.keyboard.press('g');
    await untilRows(page, (rows) => rows.includes('prepared 1'));
    await page.keyboard.press('f');
    await untilRows(page, (rows) => rows.some((row) => row === 'needle in red'));
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keyboard' }).waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('3');
    await page.getByRole('tab', { name: 'timeline', selected: true }).waitFor();
    await context.close();
  });

  test('is downloaded as text, all of its lines', async () => {
    const { page, context } = await rig.open();
    await page.goto(`${rig.hub.url}/#/runs/${built}/output`);
    await untilRows(page, (rows) => rows.includes('last words'));
    const coming = page.waitForEvent('download');
    await page.getByRole('link', { name: 'Download the output' }).click();
    const { readFile } = await import('node:fs/promises');
    const text = await readFile(await (await coming).path(), 'utf8');
    expect(text).toContain('prepared 1');
    expect(text).toContain('last words');
    await context.close();
  });

  test('is cleared from the screen, and not from the journal', async () => {
    const { page, context } = await rig.open();
    await page.goto(`${rig.hub.url}/#/runs/${built}/output`);
    await untilRows(page, (rows) => rows.includes('last words'));
    await page.getByRole('button', { name: 'Clear the screen' }).click();
    await untilRows(page, (rows) => rows.every((row) => row === ''));
    await page.keyboard.press('g');
    await untilRows(page, (rows) => rows.includes('prepared 1'));
    await context.close();
  });

  test('opens at the line of a shared link', async () => {
    const { page, context } = await rig.open();
    await page.goto(`${rig.hub.url}/#/runs/${built}/output`);
    await untilRows(page, (rows) => rows.includes('last words'));
    await page.keyboard.press('g');
    await untilRows(page, (rows) => rows.includes('prepared 5'));
    const href = await page.locator('.gutter a').nth(6).getAttribute('href');
    const seq = Number(/line=(\d+)/.exec(href ?? '')?.[1]);
    await page.goto('about:blank');
    await page.goto(`${rig.hub.url}/${href}`);
    await page.locator('.gutter .marked').waitFor();
    expect(await numbersOf(page)).toContain(seq);
    await context.close();
  });
});
