// The GitHub Action: its steps are run as the runner runs them, with the files and variables that GitHub documents. The API of GitHub,
// and the action that uploads an artifact, cannot run here: a server takes the place of the first, the second is only looked at.
import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { cliProgram, root } from '../support/cli.ts';
import { type CliRig, startCliRig } from '../support/cli-rig.ts';
import { type HttpServer, jsonOf, serveHttp } from '../support/http-server.ts';

type Step = {
  readonly id?: string;
  readonly if?: string;
  readonly run?: string;
  readonly uses?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly with?: Readonly<Record<string, string>>;
};
type Action = {
  readonly inputs: Readonly<Record<string, { readonly default?: string; readonly required?: boolean }>>;
  readonly outputs: Readonly<Record<string, { readonly value: string }>>;
  readonly runs: { readonly steps: readonly Step[] };
};
const action = parse(readFileSync(path.join(root, 'action.yml'), 'utf8')) as Action;

type Comment = { readonly id: number; body: string };
let rig: CliRig;
let github: HttpServer;
const comments: Comment[] = [{ id: 1, body: 'Looks good.' }];
const tokens = new Set<string | undefined>();
let isAllowed = true;

beforeAll(async () => {
  rig = await startCliRig();
  rig.write(
    'review.yaml',
    "name: 'review #1'\nparams:\n  word: hi\nsteps:\n  - {id: say, run: 'echo $STEPSPAN_PARAM_WORD; exit 3'}\n",
  );
  rig.write('bad.yaml', 'name: bad\nsteps: []\n');
  const bin = path.join(rig.folder, 'bin/stepspan');
  mkdirSync(path.dirname(bin));
  writeFileSync(bin, `#!/bin/sh\nexec ${process.execPath} ${cliProgram} "$@"\n`);
  chmodSync(bin, 0o755);
  github = await serveHttp(async (request, response) => {
    tokens.add(request.headers.authorization);
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://github');
    const answer = (status: number, value: unknown): unknown =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    if (!isAllowed) return answer(403, { message: 'Resource not accessible by integration' });
    if (request.method === 'GET' && pathname === '/repos/team/tool/issues/42/comments')
      return answer(200, searchParams.get('page') === '1' ? comments : []);
    const { body } = await jsonOf<{ body: string }>(request);
    const own = comments.find(({ id }) => pathname === `/repos/team/tool/issues/comments/${id}`);
    if (request.method === 'PATCH' && own !== undefined) own.body = body;
    else if (request.method === 'POST' && pathname === '/repos/team/tool/issues/42/comments')
      comments.push({ id: comments.length + 1, body });
    else return answer(404, {});
    return answer(200, {});
  });
});
afterAll(async () => {
  await github.close();
  await rig.close();
});

/** Runs the step with the id `run` as a runner does: by bash, with its inputs, and with files that it may write to. */
async function runAction(inputs: Readonly<Record<string, string>>) {
  const step = action.runs.steps.find(({ id }) => id === 'run');
  const defaults = Object.entries(action.inputs).map(([name, input]) => [name, input.default ?? '']);
  const values: Readonly<Record<string, string>> = { ...Object.fromEntries(defaults), token: 'ghs_secret', ...inputs };
  const given = Object.entries(step?.env ?? {}).map(([name, expression]) => {
    const [, input = ''] = /^\$\{\{ inputs\.([\w-]+) \}\}$/.exec(expression) ?? [];
    return [name, values[input] ?? expression];
  });
  const [script, output, summary] = ['script.sh', 'output', 'summary'].map((name) => rig.write(name, '')) as [
    string,
    string,
    string,
  ];
  writeFileSync(script, step?.run ?? 'exit 99');
  const child = spawn('bash', ['--noprofile', '--norc', '-eo', 'pipefail', script], {
    cwd: rig.work,
    env: {
      ...rig.env,
      PATH: `${path.join(rig.folder, 'bin')}:${rig.env.PATH}`,
      ...Object.fromEntries(given),
      GITHUB_ACTIONS: 'true',
      GITHUB_ACTION_PATH: root,
      GITHUB_API_URL: github.url,
      GITHUB_REPOSITORY: 'team/tool',
      GITHUB_REF: 'refs/pull/42/merge',
      RUNNER_TEMP: rig.folder,
      GITHUB_OUTPUT: output,
      GITHUB_STEP_SUMMARY: summary,
    },
  });
  const [log, code] = await Promise.all([
    text(child.stderr),
    new Promise((resolve) => child.once('exit', resolve)),
    text(child.stdout),
  ]);
  const lines = readFileSync(output, 'utf8').trimEnd().split('\n');
  const outputs = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
  return { code, log, outputs, summary: readFileSync(summary, 'utf8') };
}

describe('the action', () => {
  test('has the outcome as its own, outputs, a summary, and one comment that each run updates', async () => {
    const inputs = { workflow: 'review.yaml', params: '\nword=first\n', labels: 'team=payments', comment: 'true' };
    const first = await runAction(inputs);
    expect(first.code).toBe(1);
    expect(first.log).toContain('::group::say\n');
    expect(first.outputs).toMatchObject({
      'run-id': rig.runIds()[0],
      outcome: 'failure',
      'cost-usd': '0',
      tokens: '0',
    });
    const shown = await rig.run(['show', 'latest', '--json']);
    expect(JSON.parse(shown.stdout).labels).toMatchObject({
      team: 'payments',
      ci: 'github',
      repository: 'team/tool',
      pr: '42',
    });
    expect(first.summary).toContain('### ✗ review \\#1: failure');
    expect(first.summary).toContain('```text\nfirst\n```');
    expect(comments.map(({ body }) => body.includes(first.outputs['run-id'] ?? '?'))).toEqual([false, true]);
    const bundle = await rig.run(['show', first.outputs.record ?? '', '--json']);
    expect(JSON.parse(bundle.stdout)).toMatchObject({ runId: first.outputs['run-id'], state: 'failure' });
    const second = await runAction(inputs);
    expect(comments.map(({ body }) => body.includes(second.outputs['run-id'] ?? '?'))).toEqual([false, true]);
    expect([...tokens]).toEqual(['Bearer ghs_secret']);
    const uploaded = action.runs.steps.map((step) => step.with?.path ?? '').join('');
    expect(uploaded).toMatch(/^\$\{\{ steps\.run\.outputs\.record \}\}$/);
    for (const { value } of Object.values(action.outputs)) {
      const [, name = ''] = /^\$\{\{ steps\.run\.outputs\.([\w-]+) \}\}$/.exec(value) ?? [];
      expect(Object.keys(first.outputs)).toContain(name);
    }
  });

  test('says what is missing if it cannot comment, or if the workflow is refused', async () => {
    isAllowed = false;
    const { code, log } = await runAction({ workflow: 'review.yaml', comment: 'true' });
    expect([code, log]).toEqual([1, expect.stringMatching(/::warning::.*permission `pull-requests: write`/)]);
    const refused = await runAction({ workflow: 'bad.yaml' });
    expect([refused.code, refused.outputs, refused.summary]).toEqual([2, { '': '' }, '']);
    expect(refused.log).toContain('bad.yaml');
  });
});
