// What the command line says to common mistakes: what was wrong, and what to write instead.
import { mkdirSync } from 'node:fs';
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

test('`doctor` tells of a missing Claude Code how to get it, and names no variable as set that is not', async () => {
  const rig = await startCliRig();
  const empty = path.join(rig.folder, 'empty');
  mkdirSync(empty);
  const found = await rig.run(['doctor'], { PATH: empty, STEPSPAN_CLAUDE: '' });
  expect(found.stdout).toMatch(/not ok +Claude Code: there is no `claude` on PATH; install Claude Code/);
  expect(found.stdout).not.toContain('STEPSPAN_CLAUDE is');
  expect(found.code).toBe(3);
});
