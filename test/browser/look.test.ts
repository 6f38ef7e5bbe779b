// How the page looks and what it weighs: each view in light, dark and narrow is kept as a picture and checked with axe;
// nothing is asked of another server, nothing breaks the policy, and nothing jumps while it loads.
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Rig, shots, startRig } from './rig.ts';

const nightly = `
name: nightly
description: Build, test and check
concurrency: 3
steps:
  - id: fetch
    name: Fetch sources
    run: for i in $(seq 1 30); do printf '\\e[32m✓\\e[0m fetched \\e[1mpackage-%d\\e[0m \\e[2m(%d kB)\\e[0m\\n' $i $((i*37)); done
  - id: build
    name: Build
    needs: fetch
    run: 'for i in $(seq 1 120); do echo "[$i] compiling module_$i.c"; done; node -e "const t=Date.now();while(Date.now()-t<1600);"'
  - id: unit
    name: Unit tests
    needs: build
    run: for i in $(seq 1 90); do printf '\\e[32mPASS\\e[0m test/unit-%d.test.js \\e[33m%d ms\\e[0m\\n' $i $i; done
  - id: lint
    name: Lint
    needs: fetch
    continueOnFailure: true
    run: echo 'ERROR src/a.js no-unused-vars' >&2; exit 1
  - id: e2e
    name: End to end
    needs: build
    retries: { max: 1, delay: 300ms }
    run: echo 'starting browser'; sleep 0.3; exit 1
  - id: pack
    name: Package
    needs: [unit, e2e]
    run: echo done
`;

let rig: Rig;
let runs: readonly string[];
beforeAll(async () => {
  rig = await startRig();
  mkdirSync(shots, { recursive: true });
});
afterAll(() => rig.close());

const looks = {
  light: { viewport: { width: 1440, height: 900 }, colorScheme: 'light' },
  dark: { viewport: { width: 1440, height: 900 }, colorScheme: 'dark' },
  narrow: { viewport: { width: 390, height: 844 }, colorScheme: 'light' },
} as const;

test('an empty hub says how to start', async () => {
  const { page, context } = await rig.open(looks.light);
  await page.getByRole('heading', { name: 'No runs yet' }).waitFor();
  expect(await problems(page)).toEqual([]);
  await page.screenshot({ path: path.join(shots, 'empty-light.png') });
  await context.close();
});

describe('every view', () => {
  beforeAll(async () => {
    runs = [await rig.run(nightly), await rig.run(nightly)];
  });

  test.each(Object.keys(looks) as (keyof typeof looks)[])(
    'passes axe in %s, and is kept as a picture',
    async (look) => {
      const { page, context } = await rig.open(looks[look]);
      const outside: string[] = [];
      const complaints: string[] = [];
      page.on('request', (request) => {
        if (!request.url().startsWith(rig.hub.url)) outside.push(request.url());
      });
      page.on('console', (message) => {
        if (message.type() === 'error') complaints.push(message.text());
      });
      page.on('pageerror', (error) => complaints.push(error.message));
      const [first = '', second = ''] = runs;
      const views: Readonly<Record<string, [string, string]>> = {
        fleet: ['#/', '.run-row'],
        output: [`#/runs/${second}/output`, '.gutter a'],
        conversation: [`#/runs/${second}/conversation`, '.empty'],
        timeline: [`#/runs/${second}/timeline`, '.track .span'],
        resources: [`#/runs/${second}/resources`, '.uplot'],
        alerts: [`#/runs/${second}/alerts`, '.empty, .alert'],
        compare: [`#/compare/${first}/${second}`, 'tbody tr'],
      };
      const found: Record<string, readonly string[]> = {};
      for (const [name, [hash, ready]] of Object.entries(views)) {
        await page.goto(`${rig.hub.url}/${hash}`);
        await page.locator(ready).first().waitFor();
        const problem = await problems(page);
        if (problem.length > 0) found[name] = problem;
        await page.screenshot({ path: path.join(shots, `${name}-${look}.png`) });
      }
      expect({ found, outside, complaints }).toEqual({ found: {}, outside: [], complaints: [] });
      // A page that is wider than the window has to be moved sideways to be read.
      expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
      await context.close();
    },
  );

  test('does not jump while it loads', async () => {
    const { page, context } = await rig.open(looks.light);
    await page.goto('about:blank');
    await page.goto(`${rig.hub.url}/#/runs/${runs[1]}/output`);
    await page.evaluate(
      "new PerformanceObserver((list) => { for (const entry of list.getEntries()) window.shift = (window.shift ?? 0) + entry.value; }).observe({ type: 'layout-shift', buffered: true })",
    );
    await page.locator('.gutter a').first().waitFor();
    await page.getByText('end of the run').waitFor();
    // 0.1 is what Web Vitals calls good.
    expect(await page.evaluate('window.shift ?? 0')).toBeLessThan(0.1);
    await context.close();
  });
});

test('the page weighs less than 400 KB compressed', () => {
  const folder = path.resolve(import.meta.dirname, '../../dist/page');
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const bytes = files.map((entry) => gzipSync(readFileSync(path.join(entry.parentPath, entry.name))).length);
  expect(bytes.reduce((sum, size) => sum + size, 0)).toBeLessThan(400 * 1024);
});

/** What axe finds against WCAG 2.2 A and AA. It is run by the debugger, which the policy of the page does not bind. */
async function problems(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe.source);
  const result = (await page.evaluate(
    "axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] })",
  )) as { violations: { id: string; nodes: { html: string; failureSummary?: string }[] }[] };
  return result.violations.flatMap((violation) =>
    violation.nodes
      .slice(0, 3)
      .map((node) => `${violation.id}: ${node.html.slice(0, 160)} ${node.failureSummary ?? ''}`),
  );
}
