// How the page of a run shows its end, however the run ended, and what it says while the process that serves it does not answer: the
// run itself (`run --serve`) or a hub.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RunningCli, startCli } from '../support/cli.ts';
import { cleanEnvironment, launchBrowser, looks, newPage, type Rig, shots, startRig } from './rig.ts';
import { untilRows } from './terminal-text.ts';

const place = mkdtempSync(path.join(tmpdir(), 'stepspan-page-ends-'));
const state = (page: Page, word: string) => page.locator('.run-title .status', { hasText: word }).waitFor();
const banner = (page: Page, text: string | RegExp) => page.locator('.banner', { hasText: text }).waitFor();
const timeOf = (page: Page) => page.locator('.facts > div', { hasText: 'Time' }).textContent();

describe('the page that a run serves', () => {
  let browser: Browser;
  beforeAll(async () => {
    mkdirSync(shots, { recursive: true });
    browser = await launchBrowser();
  });
  afterAll(async () => {
    await browser.close();
    rmSync(place, { recursive: true, force: true });
  });

  type Served = { readonly run: RunningCli; readonly dataDir: string; readonly go: string; readonly page: Page };

  /** A run that waits until its file `go` is there, with its page open. */
  async function serveRun(): Promise<Served> {
    const folder = mkdtempSync(path.join(place, 'run-'));
    const [dataDir, go, file] = ['data', 'go', 'workflow.yaml'].map((name) => path.join(folder, name)) as [
      ...[string, string, string],
    ];
    const waits = `echo here; while [ ! -e ${go} ]; do sleep 0.05; done; echo there`;
    writeFileSync(file, `name: served\nsteps:\n  - id: wait\n    name: Wait\n    run: '${waits}'\n`);
    const run = startCli(['run', file, '--serve', '--data-dir', dataDir, '--no-ship'], { env: cleanEnvironment() });
    const link = /watch this run at (\S+)\s/;
    await run.said(link);
    const page = await newPage(browser, looks.light);
    await page.goto(link.exec(run.output())?.[1] ?? '');
    await untilRows(page, (rows) => rows.includes('here'));
    return { run, dataDir, go, page };
  }

  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    'shows that %s cancelled the run, in all that is open',
    async (signal) => {
      const { run, page } = await serveRun();
      const context = page.context();
      const pages = [page, await context.newPage(), await context.newPage()];
      for (const other of pages.slice(1)) {
        await other.goto(page.url());
        await state(other, 'running');
      }
      const list = await context.newPage();
      await list.goto(`${new URL(page.url()).origin}/#/`);
      await list.locator('.run-row .status', { hasText: 'running' }).waitFor();
      run.child.kill(signal);
      await run.done;
      for (const each of pages) {
        await state(each, 'cancelled');
        await banner(each, /^The run has ended, and with it the stepspan that served this page\./);
        await each.locator('.facts').getByText(signal).waitFor();
      }
      await list.locator('.run-row .status', { hasText: 'cancelled' }).waitFor();
      // Nobody is there to carry it out.
      expect(await page.getByRole('button', { name: 'Retry from Wait' }).isDisabled()).toBe(true);
      await page.screenshot({ path: path.join(shots, `ends-${signal}.png`) });
      await context.close();
    },
  );

  test('shows its end and its last line when all is done', async () => {
    const { run, go, page } = await serveRun();
    writeFileSync(go, '');
    await run.done;
    await state(page, 'succeeded');
    await untilRows(page, (rows) => rows.includes('there'));
    await banner(page, /^The run has ended/);
    await page.context().close();
  });

  test('says since when a killed stepspan does not answer, and claims nothing that came after', async () => {
    const { run, dataDir, page } = await serveRun();
    run.child.kill('SIGKILL');
    await run.done;
    await banner(
      page,
      /^The stepspan of this run, which serves this page, has not answered since \d\d:\d\d:\d\d \(.+ ago\): it may/,
    );
    await page
      .locator('.run-title')
      .getByText(/^as of \d\d:\d\d:\d\d$/)
      .waitFor();
    const before = await timeOf(page);
    await banner(page, /\((?![01] s).+ ago\)/);
    expect(await timeOf(page)).toBe(before);
    await page.screenshot({ path: path.join(shots, 'ends-SIGKILL.png') });
    // What the page advises shows the end, and ends what is left of the run.
    const hub = startCli(['serve', '--port', '0', '--data-dir', dataDir, '--no-ship'], { env: cleanEnvironment() });
    const link = /http:\/\/\S+\/#code=\S+(?=\s)/;
    await hub.said(link);
    await page.goto(link.exec(hub.output())?.[0] ?? '');
    await page
      .locator('.run-row')
      .getByText(/was killed; .* marked this run as abandoned$/)
      .waitFor();
    hub.child.kill('SIGTERM');
    await hub.done;
    await page.context().close();
  });
});

describe('the page that a hub serves', () => {
  let rig: Rig;
  beforeAll(async () => {
    rig = await startRig();
  });
  afterAll(() => rig.close());

  test('says whether the hub was stopped or does not answer, on a run and on the list, and continues', async () => {
    const { runId, ended } = await rig.start('name: waits\nsteps:\n  - id: a\n    run: echo here; sleep 3600\n');
    const { page, context } = await rig.open();
    const list = await context.newPage();
    await list.goto(`${rig.hub.url}/#/`);
    await list.locator('.run-row').first().waitFor();
    await page.goto(`${rig.hub.url}/#/runs/${runId}/output`);
    await untilRows(page, (rows) => rows.includes('here'));
    for (const [signal, text] of [
      ['SIGTERM', /^The hub was stopped at \d\d:\d\d:\d\d \(.+ ago\)\. A run does not need it\./],
      ['SIGKILL', /^The hub has not answered since \d\d:\d\d:\d\d \(.+ ago\)\. A run does not need it\./],
    ] as const) {
      await rig.hub.stop(signal);
      for (const each of [page, list]) await banner(each, text);
      expect(await page.getByRole('button', { name: 'Cancel', exact: true }).isDisabled()).toBe(true);
      await page.screenshot({ path: path.join(shots, `ends-hub-${signal}.png`) });
      await rig.restartHub();
      for (const each of [page, list]) await expect.poll(() => each.locator('.banner').count()).toBe(0);
    }
    await state(page, 'running');
    await page.getByRole('button', { name: 'Cancel', exact: true }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel the run' }).click();
    await ended;
    await state(page, 'cancelled');
    await context.close();
  });
});
