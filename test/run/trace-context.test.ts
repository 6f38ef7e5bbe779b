// Who starts a run says so by TRACEPARENT: the run is in that trace or has a link to it, and its steps are given a set of
// variables that is of one trace. And the run records what is checked out in its working folder.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import type { EventOf } from '../../src/core/event.ts';
import { parentSpanId, type RunId, traceIdOf } from '../../src/core/ids.ts';
import { dataFolder, type RunOptions, runWorkflow } from '../../src/library/index.ts';
import { readVersionControl, readWorkTree } from '../../src/library/version-control.ts';
import { eventsIn, readRecords } from '../support/journal.ts';

let folder: string;
beforeAll(() => {
  folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'stepspan-context-')));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(() => vi.unstubAllEnvs());

const outer = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' };
const given = {
  TRACEPARENT: `00-${outer.traceId}-${outer.spanId}-01`,
  TRACESTATE: 'vendor=1',
  BAGGAGE: 'team=core',
};

async function run(env: Readonly<Record<string, string>>, more: Partial<RunOptions> = {}) {
  const result = await runWorkflow({
    dataDir: path.join(folder, 'data'),
    cwd: folder,
    shared: true,
    env: { PATH: process.env.PATH, HOME: folder, ...env },
    workflow: { name: 'context', steps: [{ id: 'a', run: 'echo "$TRACEPARENT|$TRACESTATE|$BAGGAGE"' }] },
    ...more,
  } as RunOptions);
  if (result.kind !== 'finished') throw new Error(result.message);
  const records = await readRecords(dataFolder(path.join(folder, 'data')).runDir(result.runId));
  const started = eventsIn(records).find((event) => event.type === 'run.started') as EventOf<'run.started'>;
  return { result, started, seen: result.steps[0]?.output.trim() };
}

const stepSpan = (runId: string): string => parentSpanId(runId as RunId, 'a', 1);

describe('a TRACEPARENT in the environment', () => {
  test('puts the run into the trace of who started it, and the steps get the rest of that context', async () => {
    const { result, started, seen } = await run(given);
    expect(result.traceId).toBe(outer.traceId);
    expect(started).toMatchObject({ traceId: outer.traceId, startedBy: { ...outer, as: 'child' } });
    expect(seen).toBe(`00-${outer.traceId}-${stepSpan(result.runId)}-01|vendor=1|team=core`);
  });

  test('is a link where the run is to have a trace of its own, and TRACESTATE stays out', async () => {
    const { result, started, seen } = await run(given, { traceContext: 'link' });
    const own = traceIdOf(result.runId as RunId);
    expect(result.traceId).toBe(own);
    expect(started).toMatchObject({ traceId: own, startedBy: { ...outer, as: 'link' } });
    expect(seen).toBe(`00-${own}-${stepSpan(result.runId)}-01||team=core`);
  });

  test('is ignored on request', async () => {
    const { result, started, seen } = await run(given, { traceContext: 'ignore' });
    expect(started).not.toHaveProperty('startedBy');
    expect(seen).toBe(`00-${traceIdOf(result.runId as RunId)}-${stepSpan(result.runId)}-01||`);
  });

  test.each([
    ['of another form', 'x'],
    ['with a trace id of zeros', `00-${'0'.repeat(32)}-${outer.spanId}-01`],
    ['with a span id of zeros', `00-${outer.traceId}-${'0'.repeat(16)}-01`],
    ['of the version that is forbidden', `ff-${outer.traceId}-${outer.spanId}-01`],
  ])('%s is not taken, nor the TRACESTATE beside it', async (_what, TRACEPARENT) => {
    const { result, started, seen } = await run({ ...given, TRACEPARENT });
    expect(started).not.toHaveProperty('startedBy');
    expect(seen).toBe(`00-${traceIdOf(result.runId as RunId)}-${stepSpan(result.runId)}-01||team=core`);
  });
});

