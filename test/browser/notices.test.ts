// Notifications of the browser: asked for on a click and never otherwise, and shown for every run of the hub, whatever is open.
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Rig, startClaudeRig } from './rig.ts';

/** Remembers what it is asked and what it shows. A browser without a screen shows no notification that a test could read. */
const recorder = (answer: 'granted' | 'denied'): string => `
  window.asked = 0;
  window.shown = [];
  window.Notification = class {
    static permission = localStorage.getItem('stepspan.notify') === null ? 'default' : '${answer}';
    static requestPermission() {
      window.asked += 1;
      window.Notification.permission = '${answer}';
      return Promise.resolve('${answer}');
    }
    constructor(title, options) {
      window.shown.push(title + ': ' + options.body);
      window.last = this;
    }
    close() {}
  };
`;

const place = mkdtempSync(path.join(tmpdir(), 'stepspan-page-notices-'));
const go = path.join(place, 'go');
const waits = (name: string, end: string, more = ''): string => `
name: ${name}
steps:
  - id: wait
    ${more}
    run: while [ ! -e '${go}' ]; do sleep 0.05; done; ${end}
`;

let rig: Rig;
beforeAll(async () => {
  rig = await startClaudeRig({
    place,
    script: [
      {
        prompt: 'spend',
        turns: [
          { kind: 'reply', text: 'Much.', tools: [{ name: 'Bash', input: { command: 'true', description: 'x' } }] },
          { kind: 'reply', text: 'More.' },
        ],
      },
    ],
  });
});
afterAll(() => rig.close());

const shown = (page: Page): Promise<readonly string[]> => page.evaluate('window.shown');

test('are asked for on a click only, and a refusal is reported', async () => {
  const { page, context } = await rig.open();
  await page.addInitScript(recorder('denied'));
  await page.reload();
  await page.getByRole('heading', { name: 'No runs yet' }).waitFor();
  expect(await page.evaluate('window.asked')).toBe(0);
  await page.getByRole('button', { name: 'Notifications' }).click();
  await page.getByText('does not let this page notify you').waitFor();
  expect(await page.evaluate('window.asked')).toBe(1);
  await rig.run('name: unheard\nsteps:\n  - id: a\n    run: exit 1\n');
  await page.locator('.run-row .status').getByText('failed').waitFor();
  expect(await shown(page)).toEqual([]);
  await context.close();
});

/** Notes what the browser does with its own notifications. */
const watcher = `
  window.displayed = [];
  window.Notification = class extends Notification {
    constructor(title, options) {
      super(title, options);
      window.last = this;
      this.addEventListener('show', () => window.displayed.push(this.title + ': ' + this.body));
    }
  };
`;

test('are displayed by the browser, and a click on one leads to its run', async () => {
  const { page, context } = await rig.open({ permissions: ['notifications'] });
  await page.addInitScript(watcher);
  await page.reload();
  await page.getByRole('button', { name: 'Notifications' }).click();
  await page.getByText('You will be notified').waitFor();
  const runId = await rig.run('name: breaks\nsteps:\n  - id: a\n    run: exit 4\n');
  await expect
    .poll(() => page.evaluate('window.displayed'))
    .toEqual([expect.stringMatching(/^breaks failed: .*exit code 4/)]);
  await page.evaluate("window.last.dispatchEvent(new Event('click'))");
  await page.waitForURL((url) => url.hash.startsWith(`#/runs/${runId}/`));
  await page
    .locator('.failure')
    .getByText(/exit code 4/)
    .first()
    .waitFor();
  await context.close();
});

test('show every run that succeeds, fails, is stuck or over its budget, and lead to it', async () => {
  const old = await rig.run('name: old\nsteps:\n  - id: a\n    run: exit 1\n');
  const { page, context } = await rig.open();
  await page.addInitScript(recorder('granted'));
  await page.reload();
  await page.getByRole('button', { name: 'Notifications' }).click();
  await page.getByText('You will be notified').waitFor();
  const open = [
    await rig.start(waits('fine', 'true')),
    await rig.start(waits('broken', 'exit 3')),
    await rig.start(waits('quiet', 'true', 'stalls: { noOutput: { after: 1s, action: none } }')),
  ];
  // A view of one of them: the others are shown all the same, and this one not twice.
  await page.goto(`${rig.hub.url}/#/runs/${open[1]?.runId}/timeline`);
  await expect.poll(() => shown(page)).toEqual([expect.stringMatching(/^quiet is stuck: no output/)]);
  writeFileSync(go, '');
  await Promise.all(open.map(({ ended }) => ended));
  await rig.run(`
name: costly
budget: 0.001
steps:
  - id: ask
    claude: { permissionMode: bypassPermissions, prompt: spend }
`);
  const all = [
    expect.stringMatching(/^broken failed: .*exit code 3/),
    expect.stringMatching(/^costly: the budget of \$0\.0010 is used up: /),
    expect.stringMatching(/^fine succeeded: /),
    expect.stringMatching(/^quiet is stuck: /),
    expect.stringMatching(/^quiet succeeded: /),
  ];
  await expect.poll(async () => [...(await shown(page))].sort(), { timeout: 60_000 }).toEqual(all);

  await page.evaluate('window.last.onclick()');
  await page.getByRole('heading', { name: 'costly' }).waitFor();
  // What had ended before is not news, in this page and after it is loaded again.
  await page.reload();
  await page.goto(`${rig.hub.url}/#/runs/${old}/output`);
  await page.locator('.run-title').getByText('failed').waitFor();
  await page.getByRole('button', { name: 'Notifications', pressed: true }).click();
  await page.getByText('Notifications are off').waitFor();
  expect(await shown(page)).toEqual([]);
  await context.close();
}, 600_000);
