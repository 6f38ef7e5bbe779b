// Active runs on the page: joined late, followed, paused, resumed, cancelled, started and retried; by one person, by
// two at once, and not by who may only look.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Rig, startRig } from './rig.ts';
import { rowsOf, untilRows } from './terminal-text.ts';

/** Runs until the given file appears, so that no test depends on how fast anything is. */
const waits = (go: string): string => `
name: waits
steps:
  - id: first
    name: First
    run: echo 'first is here'; while [ ! -e '${go}' ]; do sleep 0.05; done; echo 'first continues'
  - id: second
    name: Second
    needs: first
    run: echo 'second is here'
`;

let rig: Rig;
beforeAll(async () => {
  rig = await startRig();
});
afterAll(() => rig.close());

test('two browsers on one run see the same, and what one does the other sees', async () => {
  const go = `${rig.dataDir}-go`;
  const { runId, ended } = await rig.start(waits(go));
  const one = await rig.open();
  const two = await rig.open({ viewport: { width: 800, height: 900 } });
  for (const { page } of [one, two]) {
    await page.goto(`${rig.hub.url}/#/runs/${runId}/output`);
    await untilRows(page, (rows) => rows.includes('first is here'));
  }
  await one.page.keyboard.press('p');
  await one.page.getByRole('dialog').getByRole('button', { name: 'Hold the next step' }).click();
  await one.page.getByRole('button', { name: 'Resume' }).waitFor();
  await two.page.locator('.run-title').getByText('nothing new starts').waitFor();
  writeFileSync(go, '');
  for (const { page } of [one, two]) {
    await untilRows(page, (rows) => rows.includes('first continues'));
    expect(await rowsOf(page)).not.toContain('second is here');
  }
  await two.page.getByRole('button', { name: 'Resume' }).click();
  await ended;
  const seen: (readonly string[])[] = [];
  for (const { page } of [one, two]) {
    await page.locator('.run-title').getByText('succeeded').waitFor();
    const rows = await untilRows(page, (now) => now.includes('second is here'));
    seen.push(rows.filter((row) => /^(first|second) /.test(row)));
  }
  const lines = ['first is here', 'first continues', 'second is here'];
  expect(seen).toEqual([lines, lines]);
  for (const { context } of [one, two]) await context.close();
});

test('is cancelled only after a question', async () => {
  const { runId, ended } = await rig.start(waits(`${rig.dataDir}-never`));
  const { page, context } = await rig.open();
  await page.goto(`${rig.hub.url}/#/runs/${runId}/output`);
  await untilRows(page, (rows) => rows.includes('first is here'));
  await page.getByRole('button', { name: 'Cancel', exact: true }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Keep it running' }).click();
  await page.locator('.run-title').getByText('running').waitFor();
  await page.getByRole('button', { name: 'Cancel', exact: true }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel the run' }).click();
  await ended;
  await page.locator('.run-title').getByText('cancelled').waitFor();
  await context.close();
});

test('a session that may only read sees everything, says so, and has no buttons to act', async () => {
  const go = `${rig.dataDir}-read`;
  const { runId, ended } = await rig.start(waits(go));
  writeFileSync(path.join(rig.workflows, 'any.yaml'), 'name: any\nsteps:\n  - id: a\n    run: echo a\n');
  const { page, context } = await rig.open({}, 'read');
  await page.goto(`${rig.hub.url}/#/runs/${runId}/output`);
  await untilRows(page, (rows) => rows.includes('first is here'));
  await page.locator('.run-title').getByText('read only').waitFor();
  for (const name of ['Pause', 'Resume', 'Cancel', 'Retry'])
    expect([name, await page.getByRole('button', { name }).count()]).toEqual([name, 0]);
  const posted: string[] = [];
  page.on('request', (request) => {
    if (request.method() === 'POST') posted.push(request.url());
  });
  await page.keyboard.press('p');
  const answer = (await page.evaluate(
    `fetch('/api/v1/runs/${runId}/pause', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' }).then((response) => response.status)`,
  )) as number;
  expect([answer, posted.length]).toEqual([403, 1]);
  writeFileSync(go, '');
  await ended;
  await untilRows(page, (rows) => rows.includes('second is here'));
  await page.goto(`${rig.hub.url}/#/`);
  await page.locator('.run-row').first().waitFor();
  expect(await page.getByRole('button', { name: 'Start a workflow' }).count()).toBe(0);
  await context.close();
});

test('a workflow of an allowed folder is started with its parameters, and retried from the step that failed, from one that is chosen, and as edited', async () => {
  writeFileSync(
    path.join(rig.workflows, 'greet.yaml'),
    'name: greet\nparams:\n  who: world\nsteps:\n  - id: may\n    name: May fail\n    continueOnFailure: true\n    run: exit 1\n  - id: hello\n    name: Hello\n    run: echo "hello $STEPSPAN_PARAM_WHO"\n  - id: break\n    name: Break\n    needs: hello\n    run: exit 1\n',
  );
  // Whether there is anything to start is found out when a hub starts.
  await rig.restartHub();
  const { page, context } = await rig.open();
  await page.getByRole('button', { name: 'Start a workflow' }).click();
  await page.getByRole('dialog').locator('select').selectOption({ label: 'greet ' });
  await page.getByLabel('who').fill('everybody');
  await page.getByRole('button', { name: 'Start', exact: true }).click();
  await untilRows(page, (rows) => rows.includes('hello everybody'));
  const started = page.url();
  await page.getByRole('button', { name: 'Retry from Break' }).click();
  await page.waitForURL((url) => url.href !== started);
  await page.getByRole('button', { name: /^Hello .*reused/ }).waitFor();
  await page.goto(started);
  await page.getByRole('button', { name: /^Hello / }).click();
  const before = page.url();
  await page.getByRole('button', { name: 'Retry from Hello' }).click();
  await page.waitForURL((url) => url.href !== before);
  await page.getByRole('button', { name: /^Hello .*succeeded/ }).waitFor();

  const file = path.join(rig.workflows, 'greet.yaml');
  writeFileSync(
    file,
    readFileSync(file, 'utf8').replace('needs: hello\n    run: exit 1', 'needs: hello\n    run: exit 0'),
  );
  await page.goto(started);
  await page.getByRole('button', { name: 'Retry edited' }).click();
  await page.waitForURL((url) => url.href !== started);
  await page.getByRole('button', { name: /^Break .*succeeded/ }).waitFor();
  await context.close();
});
