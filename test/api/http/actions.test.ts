// Starting, steering and retrying real runs over HTTP: each is a process of its own, from allowed folders only.
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { askRun } from '../../../src/control/index.ts';
import type { RunId } from '../../../src/core/ids.ts';
import { counter, eventsOf, readCount, stateOf } from '../../control/control-rig.ts';
import { tempData } from '../../hub/hub-rig.ts';
import { tempRoot } from '../../journal/journal-rig.ts';
import { until, untilStill } from '../../support/until.ts';
import { liveHub } from './api-rig.ts';

async function rig(files: Readonly<Record<string, string>>) {
  const data = tempData();
  const folder = tempRoot();
  for (const [name, steps] of Object.entries(files)) {
    mkdirSync(join(folder, name, '..'), { recursive: true });
    writeFileSync(join(folder, name), steps);
  }
  const hub = await liveHub(data, [folder]);
  // Runs outlive the hub; none may outlive its test.
  onTestFinished(async () => {
    for (const runId of data.listRunIds()) {
      await askRun(data.runDir(runId), { verb: 'cancel', now: true, by: 'test' });
      await until(async () => (await stateOf(data, runId)).phase.kind === 'finished');
    }
  });
  return { data, folder, hub };
}

const flow = (steps: string, head = '') => `name: flow\n${head}steps:\n${steps}`;

test('a run is started from an allowed folder, with its params, and a failure to start is reported', async () => {
  const { data, folder, hub } = await rig({
    'hello.yaml': flow('  - id: say\n    run: echo "hello $PARAM_WHO"\n', 'params:\n  who:\n    type: string\n'),
    'broken.yaml': 'name: broken\n',
    'deep/below.yml': flow('  - id: say\n    run: echo below\n'),
  });
  const { workflows } = (await hub.get('/api/v1/workflows')).body;
  expect(workflows.map(({ file }: { file: string }) => file.slice(folder.length + 1))).toEqual([
    'broken.yaml',
    'deep/below.yml',
    'hello.yaml',
  ]);
  expect(workflows[0].problem).not.toBe('');
  expect(workflows[2]).toMatchObject({
    name: 'flow',
    steps: 1,
    params: [{ name: 'who', required: true, default: null }],
  });
  expect((await hub.get('/api/v1/session')).body).toMatchObject({ scope: 'control', canStart: true, links: ['trace'] });

  const started = await hub.post('/api/v1/runs', {
    workflow: 'hello.yaml',
    params: { who: 'a b; $(id)' },
    labels: { team: 'core' },
  });
  expect(started).toMatchObject({ status: 200, body: { ok: true } });
  const runId = started.body.runId as RunId;
  await until(async () => (await stateOf(data, runId)).phase.kind === 'finished');
  expect((await stateOf(data, runId)).phase).toMatchObject({ outcome: { kind: 'success' } });
  const [event] = await eventsOf(data, runId);
  expect(event).toMatchObject({ type: 'run.started', params: { who: 'a b; $(id)' }, labels: { team: 'core' } });

  const missing = await hub.post('/api/v1/runs', { workflow: 'hello.yaml' });
  expect(missing).toMatchObject({
    status: 400,
    body: { error: { code: 'not_started', message: expect.stringContaining('who') } },
  });
  expect((await hub.post('/api/v1/runs', { workflow: 'hello.yaml', params: { '--shared': 'x' } })).status).toBe(400);
});

test('what comes into an allowed folder later can be started; a session that may only read is refused', async () => {
  const { folder, hub } = await rig({});
  const session = async (headers = {}) => (await hub.get('/api/v1/session', headers)).body;
  expect(await session()).toMatchObject({ scope: 'control', canStart: true });
  const reading = { authorization: `Bearer ${hub.tokens.read}` };
  expect(await session(reading)).toMatchObject({ scope: 'read', canStart: false });
  expect((await hub.get('/api/v1/workflows')).body).toEqual({ workflows: [] });
  writeFileSync(join(folder, 'later.yaml'), flow('  - id: a\n    run: echo a\n'));
  expect((await hub.get('/api/v1/workflows')).body.workflows).toMatchObject([{ name: 'flow', problem: '' }]);
  expect((await hub.post('/api/v1/runs', { workflow: 'later.yaml' })).status).toBe(200);
  expect((await (await liveHub(tempData())).get('/api/v1/session')).body).toMatchObject({ canStart: false });
});

test('nothing is started from elsewhere, whatever the path or the link', async () => {
  const { data, folder, hub } = await rig({ 'good.yaml': flow('  - id: a\n    run: echo a\n'), 'notes.txt': 'x' });
  const outside = tempRoot();
  writeFileSync(join(outside, 'evil.yaml'), flow('  - id: a\n    run: echo evil\n'));
  symlinkSync(join(outside, 'evil.yaml'), join(folder, 'link.yaml'));
  symlinkSync(outside, join(folder, 'linked'));
  mkdirSync(join(folder, 'folder.yaml'));
  const tricks = [
    join(outside, 'evil.yaml'),
    'link.yaml',
    'linked/evil.yaml',
    `../${outside.split('/').at(-1)}/evil.yaml`,
    `${folder}/../${outside.split('/').at(-1)}/evil.yaml`,
    `${folder}x/good.yaml`,
    'notes.txt',
    'folder.yaml',
    'good.yaml\0.yaml',
    'missing.yaml',
    '-',
    '--help',
    '.',
    '/dev/stdin',
  ];
  for (const workflow of tricks) {
    const answer = await hub.post('/api/v1/runs', { workflow });
    expect([workflow, answer.status, answer.body.error?.code]).toEqual([workflow, 404, 'no_workflow']);
  }
  for (const workflow of ['', 7, null, ['good.yaml'], 'x'.repeat(5_000)]) {
    expect((await hub.post('/api/v1/runs', { workflow })).status).toBe(400);
  }
  expect((await hub.get('/api/v1/workflows')).text).not.toContain('evil');
  expect(data.listRunIds()).toEqual([]);
});

