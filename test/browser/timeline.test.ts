// The timeline on the page: a tree of everything that took time in runs of the real Claude Code and of shells, with its keys, the pane
// of details, the critical path; and one of more spans than fit into a page. What the model says is scripted.
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Event } from '../../src/core/event.ts';
import { newRunId } from '../../src/core/ids.ts';
import { createJournal, dataFolder } from '../../src/journal/index.ts';
import {
  attemptFinished,
  attemptStarted,
  modelUse,
  runFinished,
  runStarted,
  stepFinished,
} from '../runs/journal-of.ts';
import { workWithEveryTool } from '../support/every-tool.ts';
import { looks, type Rig, shots, startClaudeRig } from './rig.ts';

const place = mkdtempSync(path.join(tmpdir(), 'stepspan-page-timeline-'));

let rig: Rig;
let runId: string;
beforeAll(async () => {
  rig = await startClaudeRig({ place, script: workWithEveryTool(place) });
  runId = await rig.run(`
name: assistant
steps:
  - id: prepare
    name: Prepare
    run: sleep 0.2; echo ready
  - id: ask
    name: Ask Claude
    needs: prepare
    claude: { permissionMode: bypassPermissions, prompt: work with every tool }
  - id: lint
    name: Lint
    needs: prepare
    continueOnFailure: true
    retries: { max: 1, delay: 100ms }
    run: exit 1
  - id: after
    name: After
    needs: ask
    when: steps.ask.outcome == 'failure'
    run: echo never
`);
});
afterAll(() => rig.close());

const row = (page: Page, text: string | RegExp) => page.locator('.rows .row').filter({ hasText: text });
const active = (page: Page): Promise<string> =>
  page.evaluate(
    "document.getElementById(document.activeElement.getAttribute('aria-activedescendant'))?.querySelector('.name').textContent ?? ''",
  );

async function openTimeline(id: string, look?: Parameters<Rig['open']>[0]) {
  const opened = await rig.open(look);
  await opened.page.goto(`${rig.hub.url}/#/runs/${id}/timeline`);
  await opened.page.locator('.rows .row').first().waitFor();
  return opened;
}

test('shows what Claude did as a tree, each call once, subagents below their call, and the critical path', async () => {
  const { page, context } = await openTimeline(runId);
  expect(await page.locator('.rows .name').allTextContents()).toEqual([
    ...['assistant', 'Prepare', 'Ask Claude'],
    ...Array.from({ length: 8 }, (_, index) => `Turn ${index + 1}`),
    ...['Lint', 'Attempt 1', 'Waiting to retry', 'Attempt 2', 'After'],
  ]);
  await row(page, 'Turn 7').locator('.fold').click();
  await row(page, /^Task/).locator('.fold').click();
  const task = row(page, /^Task/);
  expect(await task.getAttribute('aria-level')).toBe('4');
  const below = page.locator('.rows .row[aria-level="5"] .name');
  // How the CLI carried the call out, and the turn of its subagent.
  expect(await below.allTextContents()).toEqual(expect.arrayContaining(['Permission', 'Execution', 'Turn 1']));
  expect(await row(page, 'Attempt 2').textContent()).toContain('failed');
  expect(await row(page, /^After/).textContent()).toContain('skipped');
  const critical = page.locator('.critical-path');
  expect(await critical.textContent()).toMatch(/^Critical path: [\d.]+ m?s of [\d.]+ sPrepare → Ask Claude$/);
  expect(await row(page, 'Ask Claude').locator('.span.critical').count()).toBe(1);
  expect(await row(page, 'Lint').locator('.span.critical').count()).toBe(0);
  await context.close();
});