describe('what is checked out', () => {
  const git = (cwd: string, ...args: string[]): string =>
    execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@b.c', ...args], { cwd, stdio: 'pipe' })
      .toString()
      .trim();
  const repository = (name: string, remote?: string): string => {
    const at = path.join(folder, name);
    mkdirSync(at);
    git(at, 'init', '-q', '-b', 'main');
    git(at, 'commit', '-q', '--allow-empty', '-m', 'first');
    if (remote !== undefined) git(at, 'remote', 'add', 'origin', remote);
    return at;
  };

  test('is recorded: repository, branch and commit, from a folder below too', async () => {
    const at = repository('checked-out', 'https://me:secret@example.com/team/tool.git');
    mkdirSync(path.join(at, 'below'));
    const { started } = await run({}, { cwd: path.join(at, 'below') });
    const expected = { url: 'https://example.com/team/tool', branch: 'main', revision: git(at, 'rev-parse', 'HEAD') };
    expect(started.versionControl).toMatchObject(expected);
    git(at, 'pack-refs', '--all');
    expect(readVersionControl(at)).toEqual(expected);
  });

  test('in a second worktree has its own branch, and a commit has none', () => {
    const at = repository('first-tree');
    const second = path.join(folder, 'second-tree');
    git(at, 'worktree', 'add', '-q', '-b', 'topic/x', second);
    git(second, 'commit', '-q', '--allow-empty', '-m', 'second');
    const revision = git(second, 'rev-parse', 'HEAD');
    expect(readVersionControl(second)).toEqual({ branch: 'topic/x', revision });
    git(second, 'checkout', '-q', '--detach');
    expect(readVersionControl(second)).toEqual({ revision });
  });

  test('says whether tracked files differ from the commit, and of new files nothing', async () => {
    const at = repository('work-tree');
    const patient = 60_000;
    writeFileSync(path.join(at, 'a'), 'one');
    expect(await readWorkTree(at, patient)).toMatchObject({ branch: 'main', isDirty: false });
    git(at, 'add', 'a');
    expect(await readWorkTree(at, patient)).toMatchObject({ isDirty: true });
    git(at, 'commit', '-q', '-m', 'a');
    expect(await readWorkTree(at, patient)).toMatchObject({ isDirty: false });
    writeFileSync(path.join(at, 'a'), 'two');
    expect(await readWorkTree(at, patient)).toMatchObject({ isDirty: true });
    vi.stubEnv('GIT_DIR', path.join(repository('of-a-hook'), '.git'));
    expect(await readWorkTree(at, patient)).toMatchObject({ isDirty: true });
    vi.stubEnv('PATH', folder);
    expect(await readWorkTree(at, patient)).not.toHaveProperty('isDirty');
    expect(await readWorkTree(folder, patient)).toBeUndefined();
  });

  test.each([
    ['git@example.com:team/tool.git', 'https://example.com/team/tool'],
    ['ssh://git@example.com:2222/team/tool.git/', 'https://example.com/team/tool'],
    ['https://example.com:8443/tool', 'https://example.com:8443/tool'],
    ['/srv/git/tool.git', undefined],
    ['file:///srv/git/tool.git', undefined],
  ])('of %s is %s', (remote, url) => {
    const at = repository(`remote-${Buffer.from(remote).toString('hex').slice(0, 40)}`, remote);
    expect(readVersionControl(at)?.url).toBe(url);
  });

  test('is nothing outside a repository, and what cannot be read is left out', () => {
    expect(readVersionControl(folder)).toBeUndefined();
    const broken = path.join(folder, 'broken');
    mkdirSync(path.join(broken, '.git'), { recursive: true });
    expect(readVersionControl(broken)).toBeUndefined();
    writeFileSync(path.join(broken, '.git', 'HEAD'), 'ref: refs/heads/main\n');
    expect(readVersionControl(broken)).toEqual({ branch: 'main' });
  });
});
