// Output, step names and links that want to do something: all of it is shown, none of it acts.
import { afterAll, beforeAll, expect, test } from 'vitest';
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
  expect(rows).toContain('cursor tricks');
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

test('a browser that has not signed in sees nothing, and a used code does not help', async () => {
  const page = await rig.stranger();
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
