// What a step leaves behind without a trace, in the real program: it becomes a child of stepspan, is collected when it ends,
// and is ended at the latest with the run.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readChildren, readStat } from '../../src/run/process/proc-files.ts';
import { isRunning } from '../process/rig.ts';
import { cliProgram, resultOf } from '../support/cli.ts';
import { type CliRig, startCliRig } from '../support/cli-rig.ts';
import { until } from '../support/until.ts';

const flags = ['--pid', '--fork', '--mount-proc'];
const canUnshare = spawnSync('unshare', [...flags, 'true']).status === 0;
const onLinux = test.skipIf(process.platform !== 'linux');

let rig: CliRig;
beforeAll(async () => {
  rig = await startCliRig();
});
afterAll(() => rig.close());

/** Takes off all that a process can inherit at once: parents, session, environment, output, and the lifeline (19). */
const escapee = 'exec 19>&- >/dev/null 2>&1 </dev/null; echo $$ > "$0/pid"; exec sleep 300';

onLinux('ends with the run what has left its parents, session, environment and descriptors at once', async () => {
  const step = `(env -i setsid bash -c '${escapee}' "$PWD" &); until [ -s pid ]; do sleep 0.01; done`;
  const { result } = await rig.runYaml(`name: escapes\nsteps:\n  - id: one\n    run: |\n      ${step}\n`);
  const pid = Number(readFileSync(`${rig.work}/pid`, 'utf8'));
  expect(isRunning(pid)).toBe(false);
  const { events } = await rig.journal(result.runId);
  expect(events('process.orphaned')).toMatchObject([{ processes: [{ pid, command: 'sleep 300' }] }]);
});

onLinux('collects what its steps left behind and has ended, while they run', async () => {
  const step = '(for i in 1 2 3 4 5; do (true &) ; done); echo left; until [ -e go ]; do sleep 0.05; done';
  const cli = rig.start(['run', rig.write('zombies.yaml', `name: zombies\nsteps: [{id: one, run: "${step}"}]\n`)]);
  await until(() => cli.stdout().includes('left'));
  const zombies = () => readChildren(Number(cli.child.pid)).filter((pid) => readStat(pid)?.state === 'Z');
  await until(() => zombies().length === 0);
  rig.write('go', '');
  expect((await cli.done).code).toBe(0);
});

test.skipIf(!canUnshare)('does so as process 1 of a container, and then has no need of a warning', () => {
  const workflow = 'name: orphans\nsteps: [{id: one, run: "(true & sleep 0.1 &) ; echo done"}]\n';
  const args = [process.execPath, cliProgram, 'run', rig.write('orphans.yaml', workflow), '--json'];
  const { stdout, stderr, status } = spawnSync('unshare', [...flags, ...args], {
    cwd: rig.work,
    env: { ...rig.env },
    encoding: 'utf8',
  });
  expect(stderr).not.toMatch(/process 1|could not be ended/);
  expect([status, resultOf({ code: status, signal: null, stdout, stderr }).outcome]).toEqual([0, 'success']);
});
