// A Claude step that nobody can say the cost of: shown as unknown wherever a cost is shown, and a budget says that it
// cannot hold. The real CLI, killed while the scripted API has not answered.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CliRig, startCliRig } from '../support/cli-rig.ts';

let rig: CliRig;
beforeAll(async () => {
  rig = await startCliRig({ script: [{ prompt: 'Say nothing', turns: [{ kind: 'silence' }] }] });
});
afterAll(() => rig.close());

const yaml = `
name: killed
budget: 1
steps:
  - {id: ask, timeout: 3s, continueOnFailure: true, claude: {prompt: Say nothing}}
`;

test('a cost that nobody reported is unknown in the summary, ls, show and --json, and the budget says that it cannot hold', async () => {
  const ran = await rig.run(['run', rig.write('killed.yaml', yaml)]);
  expect(ran.stdout).toContain('cost unknown');
  expect(ran.stdout).not.toContain('$0');
  expect(ran.stdout).toMatch(/the budget of the run cannot hold: Claude Code ended before/);
  expect(ran.stdout).toMatch(/the cost of ask is unknown: Claude Code ended before it reported any usage/);

  const [runId = ''] = rig.runIds();
  const journal = await rig.journal(runId);
  expect(journal.events('run.budget_uncertain')).toHaveLength(1);
  expect(journal.events('claude.cost', 'ask')).toMatchObject([{ costUsd: 0, unknown: expect.any(String) }]);
  expect(journal.events('step.finished', 'ask')).toMatchObject([{ costUnknown: true }]);
  expect(journal.events('run.finished')).toMatchObject([{ costUnknown: true }]);

  const unknown = { costUsd: null, costBasis: 'unknown', costAtLeastUsd: 0, costEstimated: false };
  const json = await rig.runYaml(yaml);
  expect(json.result).toMatchObject({ ...unknown, steps: [{ costUsd: null, costBasis: 'unknown' }] });
  expect(JSON.parse((await rig.run(['show', runId, '--json'])).stdout)).toMatchObject(unknown);
  expect(JSON.parse((await rig.run(['ls', '--json'])).stdout)).toMatchObject([unknown, unknown]);
  expect((await rig.run(['ls'])).stdout).toContain('cost unknown');
  expect((await rig.run(['show', runId])).stdout).toContain('cost unknown');
});
