// Output, step names and links that want to do something: all of it is shown, none of it acts.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { serveHttp } from '../support/http-server.ts';
import { type Rig, startRig } from './rig.ts';
import { untilRows } from './terminal-text.ts';

const hostile = `
name: "<img src=x onerror=document.title='owned'>"
description: "<script>document.title='owned'</script>"
steps:
  - id: evil
    name: "<b onmouseover=alert(1)>bold</b>"
    run: |
      echo 'before'
      echo "<script>document.title='owned'</script>"
      echo "<img src=x onerror=document.title='owned'>"
      printf '\\e]52;c;b3duZWQ=\\e\\\\clipboard\\n'
      printf '\\e]0;owned\\007title\\n'
      printf 'cursor\\e[1;1H\\e[2J\\e[10A tricks\\n'
      printf '\\e]8;;javascript:alert(1)\\e\\\\script link\\e]8;;\\e\\\\\\n'
      printf '\\e]8;;https://example.com/ok\\e\\\\web link\\e]8;;\\e\\\\\\n'
      printf '\\e[?1049hother screen\\n'
      echo 'after'
`;

let rig: Rig;
beforeAll(async () => {
  rig = await startRig();
});
afterAll(() => rig.close());

test('nothing that a run prints or is called acts on the page', async () => {
  const runId = await rig.run(hostile);
  const { page, context } = await rig.open({ permissions: ['clipboard-read', 'clipboard-write'] });
  const dialogs: string[] = [];
  const outside: string[] = [];
  const complaints: string[] = [];
  page.on('dialog', (dialog) => {
    dialogs.push(dialog.message());
    void dialog.dismiss();
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(rig.hub.url)) outside.push(request.url());
  });
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.goto(`${rig.hub.url}/#/runs/${runId}/output`);
  const rows = await untilRows(page, (now) => now.includes('before') && now.includes('after'));
  expect(rows).toContain("<script>document.title='owned'</script>");
  expect(rows).toContain("<img src=x onerror=document.title='owned'>");
  expect(rows).toContain('clipboard');
  expect(rows).toContain('title');
  // It erased what it had printed of its own line; the lines around it stay.
  expect(rows).toContain(' tricks');
  expect(rows).toContain('other screen');
  expect(rows.indexOf('before')).toBeLessThan(rows.indexOf('after'));
  // The name is text in the heading, in the graph and beside the lines.
  await page.getByRole('heading', { name: '<img src=x' }).waitFor();
  await page.getByRole('button', { name: /<b onmouseover=alert/ }).waitFor();
  expect(await page.locator('#app img, #app script, #app iframe, #app b').count()).toBe(0);
  expect(await page.title()).toContain('<img');
  const place = await page.locator('.xterm-rows > div').filter({ hasText: 'script link' }).boundingBox();
  await page.mouse.click((place?.x ?? 0) + 20, (place?.y ?? 0) + 5);
  for (const tab of ['timeline', 'resources', 'alerts', 'conversation'])
    await page.getByRole('tab', { name: tab }).click();
  await page.goto(`${rig.hub.url}/#/`);
  await page.locator('.run-row').first().waitFor();
  expect(await page.evaluate('navigator.clipboard.readText()')).not.toContain('owned');
  expect({ dialogs, outside, complaints }).toEqual({ dialogs: [], outside: [], complaints: [] });
  await context.close();
});

