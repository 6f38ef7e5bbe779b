// Labels of one's own, from the workflow and from who starts a run, to what the run records, and to the run that continues it.
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RunOptions } from '../../src/library/index.ts';
import { runWorkflow } from '../../src/library/index.ts';
import { resultOf } from '../support/cli.ts';
import { type CliRig, startCliRig } from '../support/cli-rig.ts';

let rig: CliRig;
beforeAll(async () => {
  rig = await startCliRig({});
});
afterAll(() => rig.close());

const flow = `
name: flow
params: {pr: '', level: 1.5}
labels: {team: payments, pr: '{{ params.pr }}', level: 'at {{ params.level }}'}
steps:
  - {id: gate, run: '[ -e gate ]'}
`;

async function recorded(runId: string): Promise<unknown> {
  const [started] = (await rig.journal(runId)).events('run.started');
  return started?.labels;
}

describe('the labels of a run', () => {
  test('are those of the workflow with the values of params, over them its own, and none that is empty', async () => {
    const plain = await rig.runYaml(flow);
    expect(plain.result.labels).toEqual({ team: 'payments', level: 'at 1.5' });
    const given = await rig.runYaml(flow, [
      '-p',
      'pr=7',
      '--label',
      'team=core',
      '--label',
      'env=a b=c',
      '--label=level=',
    ]);
    expect(given.result.labels).toEqual({ team: 'core', pr: '7', env: 'a b=c' });
    expect(await recorded(given.result.runId)).toEqual(given.result.labels);
    const shown = await rig.run(['show', given.result.runId]);
    expect(shown.stdout).toContain('\n  labels team=core pr=7 env=a b=c\n');
    const listed = async (...flags: string[]) =>
      JSON.parse((await rig.run(['ls', '--json', ...flags])).stdout).map(({ runId }: { runId: string }) => runId);
    expect(await listed('--label', 'team=core', '--label', 'pr=7')).toEqual([given.result.runId]);
    expect(await listed('--label', 'team=core', '--label', 'pr=8')).toEqual([]);
    expect(await listed('--label', 'pr=')).toEqual([plain.result.runId]);
  });

  test('of a command that is run alone are given with it, and a run without any records none', async () => {
    const labelled = resultOf(await rig.run(['exec', '--json', '--label', 'team=core', '--', 'true']));
    expect(labelled.labels).toEqual({ team: 'core' });
    const bare = resultOf(await rig.run(['exec', '--json', '--', 'true']));
    expect(bare.labels).toEqual({});
    expect(await recorded(bare.runId)).toBeUndefined();
  });

  test('are taken over by the run that continues it, unless that is given others', async () => {
    const file = rig.write('edited.yaml', flow);
    const given = ['-p', 'pr=7', '--label', 'team=core', '--label', 'level=', '--label', 'x=1'];
    const first = resultOf(await rig.run(['run', file, '--json', ...given]));
    const second = resultOf(await rig.run(['resume', first.runId, '--json']));
    expect(second.labels).toEqual({ team: 'core', pr: '7', x: '1' });
    const third = resultOf(await rig.run(['resume', second.runId, '--json', '--label', 'x=2', '--label', 'team=']));
    expect(third.labels).toEqual({ pr: '7', x: '2' });
    // What the edited file says is taken, but not over what was given on the command line.
    rig.write('edited.yaml', flow.replace('payments,', 'other, owner: me,'));
    const edited = resultOf(await rig.run(['resume', first.runId, '--edited', '--json']));
    expect(edited.labels).toEqual({ team: 'core', pr: '7', x: '1', owner: 'me' });
  });

  test('that are wrong are refused with the flag, or by the library, before anything is started', async () => {
    const before = rig.runIds().length;
    const refused = async (...flags: string[]) => {
      const { code, stderr } = await rig.run(['exec', ...flags, '--', 'true']);
      expect(code).toBe(2);
      return stderr;
    };
    expect(await refused('--label', 'team')).toContain("option '--label <key=value>' argument 'team' is invalid");
    expect(await refused('--label', 'Team=a')).toContain('"Team" cannot be the key of a label');
    expect(await refused('--label', 'a=1', '--label', 'a=2')).toContain('The label a is given twice.');
    expect(await refused('--label', `a=${'x'.repeat(201)}`)).toContain('201 characters');
    const many = Array.from({ length: 17 }, (_, at) => ['--label', `k${at}=v`]).flat();
    expect(await refused(...many)).toContain('there are 17 labels, and a run may have at most 16; remove some of them');
    const costs = async (by: string) => (await rig.run(['costs', '--by', by])).stderr;
    expect(await costs('label:Team')).toContain('"Team" cannot be the key of a label');
    expect(await costs('teams')).toContain('Write workflow, step, model or label:KEY.');
    const wrong = { labels: { 'a-b': 'c' } } satisfies Partial<RunOptions>;
    const workflow = { name: 'x', steps: [{ id: 'a', run: 'true' }] };
    expect(await runWorkflow({ workflow, dataDir: path.join(rig.folder, 'other'), ...wrong })).toMatchObject({
      kind: 'unsuited',
      code: 'labels',
      message: expect.stringContaining('"a-b" cannot be the key of a label'),
    });
    expect(rig.runIds()).toHaveLength(before);
  });

  test('are redacted as every text is', async () => {
    const env = { DEPLOY_TOKEN: 'cq7-secret-value-81' };
    const run = await rig.run(['exec', '--json', '--label', 'note=with cq7-secret-value-81', '--', 'true'], env);
    const { labels, runId } = resultOf(run);
    expect(labels.note).toMatch(/^with .hidden:/);
    expect(await recorded(runId)).toEqual(labels);
  });
});
