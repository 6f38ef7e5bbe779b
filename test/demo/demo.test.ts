// The demo as a person starts it, with the real Claude Code CLI, once: what it says, what it leaves on the disk, what its
// journal has. The pauses for watching are left out.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { opensPage } from '../../demo/open-page.ts';
import { dataFolder, type Event, type EventOf, type EventType, type RunResult } from '../../src/library/index.ts';
import { compileCache } from '../support/compile-cache.ts';
import { eventsIn, readRecords } from '../support/journal.ts';
import { processesOf } from '../support/processes.ts';
import { until } from '../support/until.ts';

const root = path.resolve(import.meta.dirname, '../..');
const folder = mkdtempSync(path.join(tmpdir(), 'stepspan-demo-test-'));
const dataDir = path.join(folder, 'data');
/** In the environment of every process of the demo, so that one that was left running can be found. */
const mark = `STEPSPAN_DEMO_TEST=${path.basename(folder)}`;

type Ended = { readonly status: number | null; readonly stdout: string; readonly stderr: string };

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the demo', () => {
  let ended: Ended;
  let result: RunResult;
  let page: Page;
  let events: readonly { readonly step: string | undefined; readonly event: Event }[];

  beforeAll(async () => {
    const browser = path.join(folder, 'browser');
    writeFileSync(browser, '#!/bin/sh\nprintf %s "$1" > "$0.link"\n', { mode: 0o755 });
    const demo = startDemo({ BROWSER: browser }, '--fast', '--json', '--open');
    await demo.says(/its page stays at/);
    // The browser is a process of its own, which writes the link when it gets to it.
    const link = () => existsSync(`${browser}.link`) && readFileSync(`${browser}.link`, 'utf8');
    page = await openPage(await until(() => link() || undefined));
    demo.interrupt();
    ended = await demo.ended;
    result = JSON.parse(ended.stdout.trimEnd().split('\n').at(-1) ?? '') as RunResult;
    events = await readEvents(result);
  });

  const eventsOf = <T extends EventType>(step: string, type: T): EventOf<T>[] =>
    events.flatMap((each) => (each.step === step && each.event.type === type ? [each.event as EventOf<T>] : []));

  test('says first what is real and what is scripted', () => {
    expect(ended.stderr).toMatch(/Claude Code is the real one[\s\S]*is scripted[\s\S]*nothing is sent anywhere/);
  });

  test('succeeds: one step fails and is tried again, one fails and may', () => {
    expect([ended.status, result.outcome]).toEqual([0, 'success']);
    expect(result.steps.map((step) => [step.id, step.outcome, step.attempts])).toEqual([
      ['prepare', 'success', 1],
      ['test-before', 'failure', 1],
      ['advisories', 'success', 2],
      ['review', 'success', 1],
      ['gate', 'success', 1],
      ['fix', 'success', 1],
      ['verify', 'success', 1],
      ['report', 'success', 1],
    ]);
  });

  test('opens the page of its run in a browser, and lets it stay there after the run, until Ctrl-C', async () => {
    expect([page.runId, page.run.state, page.isBuilt]).toEqual([result.runId, 'success', true]);
    expect(ended.stderr).toMatch(/its page stays at \S+ until Ctrl-C[\s\S]*Try next/);
    await expect(fetch(page.url)).rejects.toThrow();
  });

  test('lets Claude Code call tools, all of which work, in one session that a later step continues', () => {
    const tools = (step: string) => eventsOf(step, 'claude.tool_called').map((event) => event.tool);
    expect([tools('review'), tools('fix')]).toEqual([
      ['Grep', 'Read'],
      ['Edit', 'Bash'],
    ]);
    const returned = ['review', 'fix'].flatMap((step) => eventsOf(step, 'claude.tool_returned'));
    expect(returned.map((event) => event.isError)).toEqual([false, false, false, false]);
    expect(eventsOf('fix', 'attempt.started')[0]?.command).toContain(
      `--resume ${eventsOf('review', 'claude.session')[0]?.sessionId}`,
    );
    expect(result.costUsd).toBeGreaterThan(0);
  });

  test('waits for a person before anything is changed, and answers by itself if nobody is there', () => {
    const [asked] = eventsOf('gate', 'step.asked');
    expect(JSON.parse(asked?.input ?? '')).toMatchObject({
      message: 'May Claude Code fix this?',
      'steps.review.output': expect.stringContaining('rounds the share of everybody'),
    });
    expect(eventsOf('gate', 'step.answered')).toMatchObject([{ answer: 'allowed', by: 'demo' }]);
  });

  test('has the mistake put right in the copy, and leaves the sample as it is', () => {
    const [copy, ...others] = readdirSync(folder).filter((name) => name.startsWith('stepspan-demo-'));
    expect(others).toEqual([]);
    const file = path.join('src', 'split-bill.js');
    expect(readFileSync(path.join(folder, copy ?? '', 'sample', file), 'utf8')).toContain('Math.floor(cents / people)');
    expect(readFileSync(path.join(root, 'demo', 'sample', file), 'utf8')).toContain('Math.round(cents / people)');
  });

  test('puts what the steps before it gave into the report', () => {
    const output = eventsOf('report', 'step.finished')[0]?.output;
    expect(output).toContain('src/split-bill.js:6 rounds the share of everybody');
    expect(output).toContain('all 4 tests pass');
    expect(output).toContain('failure before, success after');
    // As a person saw it: output that is passed on has no colours.
    expect(output).toMatch(/^- {2}const share = Math.round/m);
  });

  test.runIf(process.platform === 'linux')('leaves no process behind', () => {
    expect(processesOf(mark)).toEqual([]);
  });
});