test('a file whose name or problem is markup is shown as text where it can be started', async () => {
  const name = `<img src=x onerror=document.title='owned'>`;
  writeFileSync(
    path.join(rig.workflows, `${name}.yaml`),
    `name: "${name}"\nsteps:\n  - id: a\n    run: echo \\e[31m\n`,
  );
  writeFileSync(path.join(rig.workflows, '<script>document.title=1<\\script>.yaml'), 'steps: <b>no list</b>\n');
  await rig.restartHub();
  const { page, context } = await rig.open();
  await page.getByRole('button', { name: 'Start a workflow' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.locator('option').first().waitFor({ state: 'attached' });
  expect(await dialog.locator('option').allTextContents()).toContain(name);
  await dialog.locator('.broken').getByText('<script>document.title=1').waitFor();
  expect(await page.locator('#app img, #app script, #app b').count()).toBe(0);
  await page.getByRole('dialog').getByRole('button', { name: 'Start', exact: true }).click();
  await page.getByRole('heading', { name: '<img src=x' }).waitFor();
  expect(await page.title()).toContain('<img');
  await context.close();
});

test('a page of another origin gets nothing out of a browser that has signed in, and does nothing with it', async () => {
  const runId = await rig.run('name: private\nsteps:\n  - id: a\n    run: echo secret words\n');
  // On the same host, so that the browser counts it as the same site and would send the cookie with it.
  const other = await serveHttp((_request, response) =>
    response.setHeader('content-type', 'text/html').end('<p>hello'),
  );
  const { page, context } = await rig.open();
  const api = `${rig.hub.url}/api/v1`;
  const tail = `${api.replace('http', 'ws')}/tail`;
  const tries = `(async () => {
    const got = [];
    const ask = async (name, address, init) => {
      const answer = await fetch(address, { credentials: 'include', ...init }).catch(() => undefined);
      got.push([name, answer === undefined || answer.type === 'opaque' ? 'nothing' : await answer.text()]);
    };
    await ask('list', '${api}/runs');
    await ask('blind', '${api}/runs/${runId}/cancel', { method: 'POST', mode: 'no-cors', body: '{}' });
    await ask('json', '${api}/runs/${runId}/retry', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' });
    got.push(['tail', await new Promise((resolve) => {
      const socket = new WebSocket('${tail}', 'stepspan.tail.v1');
      socket.onmessage = (message) => resolve(message.data);
      socket.onerror = () => resolve('nothing');
    })]);
    return got;
  })()`;
  const nothing = [
    ['list', 'nothing'],
    ['blind', 'nothing'],
    ['json', 'nothing'],
    ['tail', 'nothing'],
  ];
  const before = await runsOf(page);
  await page.goto(`${other.url}/`);
  expect(await page.evaluate(tries)).toEqual(nothing);
  // A frame that is shut in has the origin null; so has a page in a file.
  await page.evaluate(`document.body.innerHTML = '<iframe sandbox="allow-scripts" srcdoc="<p>shut in</p>"></iframe>'`);
  const frame = await (await page.locator('iframe').elementHandle())?.contentFrame();
  expect(await frame?.evaluate(tries)).toEqual(nothing);
  // Nor may it show the page in a frame, to have somebody click in it.
  await page.evaluate(`document.body.innerHTML = '<iframe src="${rig.hub.url}/"></iframe>'`);
  const framed = await (await page.locator('iframe').elementHandle())?.contentFrame();
  await framed?.waitForLoadState();
  expect(framed?.url()).toMatch(/^chrome-error:/);
  await page.goto(`${rig.hub.url}/`);
  expect(await runsOf(page)).toEqual(before);
  await context.close();
  await other.close();
});

async function runsOf(page: Page): Promise<readonly string[]> {
  const answer = await page.request.get(`${rig.hub.url}/api/v1/runs`);
  return ((await answer.json()) as { runs: { runId: string }[] }).runs.map(({ runId }) => runId);
}

test('a browser that has not signed in sees nothing, and a used code does not help', async () => {
  const page = await rig.openSignedOut();
  await page.goto(rig.hub.url);
  await page.getByRole('heading', { name: 'Open with a link' }).waitFor();
  await page.getByLabel('Link or code').fill(`${rig.hub.url}/#code=wrong`);
  await page.getByRole('button', { name: 'Open' }).click();
  await page
    .locator('#login-message')
    .getByText(/used already|older than/)
    .waitFor();
  await page.getByLabel('Link or code').fill(rig.hub.link);
  await page.getByRole('button', { name: 'Open' }).click();
  await page.getByRole('heading', { name: 'Runs', exact: true }).waitFor();
  expect(page.url()).not.toContain('code=');
});
