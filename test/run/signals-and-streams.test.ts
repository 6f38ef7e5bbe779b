// What stepspan takes over from its caller (ignored signals, standard input, a launcher), how two streams become one, and
// what the exit codes of shells mean.
import { spawn } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { explainExitCode, explainSignal } from '../../src/run/engine/exit-hint.ts';
import { cliProgram } from '../support/cli.ts';
import { type CliRig, startCliRig } from '../support/cli-rig.ts';
import { until } from '../support/until.ts';

let rig: CliRig;
beforeAll(async () => {
  rig = await startCliRig();
});
afterAll(() => rig.close());

/** Starts the CLI by a shell script, in which `$CLI` stands for it. */
function startBy(script: string) {
  const env = { ...rig.env, CLI: `${process.execPath} ${cliProgram}` };
  const child = spawn('bash', ['-c', script], { cwd: rig.work, env, stdio: ['pipe', 'pipe', 'pipe'] });
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  const done = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { child, stdout: () => stdout, done };
}

const runIdIn = (stdout: string): string => /run (\d{8}-\d{6}-\w+)/.exec(stdout)?.[1] ?? '';

describe('a hang-up', () => {
  test.each([
    ['nohup', 'nohup $CLI run wait.yaml & echo pid $!; wait $!'],
    ['a shell that ignores it', "trap '' HUP; $CLI run wait.yaml & echo pid $!; wait $!"],
  ])('does not end a run that was started under %s', async (_, script) => {
    rig.write('wait.yaml', 'name: wait\nsteps: [{id: a, run: "echo up; until test -e go; do sleep 0.1; done"}]');
    const run = startBy(`rm -f go; ${script}`);
    await until(() => run.stdout().includes('a | up'));
    process.kill(Number(/pid (\d+)/.exec(run.stdout())?.[1]), 'SIGHUP');
    rig.write('go', '');
    expect(await run.done).toBe(0);
  });
});

test.each([
  // Without a terminal, which setsid makes sure of, it only complains about one.
  ['an interactive shell, which ignores it for itself alone', 'setsid --wait bash -ic', 143],
  ['a shell with a trap', `bash -c "trap '' TERM; eval \\"\\$0\\""`, 0],
] as const)('SIGTERM below %s', async (_, shell, code) => {
  rig.write('wait.yaml', 'name: wait\nsteps: [{id: a, run: "echo up; until test -e go; do sleep 0.1; done"}]');
  const run = startBy(`rm -f go; ${shell} '$CLI run wait.yaml & echo pid $!; wait $!; exit $?'`);
  await until(() => run.stdout().includes('a | up'));
  process.kill(Number(/pid (\d+)/.exec(run.stdout())?.[1]), 'SIGTERM');
  if (code === 0) rig.write('go', '');
  expect(await run.done).toBe(code);
});

test.each([
  ['an older Node', 'STEPSPAN_LAUNCHER=$$ $CLI run long.yaml; echo never'],
  // As npx starts it: a shell, and in it an older Node that starts the newer one.
  ['npx, above an older Node', `npm_command=exec bash -c 'STEPSPAN_LAUNCHER=$$ $CLI run long.yaml; :'; : npx`],
])('a run ends when the launcher that waits for it was killed: %s', async (_, script) => {
  rig.write('long.yaml', 'name: long\nsteps: [{id: a, run: "echo up; sleep 300"}]');
  const run = startBy(script);
  await until(() => run.stdout().includes('a | up'));
  run.child.kill('SIGKILL');
  await until(() => rig.processes().length === 0);
  const journal = await rig.journal(runIdIn(run.stdout()));
  expect(journal.events('run.finished')[0]?.outcome).toMatchObject({ kind: 'cancellation' });
});

test('exec passes on what is piped into it', async () => {
  const run = startBy('printf "one\\ntwo" | $CLI exec -- cat');
  expect(await run.done).toBe(0);
  expect(run.stdout()).toContain('exec | one');
  const journal = await rig.journal(runIdIn(run.stdout()));
  expect(journal.text('stdout', 'exec')).toBe('one\ntwo');
});

test('joined streams keep the order in which they were written', async () => {
  const script = 'for i in $(seq 500); do echo out $i; echo err $i >&2; done';
  const { result } = await rig.runYaml(`name: order\nsteps: [{id: a, stderr: join, run: "${script}"}]`);
  const journal = await rig.journal(result.runId);
  const lines = Array.from({ length: 500 }, (_, index) => `out ${index + 1}\nerr ${index + 1}\n`);
  expect(journal.text('stdout', 'a')).toBe(lines.join(''));
  expect(journal.text('stderr', 'a')).toBe('');
});

describe('an exit code', () => {
  test('of a shell is reported with its meaning', async () => {
    const { result } = await rig.runYaml(
      'name: codes\nsteps:\n  - {id: a, readOnly: true, run: no-such-command}\n  - {id: b, readOnly: true, shell: [bash, -c], run: "bash -c \'kill -9 $$\'; exit $?"}',
    );
    expect(result.steps.map(({ message }) => message)).toEqual([
      expect.stringMatching(/^exit code 127: a command was not found/),
      expect.stringMatching(/^exit code 137: killed \(SIGKILL\)/),
    ]);
  });

  test('137 asks about memory unless the kernel has counted it', () => {
    const none = { group: 0, machine: 0 };
    expect(explainExitCode(137, none, none)).toBe(': killed (SIGKILL); out of memory?');
    expect(explainExitCode(137, none, { group: 1, machine: 1 })).toContain('out of memory, as the kernel counted');
    expect(explainSignal('SIGKILL', { group: undefined, machine: 3 }, { group: undefined, machine: 4 })).toContain(
      'the machine',
    );
    expect(explainExitCode(141)).toContain('| head');
    expect(explainExitCode(3)).toBe('');
  });
});