describe('the live page of the demo', () => {
  const display = { DISPLAY: ':0' };
  test.each([
    ['is opened for who sits at a terminal', true, { env: display, isTerminal: true }],
    ['is opened where somebody asks for it', true, { asked: true, env: {}, isTerminal: false }],
    ['is not opened with --no-open', false, { asked: false, env: display, isTerminal: true }],
    ['is not opened where nobody reads', false, { env: display, isTerminal: false }],
    ['is not opened in CI', false, { env: { ...display, CI: 'true' }, isTerminal: true }],
    ...(process.platform === 'linux'
      ? ([['is not opened without a display', false, { env: {}, isTerminal: true }]] as const)
      : []),
  ] as const)('%s', (_title, opens, around) => {
    expect(opensPage({ asked: undefined, ...around })).toBe(opens);
  });
});

describe('the demo, asked for something it does not have', () => {
  test('says what it has', async () => {
    const { status, stderr } = await startDemo({}, '--slow').ended;
    expect([status, stderr]).toEqual([2, expect.stringMatching(/--slow[\s\S]*--live[\s\S]*--fast/)]);
  });
});

function startDemo(more: NodeJS.ProcessEnv, ...flags: readonly string[]) {
  const env = {
    PATH: process.env.PATH,
    HOME: folder,
    TMPDIR: folder,
    STEPSPAN_DATA_DIR: dataDir,
    ...compileCache,
    // Would lead Claude Code past the scripted API, if the demo let them through.
    ANTHROPIC_BASE_URL: 'http://127.0.0.1:9',
    CLAUDE_CODE_USE_BEDROCK: '1',
    [mark.split('=')[0] ?? '']: mark.split('=')[1],
    ...more,
  };
  const child = spawn(process.execPath, [path.join(root, 'demo', 'main.ts'), ...flags], { cwd: folder, env });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = new Promise<Ended>((resolve) => child.on('close', (status) => resolve({ status, stdout, stderr })));
  return {
    ended,
    interrupt: () => void child.kill('SIGINT'),
    /** Resolves when stderr has it; rejects if the demo ends without. */
    says: (text: RegExp): Promise<unknown> =>
      Promise.race([
        ended.then(() => Promise.reject(new Error(`the demo ended before it printed ${text}:\n${stderr}`))),
        new Promise<void>((resolve) => child.stderr.on('data', () => text.test(stderr) && resolve())),
      ]),
  };
}

type Page = {
  readonly url: string;
  readonly runId: string;
  readonly run: { readonly state: string };
  readonly isBuilt: boolean;
};

/** What the page of the link does first. */
async function openPage(link: string): Promise<Page> {
  const [, url = '', code = '', runId = ''] = /^(http:\/\/[^/]+)\/#code=([\w-]+)&to=\/runs\/(\S+)$/.exec(link) ?? [];
  const response = await fetch(`${url}/api/v1/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: url },
    body: JSON.stringify({ code }),
  });
  const cookie = response.headers.getSetCookie()[0]?.split(';')[0] ?? '';
  const run = await fetch(`${url}/api/v1/runs/${runId}`, { headers: { cookie } });
  const page = await fetch(url, { headers: { accept: 'text/html' } });
  return { url, runId, run: (await run.json()) as Page['run'], isBuilt: (await page.text()).includes('<script') };
}

async function readEvents({ runId }: RunResult) {
  const records = await readRecords(dataFolder(dataDir).runDir(runId));
  return eventsIn(records).map(({ subject, ...event }) => ({ step: subject?.step, event }));
}