test('the keys go through it as through a tree: one stop for Tab, arrows, and the details of what is chosen', async () => {
  const { page, context } = await openTimeline(runId);
  await page.getByRole('treegrid').focus();
  expect(await page.locator('.tree [tabindex="0"]').count()).toBe(0);
  const press = async (...keys: readonly string[]): Promise<string> => {
    for (const key of keys) await page.keyboard.press(key);
    return active(page);
  };
  expect(await active(page)).toBe('assistant');
  expect(await press('ArrowDown', 'ArrowDown')).toBe('Ask Claude');
  expect(await press('ArrowRight')).toBe('Turn 1');
  expect(await press('ArrowRight', 'ArrowRight')).toBe('Model');
  expect(await press('ArrowDown')).toBe('Write');
  expect(await press('ArrowLeft')).toBe('Turn 1');
  expect(await press('ArrowLeft', 'ArrowDown')).toBe('Turn 2');
  expect(await press('ArrowLeft')).toBe('Ask Claude');
  expect(await press('ArrowLeft', 'ArrowDown')).toBe('Lint');
  expect(await press('End')).toBe('After');
  expect(await press('Home')).toBe('assistant');
  await press('Enter');
  const details = page.locator('.details');
  await details.getByRole('heading', { name: 'assistant' }).waitFor();
  // With the pane open, the arrows still move, and it follows.
  await press('ArrowDown');
  await details.getByRole('heading', { name: 'Prepare' }).waitFor();
  expect(await details.textContent()).toContain('sleep 0.2; echo ready');
  await press('Escape');
  await details.waitFor({ state: 'detached' });
  expect(page.url()).not.toContain('span=');
  await context.close();
});

test('the pane has input, output, cost, tokens and attributes of a call, links to conversation and output, and an address', async () => {
  const { page, context } = await openTimeline(runId);
  await row(page, 'Turn 3').locator('.fold').click();
  await row(page, /^Bash/).first().click();
  const details = page.locator('.details');
  expect(await details.getByRole('region', { name: 'Input' }).textContent()).toContain('printf');
  expect(await details.getByRole('region', { name: 'Output' }).textContent()).toContain('Exit code 3');
  expect(await details.textContent()).toMatch(/Took[\d.]+ m?s [\d,.]+\.\d{3} ms/);
  await details.getByText(/^Attributes of Claude Code/).click();
  await details.getByText('gen_ai.tool.call.id').waitFor();
  const chosen = page.url();
  await details.getByRole('link', { name: 'Conversation' }).click();
  const linked = page.locator('.turn.linked, .linked').first();
  await linked.waitFor();
  expect(await linked.textContent()).toContain('Bash');
  await page.goBack();
  await details.getByRole('heading', { name: 'Bash' }).waitFor();
  await details.getByRole('link', { name: 'Output at that time' }).click();
  await page.locator('.gutter .marked').waitFor();
  // A shared address opens what is above the span, and shows it.
  await page.goto('about:blank');
  await page.goto(chosen);
  await details.getByRole('heading', { name: 'Bash' }).waitFor();
  await row(page, /^Bash/).and(page.locator('.chosen')).waitFor();
  await details.getByRole('button', { name: 'Turn 3' }).click();
  expect(await details.textContent()).toMatch(/Cost of the answer\$0\.\d+Tokens1,200 in, \d+ out/);
  await context.close();
});

test('passes axe, and fits wide, narrower and a phone', async () => {
  for (const [name, look] of Object.entries(looks)) {
    const { page, context } = await openTimeline(runId, look);
    await row(page, 'Turn 3').locator('.fold').click();
    await page.screenshot({ path: path.join(shots, `timeline-tree-${name}.png`), animations: 'disabled' });
    await row(page, /^Bash/).first().click();
    await page.locator('.details pre').first().waitFor();
    await page.screenshot({ path: path.join(shots, `timeline-details-${name}.png`), animations: 'disabled' });
    await page.evaluate(axe.source);
    const found = (await page.evaluate('axe.run(document)')) as {
      violations: { id: string; nodes: { html: string }[] }[];
    };
    const problems = found.violations.filter(({ id }) => id !== 'region' && id !== 'heading-order');
    expect(problems.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)).toEqual([]);
    expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
    await context.close();
  }
});

