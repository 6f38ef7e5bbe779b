// A real hub over a data folder of its own, real runs started through the command line, and a real Chromium that watches.
// Everything listens on a port of its own choice and is ended by who started it.
import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import axe, { type AxeResults } from 'axe-core';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { claudeTestEnvironment } from '../../demo/messages-api/environment.ts';
import type { Script } from '../../demo/messages-api/script.ts';
import { type MessagesApi, startMessagesApi } from '../../demo/messages-api/server.ts';
import { root, startCli } from '../support/cli.ts';

/** How a page is looked at in pictures and by axe: wide and light, narrower and dark, and on a phone. */
export const looks = {
  light: { viewport: { width: 1440, height: 900 }, colorScheme: 'light' },
  dark: { viewport: { width: 820, height: 900 }, colorScheme: 'dark' },
  phone: { viewport: { width: 390, height: 844 }, colorScheme: 'light' },
} as const;

/** Pictures of the page are kept here after the tests, as output of a CI job: where the variable says, else beside the code. */
export const shots = path.resolve(process.env.STEPSPAN_SCREENSHOTS ?? path.join(root, 'test-output/screenshots'));

/** What the browser waits for an element at most: less than a test does, so that it reports what it waited for. */
const patienceMs = 150_000;

export type Hub = {
  readonly url: string;
  readonly link: string;
  readonly port: number;
  readonly stop: (signal?: 'SIGTERM' | 'SIGKILL') => Promise<void>;
};

export type RigOptions = {
  /** Over the clean environment of the hub. */
  readonly hubEnv?: Readonly<Record<string, string>>;
  /** Over that of every run. */
  readonly env?: Readonly<Record<string, string>>;
};

export type Rig = {
  readonly dataDir: string;
  /** Workflows in here may be started from the page. */
  readonly workflows: string;
  readonly hub: Hub;
  /** Runs a workflow to its end. @returns its run id */
  readonly run: (yaml: string, params?: Readonly<Record<string, string>>) => Promise<string>;
  /** Starts a run and returns its id as soon as the data folder has it. */
  readonly start: (yaml: string) => Promise<{ readonly runId: string; readonly ended: Promise<void> }>;
  /** The same port, so that a page that is open finds it again. @param signal how it is ended first */
  readonly restartHub: (signal?: 'SIGTERM' | 'SIGKILL') => Promise<void>;
  /** A browser that has signed in. @param scope `read` may look and not act */
  readonly open: (
    options?: Parameters<Browser['newContext']>[0],
    scope?: 'control' | 'read',
  ) => Promise<{ page: Page; context: BrowserContext }>;
  /** A browser that the hub does not know. */
  readonly openSignedOut: () => Promise<Page>;
  readonly close: () => Promise<void>;
};

export async function startRig({ hubEnv = {}, env = {} }: RigOptions = {}): Promise<Rig> {
  const folder = mkdtempSync(path.join(tmpdir(), 'stepspan-page-'));
  const dataDir = path.join(folder, 'data');
  mkdirSync(dataDir, { mode: 0o700 });
  const workflows = path.join(folder, 'workflows');
  mkdirSync(workflows);
  const flags = ['--data-dir', dataDir, '--no-ship', '--workflows', workflows];
  let hub = await startHub(flags, 0, hubEnv);
  const browser = await launchBrowser();
  const runs = createRunner(folder, dataDir, env);
  return {
    dataDir,
    workflows,
    get hub() {
      return hub;
    },
    async run(yaml, params) {
      const { runId, ended } = await runs.start(yaml, params);
      await ended;
      return runId;
    },
    start: (yaml) => runs.start(yaml),
    async restartHub(signal) {
      await hub.stop(signal);
      hub = await startHub(flags, hub.port, hubEnv);
    },
    async open(options, scope = 'control') {
      const page = await newPage(browser, { viewport: { width: 1440, height: 900 }, ...options });
      await page.goto(await freshLink(hub, dataDir, scope));
      await page.getByRole('heading', { name: 'Runs', exact: true }).waitFor();
      return { page, context: page.context() };
    },
    openSignedOut: () => newPage(browser),
    async close() {
      await browser.close();
      runs.stop();
      await hub.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export type ClaudeRigOptions = {
  /** Home of Claude Code, and a folder for the files of the test. Removed with the rig. */
  readonly place: string;
  /** What the model says. */
  readonly script: Script;
  /** Over the environment that Claude Code gets. */
  readonly env?: Readonly<Record<string, string>>;
  /** Whether runs that the page starts have Claude Code as well. */
  readonly inHub?: boolean;
};

export type ClaudeRig = Rig & { readonly api: MessagesApi };

/** A rig whose Claude steps start the real Claude Code. Pictures can be kept. */
export async function startClaudeRig({ place, script, env, inHub = false }: ClaudeRigOptions): Promise<ClaudeRig> {
  mkdirSync(shots, { recursive: true });
  const api = await startMessagesApi({ script });
  const claude = path.join(root, 'node_modules/.bin/claude');
  const all = { ...claudeTestEnvironment({ apiUrl: api.url, home: place }), STEPSPAN_CLAUDE: claude, ...env };
  const rig = await startRig({ env: all, hubEnv: inHub ? all : {} });
  return {
    ...rig,
    api,
    get hub() {
      return rig.hub;
    },
    async close() {
      await rig.close();
      await api.close();
      rmSync(place, { recursive: true, force: true });
    },
  };
}

/** Keeps a picture of what the page shows, in each look. The page has the first look again after that. */
export async function keepPictures(page: Page, name: string): Promise<void> {
  for (const [look, options] of Object.entries(looks)) {
    await setLook(page, options);
    await page.screenshot({ path: path.join(shots, `${name}-${look}.png`), animations: 'disabled' });
  }
  await setLook(page, looks.light);
}

async function setLook(page: Page, { viewport, colorScheme }: (typeof looks)[keyof typeof looks]): Promise<void> {
  await page.emulateMedia({ colorScheme });
  await page.setViewportSize(viewport);
}

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'],
  });
}

