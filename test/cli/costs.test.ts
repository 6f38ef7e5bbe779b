// `stepspan costs` over journals that the real writer wrote: sums by workflow, step and model, and what nobody reported.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { modelUse } from '../runs/journal-of.ts';
import { createRig, type Rig, startStep } from './data-folder-rig.ts';

let rig: Rig;
beforeEach(() => {
  rig = createRig();
});
afterEach(() => rig.remove());

async function paid(
  workflow: string,
  cost: { readonly costUsd: number; readonly unknown?: string },
  labels?: Readonly<Record<string, string>>,
): Promise<void> {
  const run = rig.start({ workflow, steps: ['ask'], ...(labels === undefined ? {} : { started: { labels } }) });
  startStep(run, 'ask');
  const models = cost.costUsd === 0 ? [] : [modelUse('opus', 100, cost.costUsd)];
  run.event({ type: 'claude.cost', estimated: false, models, ...cost }, 'ask');
  await run.finish(['ask']);
}

const rows = (text: string): readonly (readonly string[])[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => line.split(/ {2,}/));

describe('costs', () => {
  test('adds up by workflow, the most expensive first, and says what nobody reported', async () => {
    await paid('nightly', { costUsd: 0.5 });
    await paid('nightly', { costUsd: 0.25 });
    await paid('review', { costUsd: 1.2, unknown: 'it was killed' });
    await paid('hidden', { costUsd: 0, unknown: 'it reports none' });
    await paid('free', { costUsd: 0 });
    const { stdout, code } = await rig.call('costs');
    expect(code).toBe(0);
    expect(rows(stdout.toString())).toEqual([
      ['WORKFLOW', 'RUNS', 'TOKENS', 'COST'],
      ['review', '1', expect.any(String), '$1.20 + unknown'],
      ['nightly', '2', expect.any(String), '$0.75'],
      ['hidden', '1', '0', 'cost unknown'],
      ['total', '5', expect.any(String), '$1.95 + unknown'],
      ['1 workflow cost nothing'],
      ['Nobody reported a part of the cost; `stepspan show RUN` says why.'],
    ]);
  });

  test('adds up by step and by model, with a row for what no model was reported for', async () => {
    await paid('nightly', { costUsd: 0.5 });
    await paid('hidden', { costUsd: 0, unknown: 'it reports none' });
    expect(rows((await rig.call('costs', '--by', 'step')).stdout.toString()).slice(1, 3)).toEqual([
      ['nightly / ask', '1', '$0.50'],
      ['hidden / ask', '1', 'cost unknown'],
    ]);
    const json = JSON.parse((await rig.call('costs', '--by', 'model', '--json')).stdout.toString());
    expect(json).toMatchObject({
      by: 'model',
      total: { runs: 2, costUsd: null, costBasis: 'unknown', costAtLeastUsd: 0.5 },
      groups: [
        { name: 'opus', runs: 1, costUsd: 0.5, costBasis: 'known' },
        { name: '(model not reported)', runs: 1, costUsd: null, costBasis: 'unknown', costAtLeastUsd: 0 },
      ],
    });
  });

  test('adds up by the value of a label, with a row for the runs without it, and of the runs that have one', async () => {
    await paid('nightly', { costUsd: 0.5 }, { team: 'payments' });
    await paid('review', { costUsd: 0.25 }, { team: 'payments', pr: '42' });
    await paid('review', { costUsd: 2 }, { team: 'core' });
    await paid('nightly', { costUsd: 0.1 });
    const of = async (...flags: string[]) => rows((await rig.call('costs', ...flags)).stdout.toString());
    expect(await of('--by', 'label:team')).toEqual([
      ['TEAM', 'RUNS', 'TOKENS', 'COST'],
      ['core', '1', expect.any(String), '$2.00'],
      ['payments', '2', expect.any(String), '$0.75'],
      ['(no label)', '1', expect.any(String), '$0.10'],
      ['total', '4', expect.any(String), '$2.85'],
    ]);
    expect((await of('--label', 'team=payments')).at(-1)).toEqual(['total', '2', expect.any(String), '$0.75']);
  });

  test('takes runs since a time and of a workflow, and says so if there are none', async () => {
    await paid('nightly', { costUsd: 0.5 });
    const later = new Date(Date.now() + 3_600_000).toISOString();
    expect((await rig.call('costs', '--since', later)).stdout.toString()).toBe(
      `No run started since ${later}. List older ones with: stepspan ls\n`,
    );
    for (const filter of [
      ['--workflow', 'other'],
      ['--label', 'team=none'],
    ]) {
      expect((await rig.call('costs', ...filter)).stdout.toString()).toBe(
        'No run that matches started since 7d. List all runs with: stepspan ls\n',
      );
    }
    const wrong = await rig.call('costs', '--since', 'soon');
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('"soon" is not a time')]);
  });
});
