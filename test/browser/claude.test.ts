// A Claude Code step on the page: the conversation while it is active, model calls and tools in the timeline, and what freeze,
// resume and cancel do to the real CLI. What the model says is scripted; the CLI, its tools and its telemetry are real.
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Script } from '../../demo/messages-api/script.ts';
import { type Rig, shots, startClaudeRig } from './rig.ts';

const place = mkdtempSync(path.join(tmpdir(), 'stepspan-page-claude-'));
const goFile = path.join(place, 'go');
const neverFile = path.join(place, 'never');
const hostile = '<img src=x onerror="document.title=1"> **not bold**';

const waitFor = (file: string) => ({
  name: 'Bash',
  input: { command: `while [ ! -e ${file} ]; do sleep 0.05; done; seq 1 30`, description: 'waits' },
});
const workflow = (prompt: string): string => `
name: assistant
budget: 1
steps:
  - id: ask
    name: Ask Claude
    claude: { permissionMode: bypassPermissions, prompt: ${prompt} }
  - id: after
    name: Afterwards
    needs: ask
    run: echo done
`;

let rig: Rig;
beforeAll(async () => {
  const script: Script = [
    {
      prompt: 'count to thirty',
      turns: [
        { kind: 'reply', text: `I count. ${hostile}`, tools: [waitFor(goFile)] },
        {
          kind: 'reply',
          tools: [{ name: 'Bash', input: { command: 'echo bad news; exit 3', description: 'fails' } }],
        },
        { kind: 'reply', text: 'Thirty it is.' },
      ],
    },
    // A run that continues asks in the session of the one before.
    { prompt: /spend it|You were interrupted/, turns: [{ kind: 'reply', text: 'It is spent.' }] },
    { prompt: 'never end', turns: [{ kind: 'reply', text: 'I wait.', tools: [waitFor(neverFile)] }] },
  ];
  // What is retried from the page is started by the hub, with the hub's environment.
  rig = await startClaudeRig({ place, script, inHub: true });
});
afterAll(() => rig.close());

test('a conversation is read while it is active, frozen, resumed, and read to its end with what it cost', async () => {
  const { runId, ended } = await rig.start(workflow('count to thirty'));
  const { page, context } = await rig.open();
  await page.goto(`${rig.hub.url}/#/runs/${runId}/conversation`);
  await page.getByText('<img src=x onerror="document.title=1">', { exact: false }).first().waitFor();
  const calls = page.locator('details.call', { has: page.locator('.title', { hasText: 'Bash' }) });
  await calls.locator('.facts-of', { hasText: 'running' }).waitFor();
  await calls.locator('summary').click();
  await calls.locator('.command', { hasText: `while [ ! -e ${goFile} ]` }).waitFor();
  expect(await page.locator('#app img').count()).toBe(0);
  expect(await page.locator('.turn').filter({ hasText: 'Thirty it is.' }).count()).toBe(0);

  const states = (): readonly string[] => shellStates(goFile);
  await expect.poll(states).not.toEqual([]);
  await page.getByRole('button', { name: 'Pause' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Freeze now' }).click();
  await page.locator('.run-title').getByText('what runs is frozen').waitFor();
  expect(states().every((state) => state === 'T')).toBe(true);
  await page.getByRole('button', { name: 'Resume' }).click();
  await page.locator('.run-title').getByText('running').waitFor();
  await expect.poll(() => states().every((state) => state !== 'T')).toBe(true);

  writeFileSync(goFile, '');
  await page.getByText('Thirty it is.').waitFor();
  await ended;
  await page.locator('.run-title').getByText('succeeded').waitFor();
  // A call and its result are one line; a failing tool is marked; each turn and the whole say what they cost.
  await calls.first().locator('.output', { hasText: '29' }).waitFor();
  await calls.last().locator('.facts-of', { hasText: 'exit code 3' }).waitFor();
  await calls.last().locator('summary').click();
  await calls.last().locator('.output', { hasText: 'bad news' }).waitFor();
  expect(
    await page
      .locator('.gutter-time .cost')
      .filter({ hasText: /^\$0\.\d{4}$/ })
      .count(),
  ).toBe(3);
  await page.getByText(/^Done · 3 turns · .* · \$0\.\d{4}$/).waitFor();
  expect(await page.locator('.facts').textContent()).toMatch(/Cost\s*\$0\.\d+ of \$1/);

  await page.getByRole('tab', { name: 'timeline' }).click();
  const rows = page.locator('.rows .row');
  // A turn for each answer, as in the conversation. The CLI's own spans of the two tools are in the lines of the calls.
  await expect.poll(() => rows.filter({ hasText: /Turn \d/ }).count()).toBe(3);
  expect(await page.locator('.track .k-pause').count()).toBe(1);
  await page.getByRole('treegrid').focus();
  await rows.filter({ hasText: 'Turn 1' }).locator('.fold').click();
  expect(await rows.filter({ hasText: /^Bash/ }).count()).toBe(1);
  await rows.filter({ hasText: /^Bash/ }).locator('.fold').click();
  await rows.filter({ hasText: /^Execution/ }).waitFor();
  await page.screenshot({ path: path.join(shots, 'timeline-claude.png') });
  await context.close();
});

test('a run that its budget ended is continued with more, asked for on the page', async () => {
  const costly = workflow('spend it').replace('budget: 1', 'budget: 0.001');
  const runId = await rig.run(costly);
  const { page, context } = await rig.open();
  await page.goto(`${rig.hub.url}/#/runs/${runId}/alerts`);
  await page
    .getByText(/budget of \$0\.0010? is used up/)
    .first()
    .waitFor();
  await page.getByRole('button', { name: /^Retry from / }).click();
  const dialog = page.getByRole('dialog');
  // Twice what it has cost, which was more than the budget, in whole cents.
  expect(await dialog.getByLabel('US dollars').inputValue()).toBe('0.02');
  await dialog.getByLabel('US dollars').fill('2');
  await page.screenshot({ path: path.join(shots, 'retry-budget.png') });
  await dialog.getByRole('button', { name: 'Retry' }).click();
  await page.waitForURL((url) => url.hash.startsWith('#/runs/') && !url.hash.includes(runId));
  await page.locator('.run-title').getByText('succeeded').waitFor();
  expect(await page.locator('.facts').textContent()).toMatch(/Cost\s*\$0\.\d+ of \$2/);
  await context.close();
});

test('a Claude step is cancelled from the page, and nothing of it is left', async () => {
  const { runId, ended } = await rig.start(workflow('never end'));
  const { page, context } = await rig.open();
  await page.goto(`${rig.hub.url}/#/runs/${runId}/conversation`);
  await page.getByText('I wait.').first().waitFor();
  await expect.poll(() => shellStates(neverFile)).not.toEqual([]);
  await page.getByRole('button', { name: 'Cancel', exact: true }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel the run' }).click();
  await ended;
  await page.locator('.run-title').getByText('cancelled').waitFor();
  expect(shellStates(neverFile)).toEqual([]);
  await page.getByRole('button', { name: 'Retry from Ask Claude' }).waitFor();
  await context.close();
});

/** What the kernel says of each process that waits for this file: `S` sleeps, `T` is stopped. */
function shellStates(file: string): readonly string[] {
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid) || !existsSync(`/proc/${pid}/cmdline`)) return [];
    try {
      if (!readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`-e ${file}`)) return [];
      const state = /^\d+ \(.*\) (\S)/s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1] ?? '';
      return state === 'Z' ? [] : [state];
    } catch {
      // It has ended between the two looks.
      return [];
    }
  });
}