test('a run is frozen, continues and is cancelled; its own counter shows it', async () => {
  const { folder, hub } = await rig({ 'count.yaml': flow(`  - id: count\n    run: sh ${counter} count\n`) });
  const { runId } = (await hub.post('/api/v1/runs', { workflow: 'count.yaml' })).body as { runId: RunId };
  const path = `/api/v1/runs/${runId}`;
  await until(() => readCount(folder) > 3);
  expect((await hub.post(`${path}/pause`, { now: true })).body).toMatchObject({ ok: true, runId });
  expect((await hub.get(path)).body).toMatchObject({ state: 'paused', paused: { by: 'api', now: true } });
  const lastCount = await untilStill(() => readCount(folder));
  expect(await hub.post(`${path}/pause`, { now: true })).toMatchObject({
    status: 409,
    body: { error: { code: 'refused' } },
  });
  expect((await hub.post(`${path}/resume`)).status).toBe(200);
  await until(() => readCount(folder) > lastCount);
  expect((await hub.post(`${path}/cancel`, { now: true })).status).toBe(200);
  await until(async () => (await hub.get(path)).body.state === 'cancellation');
  expect(await hub.post(`${path}/resume`)).toMatchObject({ status: 409, body: { error: { code: 'ended' } } });
});

test('a retry is given another budget, or none; anything else is refused', async () => {
  const { data, hub } = await rig({
    'costs.yaml': flow('  - id: a\n    run: "false"\n', 'budget: {usd: 1, tokens: 5000}\n'),
  });
  const started = async (path: string, body: object): Promise<RunId> => {
    const { runId } = (await hub.post(path, body)).body as { readonly runId: RunId };
    await until(async () => (await stateOf(data, runId)).phase.kind === 'finished');
    return runId;
  };
  const first = await started('/api/v1/runs', { workflow: 'costs.yaml' });
  const retry = `/api/v1/runs/${first}/retry`;
  const limits = async (body: object) => {
    const { budgetUsd, budgetTokens } = (await hub.get(`/api/v1/runs/${await started(retry, body)}`)).body;
    return [budgetUsd, budgetTokens];
  };
  expect(await limits({})).toEqual([1, 5000]);
  expect(await limits({ budget: { usd: 2.5 } })).toEqual([2.5, 5000]);
  expect(await limits({ budget: { usd: 0.000001, tokens: 9000 } })).toEqual([0.000001, 9000]);
  expect(await limits({ budget: null })).toEqual([null, null]);
  const before = data.listRunIds().length;
  const wrong = [5, '5', [], {}, { usd: 0 }, { usd: '5' }, { usd: 1e-7 }, { usd: null }, { tokens: 1.5 }, { eur: 5 }];
  for (const budget of wrong) expect([budget, (await hub.post(retry, { budget })).status]).toEqual([budget, 400]);
  expect(data.listRunIds()).toHaveLength(before);
});

test('a retry does again what had failed, or everything from a step on', async () => {
  const { data, folder, hub } = await rig({
    'three.yaml': flow(
      '  - id: one\n    run: echo x >> one\n  - id: two\n    needs: one\n    run: echo x >> two; test -e go\n  - id: three\n    needs: two\n    run: echo x >> three\n  - id: side\n    run: echo x >> side\n',
    ),
  });
  const times = (name: string) => readFileSync(join(folder, name), 'utf8').split('\n').length - 1;
  const ended = async (runId: RunId) => {
    await until(async () => (await stateOf(data, runId)).phase.kind === 'finished');
    return (await stateOf(data, runId)).phase;
  };
  const first = (await hub.post('/api/v1/runs', { workflow: 'three.yaml' })).body.runId as RunId;
  expect(await ended(first)).toMatchObject({ outcome: { kind: 'failure' } });
  writeFileSync(join(folder, 'go'), '');
  const second = (await hub.post(`/api/v1/runs/${first}/retry`)).body.runId as RunId;
  expect(await ended(second)).toMatchObject({ outcome: { kind: 'success' } });
  expect([times('one'), times('two'), times('three'), times('side')]).toEqual([1, 2, 1, 1]);
  expect((await hub.get(`/api/v1/runs/${second}`)).body.resumedFrom).toBe(first);
  const third = (await hub.post(`/api/v1/runs/${second}/retry`, { fromStep: 'two' })).body.runId as RunId;
  expect(await ended(third)).toMatchObject({ outcome: { kind: 'success' } });
  expect([times('one'), times('two'), times('three'), times('side')]).toEqual([1, 3, 2, 1]);
  expect(await hub.post(`/api/v1/runs/${second}/retry`, { fromStep: 'four' })).toMatchObject({ status: 400 });

  expect(await hub.post(`/api/v1/runs/${third}/retry`, { edited: 'yes' })).toMatchObject({ status: 400 });
  const file = join(folder, 'three.yaml');
  writeFileSync(file, readFileSync(file, 'utf8').replace('echo x >> three', 'echo x >> three; echo x >> edited'));
  const fourth = (await hub.post(`/api/v1/runs/${third}/retry`, { edited: true })).body.runId as RunId;
  expect(await ended(fourth)).toMatchObject({ outcome: { kind: 'success' } });
  expect([times('one'), times('two'), times('three'), times('edited')]).toEqual([1, 3, 3, 1]);
});
