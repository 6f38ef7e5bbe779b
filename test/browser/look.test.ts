// How the page looks and what it weighs: each view in light, dark and narrow is kept as a picture and checked with axe;
// nothing is asked of another server, nothing breaks the policy, and nothing jumps while it loads.
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Script } from '../../demo/messages-api/script.ts';
import { type Rig, shots, startClaudeRig } from './rig.ts';

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

const review = `
name: review
budget: 0.5
steps:
  - id: changes
    name: Read the changes
    run: printf '\\e[1mcommit 4f2a91c\\e[0m\\n\\e[32m+ const share = Math.floor(total / people);\\e[0m\\n\\e[31m- const share = Math.round(total / people);\\e[0m\\n'; setsid sleep 300 & sleep 1
    stalls: { noOutput: { after: 300ms, action: none } }
  - id: ask
    name: Review
    needs: changes
    stalls: none
    claude: { permissionMode: bypassPermissions, prompt: review these changes }
`;
const script: Script = [
  {
    prompt: 'review these changes',
    turns: [
      {
        kind: 'reply',
        text: 'The shares of 1000 cents between 3 people add up to 999. I look how the rest is handed out.',
        tools: [
          {
            name: 'Bash',
            input: { command: "seq -f 'src/split-bill.js:%.0f: share' 1 24", description: 'Looks for uses' },
          },
        ],
        usage: { input: 640, output: 96, cacheCreation: 14_200 },
      },
      {
        kind: 'reply',
        tools: [{ name: 'Bash', input: { command: 'node --test missing.test.js', description: 'Runs the tests' } }],
        usage: { input: 210, output: 58, cacheRead: 14_200 },
      },
      {
        kind: 'reply',
        text: 'Rounding down is right, and the cents that are left go to the first people.\nThe test for it is missing.',
        usage: { input: 320, output: 74, cacheRead: 14_680 },
      },
    ],
  },
];

const looks = {
  light: { viewport: { width: 1440, height: 900 }, colorScheme: 'light' },
  dark: { viewport: { width: 1440, height: 900 }, colorScheme: 'dark' },
  narrow: { viewport: { width: 390, height: 844 }, colorScheme: 'light' },
} as const;

/** Views that a narrow window lays out anew. The others have there what axe has seen in a wide one. */
const laidOutAnew = ['fleet', 'output', 'menu', 'conversation', 'timeline'];

const place = mkdtempSync(path.join(tmpdir(), 'stepspan-page-look-'));
let rig: Rig;
let ids: { readonly first: string; readonly second: string; readonly review: string; readonly running: string };
beforeAll(async () => {
  rig = await startClaudeRig({ place, script });
  writeFileSync(path.join(rig.workflows, 'broken.yaml'), 'name: broken\nsteps:\n  - id: a\n    rum: echo\n');
  writeFileSync(
    path.join(rig.workflows, 'nightly.yaml'),
    'name: nightly\ndescription: Build, test and check\nparams:\n  branch: main\n  note:\n    type: string\n    description: Why it is started by hand\nsteps:\n  - id: a\n    run: echo a\n',
  );
  await rig.restartHub();
});
afterAll(() => rig.close());

test('an empty hub says how to start, and how to sign in', async () => {
  for (const look of Object.keys(looks) as (keyof typeof looks)[]) {
    const { page, context } = await rig.open(looks[look]);
    await page.getByRole('heading', { name: 'No runs yet' }).waitFor();
    const what = look === 'dark' ? 'colours' : 'everything';
    expect(await shown(page, 'empty', look, { what })).toEqual([]);
    await context.clearCookies();
    await page.reload();
    await page.getByLabel('Link or code').fill('wrong');
    await page.getByRole('button', { name: 'Open' }).click();
    await page
      .locator('#login-message')
      .getByText(/used already/)
      .waitFor();
    expect(await shown(page, 'login', look, { what })).toEqual([]);
    await context.close();
  }
});