test('of ten thousand spans it draws what is seen, leaves out none, and finds any of them', async () => {
  const id = newRunId();
  const journal = createJournal(dataFolder(rig.dataDir).runDir(id), { archive: false });
  const subject = { step: 'ask', attempt: 1 };
  journal.event(runStarted(['ask'], { runId: id }));
  journal.event({ type: 'step.started' }, subject);
  journal.event(attemptStarted, subject);
  const calls = 3_400;
  for (let call = 1; call <= calls; call++) {
    const of = { toolUseId: `t${call}`, parentToolUseId: undefined } as const;
    const events: readonly Event[] = [
      { type: 'claude.tool_called', tool: 'Bash', input: `{"command":"echo ${call}"}`, ...of },
      { type: 'claude.usage', messageId: `m${call}`, usage: modelUse('claude-opus-5-5', 10, 0.001) },
      { type: 'claude.tool_returned', isError: call === 3_333, text: String(call), bytes: 4, ...of },
    ];
    for (const event of events) journal.event(event, subject);
  }
  journal.event(attemptFinished(), subject);
  journal.event(stepFinished(), subject);
  journal.event(runFinished());
  await journal.close();

  const { page, context } = await openTimeline(id);
  expect(await page.locator('.toolbar .shown').textContent()).toBe('10,202 spans');
  const names = await page.locator('.rows .name').allTextContents();
  expect(names.slice(0, 4)).toEqual(['nightly', 'ask', '1 to 100', '101 to 200']);
  // With the row of the heads.
  expect(await page.getByRole('treegrid').getAttribute('aria-rowcount')).toBe(String(1 + 2 + 34));
  await page.getByRole('treegrid').focus();
  await page.keyboard.press('End');
  await row(page, '3,301 to 3,400').locator('.fold').click();
  await page.getByRole('treegrid').focus();
  await page.keyboard.press('End');
  expect(await active(page)).toBe('Turn 3400');
  for (let up = 0; up < 67; up++) await page.keyboard.press('ArrowUp');
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await page.locator('.details .target', { hasText: 'echo 3333' }).waitFor();
  expect(await page.locator('.rows .row').count()).toBeLessThan(80);
  await context.close();
});

test('grows in place while a run continues: what one looks at does not move', async () => {
  const go = path.join(place, 'go');
  const { runId: live, ended } = await rig.start(`
name: growing
concurrency: 2
steps:
  - id: first
    name: First
    retries: { max: 90, delay: 10ms }
    run: if [ ! -e '${go}' ]; then sleep 0.3; exit 1; fi
  - id: second
    name: Second
    continueOnFailure: true
    retries: { max: 20, delay: 1ms, factor: 1 }
    run: exit 1
`);
  const { page, context } = await openTimeline(live, { viewport: { width: 1100, height: 620 } });
  await row(page, 'Second').locator('.span.s-failure').waitFor();
  await page.getByRole('treegrid').focus();
  const last = row(page, 'Attempt 21');
  // The page reads once a second: its row may come after the step was drawn as failed.
  await expect
    .poll(async () => {
      await page.keyboard.press('End');
      return last.and(page.locator('.active')).count();
    })
    .toBe(1);
  const y = async () => (await last.boundingBox())?.y;
  const before = { y: await y(), shown: await page.locator('.toolbar .shown').textContent() };
  // Attempts of the first step come above it, out of sight.
  await expect.poll(() => page.locator('.toolbar .shown').textContent()).not.toBe(before.shown);
  expect(await y()).toBe(before.y);
  await page.keyboard.press('Home');
  await row(page, 'growing').locator('.span.s-running').waitFor();
  writeFileSync(go, '');
  await ended;
  await row(page, 'growing').locator('.span.s-success').waitFor();
  await context.close();
});
