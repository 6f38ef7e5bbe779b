// A run that a CI job starts says which: labels, attributes, links. The environments are those that each system documents.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EventOf } from '../../src/core/event.ts';
import { ciJobIn, labelsOfCi } from '../../src/library/ci-job.ts';
import { dataFolder, type RunOptions, runWorkflow } from '../../src/library/index.ts';
import { eventsIn, readRecords } from '../support/journal.ts';

let folder: string;
beforeAll(() => {
  folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'stepspan-ci-')));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const commit = 'ab'.repeat(20);

const environments = {
  github: {
    GITHUB_ACTIONS: 'true',
    GITHUB_SERVER_URL: 'https://github.com',
    GITHUB_REPOSITORY: 'team/tool',
    GITHUB_RUN_ID: '77',
    GITHUB_RUN_ATTEMPT: '2',
    GITHUB_REF: 'refs/pull/42/merge',
    GITHUB_REF_NAME: '42/merge',
    GITHUB_REF_TYPE: 'branch',
    GITHUB_HEAD_REF: 'fix/cart',
    GITHUB_SHA: commit,
    GITHUB_ACTOR: 'ada',
  },
  gitlab: {
    GITLAB_CI: 'true',
    CI_JOB_URL: 'https://gitlab.example/team/tool/-/jobs/9',
    CI_PROJECT_PATH: 'team/tool',
    CI_MERGE_REQUEST_IID: '42',
    CI_MERGE_REQUEST_SOURCE_BRANCH_NAME: 'fix/cart',
    CI_COMMIT_SHA: commit,
    GITLAB_USER_LOGIN: 'ada',
  },
  buildkite: {
    BUILDKITE: 'true',
    BUILDKITE_BUILD_URL: 'https://buildkite.com/team/tool/builds/3',
    BUILDKITE_JOB_ID: '0190',
    BUILDKITE_REPO: 'git@github.com:team/tool.git',
    BUILDKITE_BRANCH: 'fix/cart',
    BUILDKITE_COMMIT: commit,
    BUILDKITE_BUILD_CREATOR: 'ada',
    BUILDKITE_PULL_REQUEST: '42',
  },
  circleci: {
    CIRCLECI: 'true',
    CIRCLE_BUILD_URL: 'https://circleci.com/gh/team/tool/5',
    CIRCLE_PROJECT_USERNAME: 'team',
    CIRCLE_PROJECT_REPONAME: 'tool',
    CIRCLE_BRANCH: 'fix/cart',
    CIRCLE_SHA1: commit,
    CIRCLE_USERNAME: 'ada',
    CIRCLE_PULL_REQUEST: 'https://github.com/team/tool/pull/42',
  },
  jenkins: {
    JENKINS_URL: 'https://ci.example/',
    BUILD_NUMBER: '8',
    BUILD_URL: 'https://ci.example/job/tool/8/',
    GIT_URL: 'https://ada:token@git.example/team/tool.git',
    CHANGE_BRANCH: 'fix/cart',
    BRANCH_NAME: 'PR-42',
    CHANGE_ID: '42',
    CHANGE_AUTHOR: 'ada',
    GIT_COMMIT: commit,
  },
  argo: {
    ARGO_NODE_ID: 'nightly-7x2',
    ARGO_WORKFLOW_URL: 'https://argo.example/workflows/ci/nightly',
    ARGO_REPOSITORY: 'team/tool',
    ARGO_BRANCH: 'fix/cart',
    ARGO_COMMIT_SHA: commit,
    ARGO_ACTOR: 'ada',
    ARGO_PULL_REQUEST: '42',
  },
} as const;

const pages = {
  github: 'https://github.com/team/tool/actions/runs/77/attempts/2',
  gitlab: 'https://gitlab.example/team/tool/-/jobs/9',
  buildkite: 'https://buildkite.com/team/tool/builds/3#0190',
  circleci: 'https://circleci.com/gh/team/tool/5',
  jenkins: 'https://ci.example/job/tool/8/',
  argo: 'https://argo.example/workflows/ci/nightly',
} as const;