describe('every view', () => {
  beforeAll(async () => {
    const first = await rig.run(nightly);
    const second = await rig.run(nightly);
    const reviewed = await rig.run(review);
    const { runId: running } = await rig.start(nightly.replaceAll('exit 1', 'sleep 3600'));
    ids = { first, second, review: reviewed, running };
  });

  /**
   * Where each is, what says that it is there, what is done first, and what axe examines: of a view that adds something to
   * another one, that alone.
   */
  type View = readonly [hash: string, ready: string, prepare?: (page: Page) => Promise<void>, part?: string];
  const views = (): Readonly<Record<string, View>> => ({
    fleet: ['#/', '.run-row'],
    'fleet-no-match': ['#/', '.run-row', (page) => page.getByLabel('Search runs').fill('nothing')],
    start: ['#/', '.run-row', startOpened, 'dialog[open]'],
    help: ['#/', '.run-row', (page) => page.keyboard.press('?'), 'dialog[open]'],
    compare: [`#/compare/${ids.first}/${ids.second}`, 'tbody tr'],
    output: [`#/runs/${ids.second}/output`, '.gutter a'],
    search: [`#/runs/${ids.second}/output`, '.gutter a', (page) => searched(page, '/module_1\\d+/'), '.toolbar'],
    menu: [
      `#/runs/${ids.second}/output?step=build&step=unit`,
      '.gutter a',
      (page) => page.getByText('Severity: any').click(),
      '.menu[open]',
    ],
    'output-no-match': [
      `#/runs/${ids.second}/output?step=pack`,
      '.gutter a',
      (page) => page.getByRole('button', { name: 'stderr' }).click(),
    ],
    running: [`#/runs/${ids.running}/output`, '.gutter a', (page) => searched(page, '/unit-8\\d/')],
    cancel: [
      `#/runs/${ids.running}/output`,
      '.gutter a',
      (page) => page.getByRole('button', { name: 'Cancel', exact: true }).click(),
      'dialog[open]',
    ],
    pause: [
      `#/runs/${ids.running}/timeline`,
      '.track .span',
      (page) => page.getByRole('button', { name: 'Pause' }).click(),
      'dialog[open]',
    ],
    'conversation-none': [`#/runs/${ids.second}/conversation`, '.empty'],
    conversation: [`#/runs/${ids.review}/conversation`, '.turn'],
    timeline: [`#/runs/${ids.review}/timeline`, '.track .span'],
    'timeline-retries': [`#/runs/${ids.second}/timeline`, '.track .span'],
    resources: [`#/runs/${ids.second}/resources`, '.uplot'],
    alerts: [`#/runs/${ids.review}/alerts`, '.alert, .empty'],
    'no-run': ['#/runs/20200101-000000-aaaaaa/output', '.empty'],
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
        // The browser's own word for an answer that the page shows to the person.
        if (message.type() === 'error' && !message.text().includes('404')) complaints.push(message.text());
      });
      page.on('pageerror', (error) => complaints.push(error.message));
      const found: Record<string, readonly string[]> = {};
      for (const [name, [hash, ready, prepare, part]] of Object.entries(views())) {
        // From elsewhere, so that a dialog or a menu of the view before is gone.
        await page.goto('about:blank');
        await page.goto(`${rig.hub.url}/${hash}`);
        await page.locator(ready).first().waitFor();
        await prepare?.(page);
        const problem = await shown(page, name, look, { what: examined(name, look), part });
        // A page that is wider than the window has to be moved sideways to be read.
        const wide = (await page.evaluate('document.documentElement.scrollWidth > innerWidth')) === true;
        if (problem.length > 0 || wide) found[name] = wide ? [...problem, 'wider than the window'] : problem;
      }
      expect({ found, outside, complaints }).toEqual({ found: {}, outside: [], complaints: [] });
      await context.close();
    },
    // Twenty views are painted, examined and kept; a loaded machine takes minutes.
    600_000,
  );

  test('does not jump while it loads', async () => {
    const { page, context } = await rig.open(looks.light);
    await page.goto('about:blank');
    await page.goto(`${rig.hub.url}/#/runs/${ids.second}/output`);
    await page.evaluate(
      "new PerformanceObserver((list) => { for (const entry of list.getEntries()) window.shift = (window.shift ?? 0) + entry.value; }).observe({ type: 'layout-shift', buffered: true })",
    );
    await page.locator('.gutter a').first().waitFor();
    // The card of a failed run comes with its lines, for which it has kept room.
    await page.locator('.failure li').first().waitFor();
    // 0.1 is what Web Vitals calls good.
    expect(await page.evaluate('window.shift ?? 0')).toBeLessThan(0.1);
    await context.close();
  });
});

async function startOpened(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Start a workflow' }).click();
  await page.getByLabel('note').waitFor();
}

async function searched(page: Page, query: string): Promise<void> {
  await page.getByLabel('Search the output').fill(query);
  await page.keyboard.press('Enter');
  await page
    .locator('.hits')
    .getByText(/^\d+ hits$/)
    .waitFor();
  await page.keyboard.press('Enter');
  await page.locator('.gutter .hit').waitFor();
}

test('the page weighs less than 400 KB compressed', () => {
  const folder = path.resolve(import.meta.dirname, '../../dist/page');
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(
    (entry) => entry.isFile() && !entry.name.endsWith('.gz'),
  );
  const bytes = files.map((entry) => gzipSync(readFileSync(path.join(entry.parentPath, entry.name))).length);
  expect(bytes.reduce((sum, size) => sum + size, 0)).toBeLessThan(400 * 1024);
});

/** What axe looks for. Dark differs from light in its colours alone, narrow from light in how some views are laid out. */
function examined(name: string, look: keyof typeof looks): 'everything' | 'colours' | 'nothing' {
  if (look === 'dark') return 'colours';
  return look === 'light' || laidOutAnew.includes(name) ? 'everything' : 'nothing';
}

const axeOptions = {
  everything: { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] },
  colours: { runOnly: { type: 'rule', values: ['color-contrast', 'link-in-text-block'] } },
} as const;

/** Keeps a picture. @returns what axe finds against WCAG 2.2 A and AA */
async function shown(
  page: Page,
  name: string,
  look: string,
  { what, part }: { readonly what: ReturnType<typeof examined>; readonly part?: string | undefined },
): Promise<readonly string[]> {
  await page.screenshot({ path: path.join(shots, `${name}-${look}.png`), animations: 'disabled' });
  if (what === 'nothing') return [];
  // It is run by the debugger, which the policy of the page does not bind.
  await page.evaluate(axe.source);
  const result = (await page.evaluate(
    `axe.run(${part === undefined ? 'document' : JSON.stringify(part)}, ${JSON.stringify(axeOptions[what])})`,
  )) as {
    violations: { id: string; nodes: { html: string; failureSummary?: string }[] }[];
  };
  return result.violations.flatMap((violation) =>
    violation.nodes
      .slice(0, 3)
      .map((node) => `${violation.id}: ${node.html.slice(0, 160)} ${node.failureSummary ?? ''}`),
  );
}
