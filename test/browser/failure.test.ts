// The first screen of a run that failed: which line says it, whether it is new, and where the other errors are. And that of a run that
// is active: what it does now.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Rig, startRig } from './rig.ts';
import { rowMarked, rowsOf, untilRows } from './terminal-text.ts';

const place = mkdtempSync(path.join(tmpdir(), 'stepspan-page-failure-'));
const goFile = path.join(place, 'go');

let rig: Rig;
beforeAll(async () => {
  rig = await startRig();
});
afterAll(async () => {
  await rig.close();
  rmSync(place, { recursive: true, force: true });
});

const failing = `
name: failing
params:
  error: FAIL cart
steps:
  - id: test
    name: Unit tests
    env: { ERROR: '{{ params.error }}' }
    run: seq -f 'PASS %.0f' 1 200; printf '\\e[31m%s\\e[0m \\e[1;38;5;46mdetails\\e[0m\\n' "$ERROR"; seq -f 'PASS %.0f' 201 400; exit 2
`;

test('a failed run opens at its error, with the reason, the lines around it in colours and the command that continues', async () => {
  const runId = await rig.run(failing);
  const { page, context } = await rig.open({ permissions: ['clipboard-read', 'clipboard-write'] });
  await page.goto(`${rig.hub.url}/#/runs/${runId}/output`);
  const card = page.getByRole('region', { name: 'Why it failed' });
  await card.getByText('FAIL cart').waitFor();
  expect(await card.locator('li').allTextContents()).toEqual([
    ...['PASS 199', 'PASS 200', 'FAIL cart details', 'PASS 201', 'PASS 202', 'PASS 203'],
  ]);
  expect(await card.locator('li .a-red').allTextContents()).toEqual(['FAIL cart']);
  expect(await card.locator('li .a-bold.a-green').allTextContents()).toEqual(['details']);
  await card.getByText('Unit tests failed').waitFor();
  await card.getByText('exit code 2').waitFor();
  await card.getByText(`stepspan resume ${runId}`).waitFor();
  await expect.poll(() => rowMarked(page)).toBe('FAIL cart details');
  // In the middle, with as much around it above as below.
  const rows = await rowsOf(page);
  expect(Math.abs(rows.indexOf('FAIL cart details') - rows.length / 2)).toBeLessThan(3);

  await page.keyboard.press('G');
  await untilRows(page, (now) => now.includes('PASS 400'));
  await card.getByRole('button', { name: 'Copy a link to the error' }).click();
  const link = String(await page.evaluate('navigator.clipboard.readText()'));
  await page.goto('about:blank');
  await page.goto(link);
  await expect.poll(() => rowMarked(page)).toBe('FAIL cart details');
  await context.close();
});

test('the card names the earlier runs of the workflow that had the same error, and no others', async () => {
  const named = failing.replace('name: failing', 'name: again');
  const first = await rig.run(named, { error: 'FAIL cart after 12 ms' });
  await rig.run(named, { error: 'FAIL login' });
  await rig.run(named.replace('name: again', 'name: another'), { error: 'FAIL cart after 12 ms' });
  const second = await rig.run(named, { error: 'FAIL cart after 345 ms' });
  const { page, context } = await rig.open();
  await page.goto(`${rig.hub.url}/#/runs/${second}/output`);
  const also = page.locator('.failure .also');
  await also.waitFor();
  expect(await also.textContent()).toMatch(new RegExp(`^Also in ${first}, [^,]*$`));
  await also.getByRole('link').click();
  await page.waitForURL((url) => url.hash.includes(first));
  await page.getByRole('region', { name: 'Why it failed' }).getByText('FAIL cart after 12 ms').waitFor();
  await context.close();
});

test('f goes from error to error of what failed, and then to the first again', async () => {
  const runId = await rig.run(`
name: several
steps:
  - id: fine
    run: echo 'ERROR that nobody minds'
  - id: test
    needs: fine
    continueOnFailure: true
    run: for name in cart login; do seq -f "ok $name %.0f" 1 60; echo "FAIL $name"; done; echo ends; exit 1
  - id: quiet
    needs: test
    run: seq -f 'step %.0f' 1 60; exit 3
`);
  const { page, context } = await rig.open();
  await page.goto(`${rig.hub.url}/#/runs/${runId}/output`);
  await untilRows(page, (rows) => rows.includes('step 60'));
  const marked: (string | undefined)[] = [];
  for (const wanted of ['FAIL cart', 'FAIL login', 'step 60', 'FAIL cart']) {
    await page.keyboard.press('f');
    await expect.poll(() => rowMarked(page)).toBe(wanted);
    marked.push(await rowMarked(page));
  }
  expect(marked).toEqual(['FAIL cart', 'FAIL login', 'step 60', 'FAIL cart']);
  await context.close();
});

test('an active run says what it does now', async () => {
  const { runId, ended } = await rig.start(`
name: builds
steps:
  - id: build
    name: Build it
    run: echo compiling cart.ts; while [ ! -e ${goFile} ]; do sleep 0.05; done
`);
  const { page, context } = await rig.open();
  await page.goto(`${rig.hub.url}/#/runs/${runId}/output`);
  await page
    .locator('.now')
    .getByText(/^Build it: compiling cart\.ts, \d/)
    .waitFor();
  writeFileSync(goFile, '');
  await ended;
  await page.locator('.run-title').getByText('succeeded').waitFor();
  expect(await page.locator('.now').count()).toBe(0);
  await context.close();
});
