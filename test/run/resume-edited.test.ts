// A run that continues after its workflow file was edited: a note says so, and the file as it is now is used on request.
import { existsSync, readFileSync, rmSync, utimesSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ResumePlan, startWorkflow } from '../../src/library/index.ts';
import { resultOf } from '../support/cli.ts';
import { type CliRig, outcomesOf, startCliRig } from '../support/cli-rig.ts';

const usage = { input: 1_000, output: 100 } as const;

let rig: CliRig;
beforeAll(async () => {
  rig = await startCliRig({
    script: [
      { prompt: 'Sum up', turns: [{ kind: 'reply', text: 'A sum.', usage }] },
      { prompt: 'Shorter', turns: [{ kind: 'reply', text: 'A shorter sum.', usage }] },
    ],
  });
});
afterAll(() => rig.close());

const read = (name: string): string => readFileSync(path.join(rig.work, name), 'utf8');
const planOf = async (args: readonly string[]): Promise<ResumePlan> => {
  const { stdout, stderr } = await rig.run([...args, '--plan', '--json']);
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as ResumePlan;
};
const actions = ({ steps }: ResumePlan): Readonly<Record<string, string>> =>
  Object.fromEntries(steps.map(({ id, action }) => [id, action]));

describe('a workflow file that was edited after the run', () => {
  const before = `
name: daily
params: {msg: x}
steps:
  - {id: a, run: 'echo a >> a.out; echo "from a"'}
  - {id: ask, claude: {promptFile: prompt.md}}
  - {id: b, needs: a, run: 'exit 1'}
  - {id: c, needs: [b, ask], run: 'echo "$STEPSPAN_OUTPUT_ASK" >> c.out'}
`;
  const after = before.replace('exit 1', 'echo "fixed $STEPSPAN_OUTPUT_A" >> b.out');

  test('is named with the steps that differ, is used on request, and a plan says before what that means', async () => {
    rig.write('prompt.md', 'Sum up');
    const file = rig.write('daily.yaml', before);
    const first = await rig.run(['run', file, '--json']);
    expect(first.code).toBe(1);
    const { runId } = resultOf(first);
    const same = await planOf(['resume', runId]);
    expect(same.notes).toEqual([]);
    rig.write('daily.yaml', after);

    // As it was: said, and the old command runs.
    const plain = await rig.run(['resume', runId, '--json', '-q']);
    expect(plain.code).toBe(1);
    expect(plain.stderr).toMatch(/daily\.yaml has changed since that run \(step b\).*--edited/);
    const journal = await rig.journal(resultOf(plain).runId);
    expect(journal.text('system')).toContain('has changed since that run (step b)');

    const runs = rig.runIds().length;
    const plan = await planOf(['resume', runId, '--edited']);
    expect(actions(plan)).toEqual({ a: 'keep', ask: 'keep', b: 'run', c: 'run' });
    expect(plan.steps.find(({ id }) => id === 'b')?.why).toBe('changed: run');
    expect(plan.steps.find(({ id }) => id === 'c')?.why).toContain('`b`');
    expect(plan.saved.costUsd).toBeCloseTo(resultOf(first).costUsd ?? 0, 8);
    expect(plan.saved.costUsd).toBeGreaterThan(0);
    const text = await rig.run(['resume', runId, '--edited', '--plan']);
    expect(text.stdout).toMatch(/b +run +.*changed: run\n/);
    expect(text.stdout).toMatch(/2 steps kept, which saves \$0\.\d{4} and .*2 steps to run\./);
    expect(text.stdout).toMatch(/daily\.yaml as it is now; different from the run before: step b\n/);
    expect(rig.runIds()).toHaveLength(runs);

    const edited = await rig.run(['resume', runId, '--edited', '--json']);
    expect([edited.code, outcomesOf(resultOf(edited))]).toEqual([
      0,
      { a: 'skip', ask: 'skip', b: 'success', c: 'success' },
    ]);
    expect([read('a.out'), read('b.out'), read('c.out')]).toEqual(['a\n', 'fixed from a\n', 'A sum.\n']);

    // Of a run that succeeded, only an edit leaves something to do.
    const { runId: done } = resultOf(edited);
    const nothing = await rig.run(['resume', done, '--edited']);
    expect([nothing.code, nothing.stderr]).toEqual([2, expect.stringContaining('none of its steps has changed')]);

    // A prompt file counts by what is in it, not by when it was written.
    rig.write('prompt.md', 'Sum up');
    expect(actions(await planOf(['resume', runId, '--edited']))).toMatchObject({ ask: 'keep' });
    rig.write('prompt.md', 'Shorter');
    utimesSync(path.join(rig.work, 'prompt.md'), 1, 1);
    const again = await rig.run(['resume', done, '--edited', '--json']);
    expect(outcomesOf(resultOf(again))).toEqual({ a: 'skip', ask: 'success', b: 'skip', c: 'success' });
    expect(read('c.out')).toBe('A sum.\nA shorter sum.\n');
  });

  test('can give other params, which count for the steps that they reach', async () => {
    rig.write('prompt.md', 'Sum up');
    const file = rig.write('params.yaml', before.replace('name: daily', 'name: params'));
    const first = await rig.run(['run', file, '-p', 'msg=given', '--json']);
    const { runId } = resultOf(first);
    // What was given stays given.
    expect(actions(await planOf(['resume', runId, '--edited']))).toEqual({
      a: 'keep',
      ask: 'keep',
      b: 'run',
      c: 'run',
    });
    const other = await planOf(['resume', runId, '--edited', '-p', 'msg=other']);
    expect(other.steps.find(({ id }) => id === 'a')).toMatchObject({ action: 'run', why: 'changed: param msg' });
    const refused = await rig.run(['resume', runId, '-p', 'msg=other']);
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('--edited')]);
  });

  test('that is gone, broken, or never was, is reported', async () => {
    const file = rig.write('gone.yaml', 'name: gone\nsteps: [{id: a, run: "exit 1"}]');
    const { runId } = resultOf(await rig.run(['run', file, '--json']));
    rig.write('gone.yaml', 'name: gone\nsteps: [{id: a, rum: "exit 1"}]');
    expect((await planOf(['resume', runId])).notes).toEqual([expect.stringContaining('is not valid now')]);
    const broken = await rig.run(['resume', runId, '--edited']);
    expect([broken.code, broken.stderr]).toEqual([2, expect.stringMatching(/gone\.yaml:2:.*rum/)]);
    rmSync(file);
    expect((await planOf(['resume', runId])).notes).toEqual([expect.stringContaining('no longer exists')]);
    const gone = await rig.run(['resume', runId, '--edited']);
    expect([gone.code, gone.stderr]).toEqual([2, expect.stringContaining('this file does not exist')]);
    const exec = await rig.run(['exec', '--json', '--', 'false']);
    const none = await rig.run(['resume', resultOf(exec).runId, '--edited']);
    expect([none.code, none.stderr]).toEqual([2, expect.stringContaining('from no file')]);
  });

  test('of a run that was killed is planned for without touching what that run left', async () => {
    const file = rig.write(
      'dead.yaml',
      'name: dead\nsteps: [{id: a, run: "true"}, {id: b, needs: a, run: "echo up; sleep 300"}]',
    );
    const cli = rig.start(['run', file]);
    await cli.said('b | up');
    cli.child.kill('SIGKILL');
    await cli.done;
    const [runId = ''] = rig.runIds();
    const left = rig.processes();
    const plan = await planOf(['resume', runId]);
    expect(plan.steps).toMatchObject([{ action: 'keep' }, { action: 'run', why: expect.stringContaining('killed') }]);
    expect(rig.processes()).toEqual(left);
    expect((await rig.journal(runId)).events('run.finished')).toEqual([]);
    expect(existsSync(file)).toBe(true);
  });
});

describe('the library', () => {
  test('takes any text as the run to resume, and says what is wrong with it', async () => {
    for (const [resume, message] of [
      ['nope', /No run in .* has the id "nope"/],
      ['', /named by its id, such as/],
    ] as const) {
      const refused = await startWorkflow({ resume, dataDir: rig.dataDir, env: rig.env });
      expect(refused).toMatchObject({ kind: 'not_found', message: expect.stringMatching(message) });
    }
  });
});
