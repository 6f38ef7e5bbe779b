// stepspan as process 1, as in a container without an init, in a pid namespace of its own.
import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { cliProgram, resultOf } from '../support/cli.ts';
import { type CliRig, startCliRig } from '../support/cli-rig.ts';

const flags = ['--pid', '--fork', '--mount-proc'];
const canUnshare = spawnSync('unshare', [...flags, 'true']).status === 0;

let rig: CliRig;
beforeAll(async () => {
  rig = await startCliRig();
});
afterAll(() => rig.close());

const workflow = 'name: orphans\nsteps: [{id: one, run: "(true & sleep 0.1 &) ; echo done"}]\n';

test.skipIf(!canUnshare)(
  'as process 1 a run says what it cannot collect, and does not count zombies as left over',
  () => {
    const args = [process.execPath, cliProgram, 'run', rig.write('orphans.yaml', workflow), '--json'];
    const { stdout, stderr, status } = spawnSync('unshare', [...flags, ...args], {
      cwd: rig.work,
      env: { ...rig.env },
      encoding: 'utf8',
    });
    expect(stderr).toContain('stepspan runs as process 1, which has to collect processes that have ended');
    expect(stderr).not.toContain('could not be ended');
    expect([status, resultOf({ code: status, signal: null, stdout, stderr }).outcome]).toEqual([0, 'success']);
  },
);

test('a run that is not process 1 says nothing of it', async () => {
  const { stderr } = await rig.run(['run', rig.write('plain.yaml', workflow), '--json']);
  expect(stderr).not.toContain('process 1');
});
