// The graph of a run on the page: it fits, zooms, says what each step is, is one stop for Tab, and a list on a phone.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { looks, type Rig, shots, startRig } from './rig.ts';

const flow = `
name: flow
steps:
  - id: build
    name: Build
    run: echo built
  - id: unit
    name: Unit tests
    needs: build
    run: echo tested
  - id: lint
    name: Lint
    needs: build
    continueOnFailure: true
    retries: { max: 1, delay: 10ms }
    run: exit 1
  - id: undo
    name: Undo
    needs: [unit, lint]
    when: steps.unit.outcome == 'failure'
    run: echo undone
  - id: pack
    name: Package
    needs: [unit, lint]
    run: echo packed
`;

/** Fifteen layers of fifteen steps, each after all of the layer before. */
function dense(): string {
  const layer = (index: number) => Array.from({ length: 15 }, (_, at) => `s${index}-${at}`);
  const steps = Array.from({ length: 15 }, (_, index) =>
    layer(index).map(
      (id) =>
        `  - { id: ${id}, needs: [${index === 0 ? '' : layer(index - 1).join(', ')}], when: "1 == 2", run: "true" }`,
    ),
  );
  return `name: dense\nsteps:\n${steps.flat().join('\n')}\n`;
}

let rig: Rig;
let runId: string;
beforeAll(async () => {
  mkdirSync(shots, { recursive: true });
  rig = await startRig();
  runId = await rig.run(flow);
});
afterAll(() => rig.close());

async function openRun(id: string, look?: Parameters<Rig['open']>[0]) {
  const opened = await rig.open(look);
  await opened.page.goto(`${rig.hub.url}/#/runs/${id}/summary`);
  await opened.page.locator('.graph').waitFor();
  return opened;
}

const focused = (page: Page): Promise<string> =>
  page.evaluate("document.activeElement.getAttribute('aria-label') ?? ''");

test('is one stop for Tab, and its steps are reached and chosen with the arrows', async () => {
  const { page, context } = await openRun(runId);
  expect(await page.locator('.graph [tabindex="0"]').count()).toBe(1);
  await page.locator('.node').first().focus();
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('ArrowRight');
  expect(await focused(page)).toMatch(/^(Undo|Package) /);
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('ArrowUp');
  expect(await focused(page)).toMatch(/^(Undo|Package) /);
  await page.keyboard.press('ArrowLeft');
  expect(await focused(page)).toMatch(/^(Unit tests|Lint) /);
  await page.keyboard.press('Enter');
  await page.locator('.node.chosen').waitFor();
  const chosen = await focused(page);
  // Shift and Tab leave the graph, and Tab finds the same step again.
  await page.keyboard.press('Shift+Tab');
  expect(await page.evaluate("document.activeElement.closest('.graph') === null")).toBe(true);
  await page.keyboard.press('Tab');
  expect(await focused(page)).toBe(chosen);
  await context.close();
});

test('says of a step at the pointer what it is, why it was skipped and when it runs', async () => {
  const { page, context } = await openRun(runId);
  const undo = page.getByRole('button', { name: /^Undo/ });
  await undo.hover();
  const tip = page.locator('.graph-tip');
  expect(await tip.locator('dt').allTextContents()).toEqual(['State', 'Why', 'When', 'After']);
  expect(await tip.textContent()).toContain("Whensteps.unit.outcome == 'failure'AfterUnit tests, Lint");
  expect(await undo.locator('.condition').count()).toBe(1);
  expect(await undo.getAttribute('aria-label')).toContain("when steps.unit.outcome == 'failure'");
  await page.getByRole('button', { name: /^Lint/ }).hover();
  await tip.getByText('2 of at most 2').waitFor();
  await page.locator('h1').hover();
  await tip.waitFor({ state: 'detached' });
  await context.close();
});

test('fits its pane whatever its size, is as high as it needs, zooms with buttons, keys and wheel, and fits again', async () => {
  const { page, context } = await openRun(runId);
  const graph = page.locator('.graph');
  const isWhole = () =>
    graph.evaluate(
      (element) => element.scrollWidth <= element.clientWidth && element.scrollHeight <= element.clientHeight,
    );
  expect(await isWhole()).toBe(true);
  const low = (await graph.boundingBox())?.height ?? 0;
  expect(low).toBeLessThan(160);

  const large = await rig.run(dense());
  await page.goto(`${rig.hub.url}/#/runs/${large}/summary`);
  await expect.poll(() => page.locator('.node').count()).toBe(225);
  expect(await isWhole()).toBe(true);
  expect((await graph.boundingBox())?.height ?? 0).toBeGreaterThan(low);
  const width = async () => (await graph.locator('> svg').boundingBox())?.width ?? 0;
  const whole = await width();
  const fit = page.getByRole('button', { name: 'Fit' });
  expect(await fit.isDisabled()).toBe(true);
  await page.screenshot({ path: path.join(shots, 'graph-dense.png') });
  await page.getByRole('button', { name: 'Enlarge the graph' }).click();
  await expect.poll(width).toBeGreaterThan(whole);
  await page.locator('.node').first().focus();
  for (let press = 0; press < 6; press++) await page.keyboard.press('+');
  expect(await isWhole()).toBe(false);
  const near = await width();
  await graph.hover();
  await page.keyboard.down('Control');
  await page.mouse.wheel(0, 300);
  await page.keyboard.up('Control');
  await expect.poll(width).toBeLessThan(near);
  await fit.click();
  await expect.poll(width).toBe(whole);
  await context.close();
});

test('is a list on a phone, and passes axe there and on wide screens', async () => {
  for (const [name, look] of Object.entries(looks)) {
    const { page, context } = await openRun(runId, look);
    if (name === 'phone') {
      expect(await page.locator('.step-list li .clip').allTextContents()).toEqual([
        'Build',
        'Unit tests',
        'Lint',
        'Undo',
        'Package',
      ]);
      await page.getByRole('button', { name: /^Lint/ }).click();
      await page.locator('.step-list [aria-pressed="true"]').waitFor();
    } else await page.getByRole('button', { name: /^Undo/ }).hover();
    await page.screenshot({ path: path.join(shots, `graph-${name}.png`), animations: 'disabled' });
    await page.evaluate(axe.source);
    const found = (await page.evaluate("axe.run({ include: ['.graph'] })")) as {
      violations: { id: string; nodes: { html: string }[] }[];
    };
    expect(found.violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)).toEqual([]);
    expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
    await context.close();
  }
});