describe('the environment of a job', () => {
  test.each(Object.keys(pages) as (keyof typeof pages)[])('of %s is read in full', (system) => {
    const job = ciJobIn(environments[system]);
    const facts = { repository: 'team/tool', branch: 'fix/cart', commit, actor: 'ada', change: '42' };
    expect(job).toEqual({ system, url: pages[system], ...facts });
    expect(labelsOfCi(job)).toEqual({
      ci: system,
      repository: 'team/tool',
      branch: 'fix/cart',
      actor: 'ada',
      pr: '42',
    });
  });

  test.each([
    [
      'a push of GitHub',
      { ...environments.github, GITHUB_HEAD_REF: '', GITHUB_REF: 'refs/heads/main', GITHUB_REF_NAME: 'main' },
      'main',
    ],
    [
      'a tag of GitHub',
      {
        ...environments.github,
        GITHUB_HEAD_REF: '',
        GITHUB_REF: 'refs/tags/v1',
        GITHUB_REF_NAME: 'v1',
        GITHUB_REF_TYPE: 'tag',
      },
      undefined,
    ],
    [
      'a tag of Buildkite',
      { ...environments.buildkite, BUILDKITE_PULL_REQUEST: 'false', BUILDKITE_BRANCH: 'v1', BUILDKITE_TAG: 'v1' },
      undefined,
    ],
    [
      'a branch of Jenkins',
      { ...environments.jenkins, CHANGE_ID: '', CHANGE_BRANCH: '', BRANCH_NAME: '', GIT_BRANCH: 'origin/main' },
      'main',
    ],
  ])('of %s has its branch and no pull request', (_what, env, branch) => {
    const { pr, branch: labelled } = labelsOfCi(ciJobIn(env));
    expect({ pr, branch: labelled }).toEqual({ pr: undefined, branch });
  });

  test('makes a link of web pages alone, without credentials', () => {
    const pageOf = (CI_JOB_URL: string) => ciJobIn({ GITLAB_CI: 'true', CI_JOB_URL })?.url;
    expect(['javascript:alert(1)', 'nonsense', ''].map(pageOf)).toEqual([undefined, undefined, undefined]);
    expect(pageOf('https://ada:token@gitlab.example/a')).toBe('https://gitlab.example/a');
    expect(ciJobIn({ CI: 'true' })).toBeUndefined();
  });

  test('makes labels of any values that a label can have, and leaves out the others', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 300, unit: 'binary' }), (text) => {
        const labels = labelsOfCi({ system: 'argo', branch: text, actor: 'ada' });
        expect(labels).toMatchObject({ ci: 'argo', actor: 'ada' });
        expect([undefined, text]).toContain(labels.branch);
      }),
    );
  });
});

describe('a run that a job starts', () => {
  async function run(env: Readonly<Record<string, string>>, more: Partial<RunOptions> = {}) {
    const result = await runWorkflow({
      dataDir: path.join(folder, 'data'),
      shared: true,
      env: { PATH: process.env.PATH, HOME: folder, ...env },
      ...more,
    } as RunOptions);
    if (result.kind !== 'finished') throw new Error(result.message);
    const records = await readRecords(dataFolder(path.join(folder, 'data')).runDir(result.runId));
    const started = eventsIn(records).find((event) => event.type === 'run.started') as EventOf<'run.started'>;
    return { runId: result.runId, started };
  }
  const steps = [{ id: 'a', run: 'exit 1' }];

  test('has its labels below those of its own, and a resumed run those of the job that resumes it', async () => {
    const own = Object.fromEntries(Array.from({ length: 15 }, (_, at) => [`own_${at}`, 'x']));
    const workflow = { name: 'ci', labels: { ...own, actor: 'nightly' }, steps };
    const first = await run(environments.github, { workflow, cwd: folder, labels: { branch: '' } });
    const facts = { ci: 'github', repository: 'team/tool', pr: '42' };
    expect(first.started.labels).toEqual({ ...own, ...facts, actor: 'nightly' });
    expect(first.started.ci).toMatchObject({ system: 'github', url: pages.github });
    const { CI_MERGE_REQUEST_IID, ...branch } = environments.gitlab;
    const again = await run(branch, { resume: first.runId });
    expect(again.started.labels).toEqual({ ...own, ci: 'gitlab', repository: 'team/tool', actor: 'nightly' });
    expect((await run({}, { resume: first.runId })).started.labels).toEqual({ ...own, actor: 'nightly' });
  });

  test('names the branch of the job where a commit is checked out that is the one of the job', async () => {
    const cwd = mkdtempSync(path.join(folder, 'repository-'));
    const git = (...words: string[]): string =>
      execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@b.c', ...words], { cwd, encoding: 'utf8' }).trim();
    git('init', '-q', '-b', 'main');
    git('commit', '-q', '--allow-empty', '-m', 'one');
    git('checkout', '-q', '--detach');
    const head = git('rev-parse', 'HEAD');
    const branchIn = async (GITHUB_SHA: string) =>
      (await run({ ...environments.github, GITHUB_SHA }, { workflow: { name: 'ci', steps }, cwd })).started
        .versionControl;
    expect(await branchIn(head)).toMatchObject({ branch: 'fix/cart', revision: head });
    expect(await branchIn(commit)).not.toHaveProperty('branch');
  });
});
