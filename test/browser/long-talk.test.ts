// A conversation of thousands of turns on the page: it opens at its end while it is active and follows it, keeps the place of who
// reads above, and has only what is near the screen in the page. The journal is written by hand: the real Claude Code would need an hour.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Event } from '../../src/core/event.ts';
import { newRunId } from '../../src/core/ids.ts';
import { makeRunFolder } from '../../src/data/data-folder.ts';
import { createJournal, dataFolder, type JournalWriter, processIdentity } from '../../src/journal/index.ts';
import { attemptStarted, runStarted } from '../runs/journal-of.ts';
import { type Rig, startRig } from './rig.ts';

const turns = 5_000;
const subject = { step: 'ask', attempt: 1 };

let rig: Rig;
let journal: JournalWriter;
const runId = newRunId();
beforeAll(async () => {
  rig = await startRig();
  const folder = dataFolder(rig.dataDir).runDir(runId);
  makeRunFolder(folder);
  journal = createJournal(folder);
  const steps = [{ id: 'ask', name: 'Ask Claude', kind: 'claude', needs: [] }] as const;
  journal.event(runStarted([], { runId, workflow: 'long talk', writer: processIdentity(), steps }));
  for (const event of [{ type: 'step.started' }, attemptStarted] as const) journal.event(event, subject);
  for (let turn = 1; turn <= turns; turn++) for (const event of eventsOf(turn)) journal.event(event, subject);
});
afterAll(async () => {
  await journal.close();
  await rig.close();
});

/** Texts of one line and of many, so that heights differ. */
function eventsOf(turn: number): readonly Event[] {
  const toolUseId = `call-${turn}`;
  const main = { parentToolUseId: undefined };
  const more = '\n\nAnother **paragraph**.'.repeat(turn % 7);
  return [
    { type: 'claude.message', text: `Message ${turn}.${more}`, ...main },
    {
      type: 'claude.tool_called',
      toolUseId,
      tool: 'Bash',
      input: JSON.stringify({ command: `echo ${turn}` }),
      ...main,
    },
    {
      type: 'claude.usage',
      messageId: `msg-${turn}`,
      usage: {
        ...{ model: 'opus', inputTokens: 10, outputTokens: 5, cacheReadTokens: 0, cacheCreationTokens: 0 },
        costUsd: 0.01,
      },
    },
    { type: 'claude.tool_returned', toolUseId, isError: false, text: `out ${turn}`, bytes: 5, ...main },
  ];
}

test('5,000 turns are followed at their end, searched, linked and scrolled, in a small page', async () => {
  const { page, context } = await rig.open();
  await page.goto(`${rig.hub.url}/#/runs/${runId}/conversation`);
  const text = (turn: number) => page.locator('.t-message', { hasText: new RegExp(`Message ${turn}\\.`) });
  await text(turns).waitFor();
  expect(await page.locator('.total').textContent()).toContain('5000 turns');
  await expect.poll(() => text(turns).isVisible()).toBe(true);
  // Two screens above and below at most.
  expect(await page.locator('.turn').count()).toBeLessThan(150);
  expect(await page.getByRole('button', { name: 'Follow' }).count()).toBe(0);

  // Who reads above keeps the place, and is shown that there is more.
  const scroller = page.locator('.turns-scroll');
  await scroller.hover();
  await page.mouse.wheel(0, -6_000);
  const first = async (): Promise<{ readonly text: string; readonly top: number }> =>
    page.evaluate(`(() => {
      const area = document.querySelector('.turns-scroll').getBoundingClientRect();
      const row = [...document.querySelectorAll('.turn')].find((one) => one.getBoundingClientRect().bottom > area.top + 1);
      return { text: row.textContent, top: Math.round(row.getBoundingClientRect().top) };
    })()`);
  await page.getByRole('button', { name: 'Follow' }).waitFor();
  let before = await first();
  // Rows above get their heights while they are drawn; then all is at rest.
  await expect
    .poll(async () => {
      const now = await first();
      const isSame = now.text === before.text && now.top === before.top;
      before = now;
      return isSame;
    })
    .toBe(true);
  for (const event of eventsOf(turns + 1)) journal.event(event, subject);
  await page.getByRole('button', { name: '2 new' }).waitFor();
  await expect.poll(first).toEqual(before);
  await page.getByRole('button', { name: '2 new' }).click();
  await text(turns + 1).waitFor();
  for (const event of eventsOf(turns + 2)) journal.event(event, subject);
  await text(turns + 2).waitFor();

  // Any of them is found, and its link opens it in the middle of the screen.
  await page.getByLabel('Search the conversation').fill('message 2500.');
  await page.keyboard.press('Enter');
  await page.locator('.turn.hit', { hasText: 'Message 2500.' }).waitFor();
  const link = await page.locator('.turn.hit .gutter-time a').getAttribute('href');
  await page.goto(`${rig.hub.url}/#/`);
  await page.goto(`${rig.hub.url}/${link}`);
  await page.locator('.turn.linked', { hasText: 'Message 2500.' }).waitFor();

  const session = await context.newCDPSession(page);
  await session.send('HeapProfiler.collectGarbage');
  const { usedSize } = (await session.send('Runtime.getHeapUsage')) as { usedSize: number };
  expect(usedSize).toBeLessThan(100 * 1024 * 1024);
  await context.close();
});
