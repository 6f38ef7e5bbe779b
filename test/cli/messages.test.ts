// What the command line says to common mistakes: what was wrong, and what to write instead.
import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { startCliRig } from '../support/cli-rig.ts';

test('a misspelt subcommand of `alerts` is named, with those there are', async () => {
  const rig = await startCliRig();
  const wrong = await rig.run(['alerts', 'tset']);
  expect(wrong.stderr).toContain("unknown command 'alerts tset'; write `list` or `test`");
  expect(wrong.code).toBe(2);
});

test('`init` into a folder that is not there says which folder', async () => {
  const rig = await startCliRig();
  const wrong = await rig.run(['init', 'no/such/first.yaml']);
  expect(wrong.stderr).toMatch(
    /^stepspan: no\/such\/first\.yaml cannot be written: there is no folder .*no\/such; make it/,
  );
  expect(wrong.code).toBe(2);
});

test('`doctor` says how to install a missing Claude Code, and does not call a variable set that is not', async () => {
  const rig = await startCliRig();
  const empty = path.join(rig.folder, 'empty');
  mkdirSync(empty);
  const found = await rig.run(['doctor'], { PATH: empty, STEPSPAN_CLAUDE: '' });
  expect(found.stdout).toMatch(/not ok +Claude Code: there is no `claude` on PATH; install Claude Code/);
  expect(found.stdout).not.toContain('STEPSPAN_CLAUDE is');
  expect(found.code).toBe(3);
});

test('`latest` is never the run of `doctor`', async () => {
  const rig = await startCliRig();
  const { result } = await rig.runYaml('name: mine\nsteps: [{id: a, run: echo a}]\n');
  await rig.run(['doctor']);
  expect(rig.runIds()).toHaveLength(2);
  const shown = JSON.parse((await rig.run(['show', 'latest', '--json'])).stdout) as { readonly runId: string };
  expect(shown.runId).toBe(result.runId);
});

test('`prune` lists what it removes, and a run says when the data folder is over its bound', async () => {
  const rig = await startCliRig();
  const yaml = 'name: mine\nsteps: [{id: a, run: echo a}]\n';
  const first = await rig.runYaml(yaml);
  const second = await rig.runYaml(yaml, [], { STEPSPAN_RETENTION_MAX_BYTES: '1KiB' });
  // Checked once a day, and the first run did that.
  expect(second.stderr).not.toContain('stepspan prune');
  rmSync(path.join(rig.dataDir, 'size-checked'));
  const third = await rig.runYaml(yaml, [], { STEPSPAN_RETENTION_MAX_BYTES: '1KiB' });
  expect(third.stderr).toMatch(/holds .* more than 1(\.0)? KiB; `stepspan prune` removes the oldest runs/);
  const dry = await rig.run(['prune', '--retention-max-bytes', '1', '--dry-run']);
  expect(dry.stdout).toContain(`would remove ${first.result.runId}`);
  expect(rig.runIds()).toHaveLength(3);
  const done = await rig.run(['prune', '--retention-max-bytes', '1']);
  expect(done.stdout).toContain('removed 3 runs');
  expect(rig.runIds()).toEqual([]);
});

test('`run --help` shows its flags in groups, without values in brackets', async () => {
  const rig = await startCliRig();
  const { stdout } = await rig.run(['run', '--help']);
  for (const group of ['What is run:', 'What is shown:', 'Live page:', 'What is kept:', 'Telemetry and alerts:'])
    expect(stdout).toContain(`\n${group}\n`);
  expect(stdout).not.toContain('(default: [])');
});
