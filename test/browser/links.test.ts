// Where a link leads once it has signed a browser in: to the run that it names, and never away from where somebody was.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Rig, startRig } from './rig.ts';

let rig: Rig;
let runId: string;
beforeAll(async () => {
  rig = await startRig();
  runId = await rig.run('name: linked\nsteps: [{id: a, run: echo a}]\n');
});
afterAll(() => rig?.close());

/** As `stepspan link [RUN]` prints it. */
async function link(body: { readonly runId?: string } = {}): Promise<string> {
  const token = readFileSync(path.join(rig.dataDir, 'token'), 'utf8').trim();
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const answer = await fetch(`${rig.hub.url}/api/v1/link`, { method: 'POST', headers, body: JSON.stringify(body) });
  return ((await answer.json()) as { url: string }).url;
}

test('a link to a run opens that run, also once more in the browser that has used it, and leaves no code in the address', async () => {
  const page = await rig.openSignedOut();
  const given = await link({ runId });
  const run = `${rig.hub.url}/#/runs/${runId}/output`;
  for (const _time of [1, 2]) {
    await page.goto('about:blank');
    await page.goto(given);
    await page.waitForURL(run);
    await page.getByRole('heading', { name: 'linked' }).waitFor();
  }
});

test('who signs in at a shared address stays there', async () => {
  const page = await rig.openSignedOut();
  const shared = `${rig.hub.url}/#/runs/${runId}/timeline`;
  await page.goto(shared);
  await page.getByLabel('Link or code').fill(await link());
  await page.getByRole('button', { name: 'Open' }).click();
  await page.getByRole('tab', { name: 'timeline', selected: true }).waitFor();
  expect(page.url()).toBe(shared);
});
