// Makes the pictures of the page in docs/images: runs the demo with a hub beside it, and looks at the page in a real Chromium.
// `node demo/page-pictures.ts` after a change of the page; it needs the built page and Chromium, in CHROMIUM or /usr/bin/chromium.
import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';
import { chromium, type Page } from 'playwright-core';
import { buildPage } from './build-page.ts';
import { claudeScript } from './claude-script.ts';
import { startMessagesApi } from './messages-api/server.ts';
import { clone, makePlace, scriptedEnvironment } from './place.ts';

const images = path.join(clone, 'docs', 'images');
const patienceMs = 60_000;

const problem = await buildPage();
if (problem !== undefined) throw new Error(`the page could not be built: ${problem}`);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu'],
});
const children: ChildProcess[] = [];
try {
  const place = makePlace();
  const api = await startMessagesApi({ script: claudeScript({ folder: place.sample, fast: false }) });
  const dataDir = path.join(place.folder, 'data');
  const env = { ...scriptedEnvironment(process.env, place, api.url), STEPSPAN_DATA_DIR: dataDir };
  const start = (args: readonly string[]): ChildProcess => {
    const main = path.join(clone, 'src', 'cli', 'main.ts');
    const child = spawn(process.execPath, [main, ...args], {
      cwd: place.folder,
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(child);
    return child;
  };
  const hub = start(['serve', '--port', '0', '--no-ship']);
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  page.setDefaultTimeout(patienceMs);
  await page.goto(await linkOf(hub));
  await page.getByRole('heading', { name: 'Runs', exact: true }).waitFor();
  const run = start(['run', place.workflow, '--no-ship', '--param', 'pause=1']);
  const ended = new Promise((resolve) => run.on('exit', resolve));
  await page.locator('.run-row').first().click();
  await takeActive(page);
  await ended;
  await takeEnded(page);
  await api.close();
} finally {
  for (const child of children) child.kill();
  await browser.close();
}

/** While Claude Code works and another step waits for its second attempt. */
async function takeActive(page: Page): Promise<void> {
  await page.locator('.node.s-running').nth(0).waitFor();
  await page.locator('.now').getByText('Find the cause').waitFor();
  await keep(page, 'live-run');
}

async function takeEnded(page: Page): Promise<void> {
  await page.locator('.run-title .status').getByText('succeeded').waitFor();
  await page.getByRole('tab', { name: 'timeline' }).click();
  await page.locator('.track').first().waitFor();
  await keep(page, 'live-timeline');
  await page.getByRole('tab', { name: 'summary' }).click();
  await page.getByRole('region', { name: 'Files that Claude changed' }).getByRole('listitem').first().waitFor();
  await page.getByRole('region', { name: 'Files that Claude changed' }).locator('summary').first().click();
  await keep(page, 'live-summary');
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox').fill('de');
  await keep(page, 'live-palette');
}

async function keep(page: Page, name: string): Promise<void> {
  await page.evaluate('document.fonts.ready');
  await page.screenshot({ path: path.join(images, `${name}.png`), animations: 'disabled' });
}

function linkOf(hub: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    hub.stdout?.on('data', (chunk) => {
      text += String(chunk);
      const [link] = /http:\/\/\S+\/#code=\S+(?=\s)/.exec(text) ?? [];
      if (link !== undefined) resolve(link);
    });
    hub.on('exit', () => reject(new Error(`the hub ended: ${text}`)));
  });
}