/** Of a browser that no server knows. */
export async function newPage(browser: Browser, options?: Parameters<Browser['newContext']>[0]): Promise<Page> {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(patienceMs);
  return context.newPage();
}

/** What axe finds on the page as it is, against the rules of WCAG 2.2 AA. */
export async function violationsOf(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe.source);
  const { violations } = (await page.evaluate(
    "axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] })",
  )) as AxeResults;
  return violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html} ${nodes[0]?.failureSummary}`);
}

/** Starts runs through the command line, each in a folder of its own. */
function createRunner(folder: string, dataDir: string, env: Readonly<Record<string, string>>) {
  const children: ChildProcess[] = [];
  let files = 0;
  let turns: Promise<unknown> = Promise.resolve();
  const fileOf = (yaml: string): string => {
    files += 1;
    // Two runs in one folder must not be active at the same time.
    const own = path.join(folder, `run-${files}`);
    mkdirSync(own);
    const file = path.join(own, 'workflow.yaml');
    writeFileSync(file, yaml);
    return file;
  };
  const begin = (yaml: string, params: Readonly<Record<string, string>> = {}) => {
    const given = Object.entries(params).flatMap(([name, value]) => ['--param', `${name}=${value}`]);
    const args = ['run', fileOf(yaml), '--data-dir', dataDir, '--json', ...given];
    const { child, done, output } = startCli(args, { env: { ...cleanEnvironment(), ...env } });
    children.push(child);
    return { ended: done.then(() => undefined), text: output };
  };
  const ids = async (): Promise<readonly string[]> => {
    const { readdir } = await import('node:fs/promises');
    const runs = path.join(dataDir, 'runs');
    return existsSync(runs) ? (await readdir(runs)).filter((id) => existsSync(path.join(runs, id, 'journal'))) : [];
  };
  const start = async (yaml: string, params?: Readonly<Record<string, string>>) => {
    const turn = turns.then(() => beginAlone(yaml, params));
    turns = turn.catch(() => undefined);
    return turn;
  };
  /** One at a time, as the new run is the one that was not there before. */
  const beginAlone = async (yaml: string, params?: Readonly<Record<string, string>>) => {
    const before = new Set(await ids());
    const run = begin(yaml, params);
    for (;;) {
      const found = (await ids()).find((id) => !before.has(id));
      if (found !== undefined) return { runId: found, ended: run.ended };
      if (await Promise.race([run.ended.then(() => true), wait(40)]))
        throw new Error(`no run came of it: ${run.text()}`);
    }
  };
  return {
    start,
    stop() {
      for (const child of children) if (child.exitCode === null) child.kill('SIGKILL');
    },
  };
}

async function startHub(flags: readonly string[], port: number, env: Readonly<Record<string, string>>): Promise<Hub> {
  const serve = startCli(['serve', '--port', String(port), ...flags], { env: { ...cleanEnvironment(), ...env } });
  const isLink = /http:\/\/\S+\/#code=\S+(?=\s)/;
  await serve.said(isLink);
  const link = isLink.exec(serve.output())?.[0] ?? '';
  const url = new URL(link);
  return {
    url: url.origin,
    link,
    port: Number(url.port),
    async stop(signal = 'SIGTERM') {
      serve.child.kill(signal);
      await serve.done;
    },
  };
}

/** Each browser signs in with a link of its own, as a link works once. Asked for as `stepspan link` does, without a process. */
async function freshLink(hub: Hub, dataDir: string, scope: 'control' | 'read'): Promise<string> {
  const token = readFileSync(path.join(dataDir, 'token'), 'utf8').trim();
  const response = await fetch(`${hub.url}/api/v1/link`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ scope }),
  });
  const answer = (await response.json()) as { readonly url?: string };
  if (answer.url === undefined) throw new Error(`the hub gave no link: ${JSON.stringify(answer)}`);
  return answer.url;
}

/** Nothing of who runs the tests gets into a run: no exporter, no data folder, no credentials. */
export function cleanEnvironment(): NodeJS.ProcessEnv {
  const { PATH, HOME, LANG } = process.env;
  return { PATH, HOME, LANG, NO_COLOR: '1' };
}

function wait(ms: number): Promise<false> {
  return new Promise((resolve) => setTimeout(() => resolve(false), ms));
}
