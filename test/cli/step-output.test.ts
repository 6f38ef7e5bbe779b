// `stepspan output`, and what `--json` of run and show has of the outputs of steps.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CliRig, startCliRig } from '../support/cli-rig.ts';

let rig: CliRig;
let runId = '';
const long = 'word '.repeat(60_000);

beforeAll(async () => {
  rig = await startCliRig({ script: () => ({ kind: 'reply', text: long }) });
  const { result } = await rig.runYaml(`
name: outputs
steps:
  - id: build
    run: |
      printf '\\033[32mgreen\\033[0m\\r\\n'; seq 1 40000; echo err >&2; printf 'no end'
      echo version=1.2.3 >> "$STEPSPAN_OUTPUTS"
      echo '{"meta": {"files": ["a", "b"]}}' >> "$STEPSPAN_OUTPUTS"
  - {id: json, run: [node, -e, "console.log(JSON.stringify({a: {b: [1, {c: 'deep'}]}, pad: 'x'.repeat(200_000)}))"]}
  - {id: ask, claude: Say much.}
  - {id: silent, run: 'true'}
  - {id: off, when: "false", run: echo never}
  - {id: fails, needs: [build, json, ask], run: test -e later}
`);
  runId = result.runId;
});
afterAll(() => rig.close());

describe('stepspan output', () => {
  test('prints all of what a step gave, byte for byte and nothing else', async () => {
    const { code, stdout, stderr } = await rig.run(['output', runId, 'build']);
    const lines = Array.from({ length: 40_000 }, (_, at) => `${at + 1}\n`).join('');
    expect({ code, stderr, isWhole: stdout === `\x1b[32mgreen\x1b[0m\r\n${lines}no end` }).toEqual({
      code: 0,
      stderr: '',
      isWhole: true,
    });
    const ask = await rig.run(['output', 'latest', 'ask']);
    expect({ code: ask.code, isWhole: ask.stdout.trim() === long.trim() }).toEqual({ code: 0, isWhole: true });
    for (const step of ['silent', 'off']) {
      expect(await rig.run(['output', 'latest', step])).toMatchObject({ code: 0, stdout: '', stderr: '' });
    }
  });

  test('prints one field of named outputs and of JSON', async () => {
    const field = async (step: string, path: string) => {
      const { code, stdout, stderr } = await rig.run(['output', runId, step, '--field', path]);
      return code === 0 ? stdout : `${code} ${stderr}`;
    };
    expect(await field('build', 'version')).toBe('1.2.3\n');
    expect(await field('build', 'meta.files.1')).toBe('b\n');
    expect(await field('build', 'meta')).toBe('{"files":["a","b"]}\n');
    expect(await field('json', 'a.b.1.c')).toBe('deep\n');
    expect(await field('json', 'a.b')).toBe('[1,{"c":"deep"}]\n');
    expect(await field('json', 'a.x')).toBe('7 stepspan: the output of step `json` has no `a.x`; it has b\n');
    expect(await field('build', 'nope')).toMatch(/^7 stepspan: .*is not JSON.*`nope`; it has version, meta\n$/);
  });

  test('says which steps there are, and prints what a resumed run took over', async () => {
    const wrong = await rig.run(['output', runId, 'biuld']);
    expect(wrong).toMatchObject({ code: 7, stdout: '' });
    expect(wrong.stderr).toContain('no step `biuld`; its steps are build, json, ask, silent, off, fails');
    rig.write('later', '');
    expect((await rig.run(['resume', runId, '--json'])).code).toBe(0);
    const [first, again] = [await rig.run(['output', runId, 'build']), await rig.run(['output', 'latest', 'build'])];
    expect(again.stdout === first.stdout && again.stdout.length > 200_000).toBe(true);
    expect((await rig.run(['output', 'latest', 'build', '--field', 'version'])).stdout).toBe('1.2.3\n');
  });
});

test('of a run that was killed there is what its step printed, and once it is closed its output', async () => {
  const file = rig.write(
    'killed.yaml',
    `name: killed\nsteps: [{id: work, run: "echo one; printf '1 %%\\\\r99 %%'; sleep 60"}]\n`,
  );
  const run = rig.start(['run', file]);
  await run.said('work | 99 %');
  run.child.kill('SIGKILL');
  await run.done;
  expect(await rig.run(['output', 'latest', 'work'])).toMatchObject({ code: 0, stdout: 'one\n1 %\r99 %', stderr: '' });
  const early = await rig.run(['output', 'latest', 'work', '--json']);
  expect(early).toMatchObject({
    code: 3,
    stderr: expect.stringMatching(/was killed; .* `stepspan cancel \S+` closes it/),
  });
  expect((await rig.run(['cancel', 'latest'])).code).toBe(0);
  const closed = await rig.run(['output', 'latest', 'work', '--json']);
  expect(JSON.parse(closed.stdout)).toMatchObject({ outcome: 'error', output: 'one\n99 %', outputBytes: 8 });
});

test('of a run that was killed while a script waited for Claude Code the cost is unknown', async () => {
  rig.write('bin/claude', '#!/bin/sh\necho asked\nsleep 60\n', 0o755);
  const file = rig.write('script.yaml', 'name: script\nsteps: [{id: work, run: bin/claude -p hello}]\n');
  const run = rig.start(['run', file]);
  await run.said('work | asked');
  run.child.kill('SIGKILL');
  await run.done;
  expect((await rig.run(['cancel', 'latest'])).code).toBe(0);
  const { stdout } = await rig.run(['show', 'latest', '--json']);
  const unknown = { costUsd: null, costBasis: 'unknown' };
  expect(JSON.parse(stdout)).toMatchObject({ ...unknown, steps: [{ ...unknown, output: 'asked' }] });
});

describe('--json', () => {
  test('of run, show and output has the output and the named outputs of each step', async () => {
    const { result } = await rig.runYaml(`
name: small
steps:
  - {id: a, run: 'echo hello; echo n=1 >> "$STEPSPAN_OUTPUTS"'}
  - {id: b, needs: a, when: "false", run: 'true'}
`);
    const a = { output: 'hello', outputCut: false, outputBytes: 5, outputs: { n: '1' } };
    const b = { output: '', outputCut: false, outputBytes: 0, outputs: {} };
    expect(result.steps).toMatchObject([a, b]);
    const shown = JSON.parse((await rig.run(['show', 'latest', '--json'])).stdout) as { steps: unknown };
    expect(shown.steps).toMatchObject([a, b]);
    expect(JSON.parse((await rig.run(['output', 'latest', 'a', '--json'])).stdout)).toEqual({
      runId: result.runId,
      step: 'a',
      outcome: 'success',
      ...a,
    });
    expect((await rig.run(['show', 'latest'])).stdout).toContain('a set n: 1');
  });
});
