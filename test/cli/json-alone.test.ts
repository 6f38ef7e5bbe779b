// `--json` has standard output to itself, refusals included; and standard output that cannot be written is reported.
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cliProgram } from '../support/cli.ts';
import { type CliRig, startCliRig } from '../support/cli-rig.ts';

let rig: CliRig;
let runId = '';
beforeAll(async () => {
  rig = await startCliRig();
  rig.write('good.yaml', 'name: good\nsteps:\n  - {id: a, run: echo printed}\n');
  rig.write('bad.yaml', 'name: bad\nsteps:\n  - {id: a, run: echo, tmeout: 5s}\n');
  await rig.run(['run', 'good.yaml']);
  runId = rig.runIds()[0] ?? '';
});
afterAll(() => rig.close());

describe('--json', () => {
  test.each([
    [['run', 'good.yaml', '--json']],
    [['run', 'good.yaml', '--json', '-q']],
    [['run', 'good.yaml', '--json', '--output']],
    [['exec', '--json', '--', 'echo', 'hi']],
    [['show', 'latest', '--json']],
    [['ls', '--json']],
    [['output', 'RUN', 'a', '--json']],
    [['validate', 'good.yaml', '--json']],
    [['validate', 'good.yaml', 'bad.yaml', '--json']],
  ])('%j prints one JSON value and nothing else', async (args) => {
    const { stdout } = await rig.run(args.map((word) => (word === 'RUN' ? runId : word)));
    expect(stdout.trimEnd().split('\n').length).toBe(1);
    expect(typeof JSON.parse(stdout)).toBe('object');
  });

  test('shows the run on standard error instead', async () => {
    const { stderr } = await rig.run(['run', 'good.yaml', '--json']);
    expect(stderr).toContain('a | printed');
    expect((await rig.run(['run', 'good.yaml', '--json', '-q'])).stderr).not.toContain('a | printed');
  });

  test.each([
    [['run', 'bad.yaml', '--json'], 2, 'no key `tmeout`'],
    [['run', 'missing.yaml', '--json', '-q'], 2, 'missing.yaml'],
    [['run', 'good.yaml', '--json', '--nope'], 2, '--nope'],
    [['run', 'good.yaml', '--json', '-p', 'x'], 2, '--param x'],
    [['show', 'zzz', '--json'], 7, 'zzz'],
    [['output', 'latest', 'zzz', '--json'], 7, 'zzz'],
    [['resume', 'latest', '--json'], 2, 'succeeded'],
  ])('%j that is refused prints an object that says why', async (args, code, text) => {
    const finished = await rig.run(args);
    expect(finished.code).toBe(code);
    const { error } = JSON.parse(finished.stdout) as { error: { exitCode: number; message: string } };
    expect(error.exitCode).toBe(code);
    expect(error.message).toContain(text);
    expect(finished.stderr).toContain(text);
  });

  test('has amounts of money with the digits that were paid', async () => {
    const used = { inputTokens: 10, outputTokens: 5, cacheReadInputTokens: 0, cacheCreationInputTokens: 0 };
    const said = JSON.stringify({
      type: 'result',
      subtype: 'success',
      is_error: false,
      result: 'fine',
      session_id: 's',
      num_turns: 1,
      total_cost_usd: 0.0186,
      modelUsage: { m: { ...used, costUSD: 0.0186 } },
    });
    const claude = `#!/bin/sh\n[ "$1" = --version ] && echo '2.1.328 (Claude Code)' || echo '${said}'\n`;
    rig.write(
      'paid.yaml',
      'name: paid\nsteps:\n  - {id: a, claude: x}\n  - {id: b, claude: x}\n  - {id: c, claude: x}\n',
    );
    const { stdout } = await rig.run(['run', 'paid.yaml', '--json'], {
      STEPSPAN_CLAUDE: rig.write('claude', claude, 0o755),
    });
    expect(JSON.parse(stdout)).toMatchObject({ outcome: 'success', costUsd: 0.0558 });
  });

  test('of validate has what is wrong with each file', async () => {
    const { code, stdout } = await rig.run(['validate', 'good.yaml', 'bad.yaml', '--json']);
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject([
      { file: 'good.yaml', ok: true, workflow: 'good', problems: [], warnings: [] },
      {
        file: 'bad.yaml',
        ok: false,
        workflow: null,
        problems: [{ file: 'bad.yaml', line: 3, message: expect.stringContaining('tmeout'), fix: expect.any(String) }],
      },
    ]);
  });
});

describe('standard output that cannot be written', () => {
  async function toFull(args: readonly string[]) {
    const full = openSync('/dev/full', 'w');
    const child = spawn(process.execPath, [cliProgram, ...args], {
      cwd: rig.work,
      env: rig.env,
      stdio: ['ignore', full, 'pipe'],
    });
    closeSync(full);
    let stderr = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    const code = await new Promise((resolve) => child.once('close', resolve));
    return { code, stderr };
  }

  test.each([
    [['export', 'latest']],
    [['export', 'latest', '--format', 'ndjson']],
    [['run', 'good.yaml', '--json']],
    [['run', 'good.yaml']],
    [['ls']],
    [['ls', '--json']],
    [['show', 'latest']],
    [['output', 'latest', 'a']],
    [['tail', 'latest', '--no-follow']],
    [['search', 'printed']],
    [['validate', 'good.yaml']],
    [['--help']],
    [['--version']],
  ])('%j ends with one sentence and exit code 3', async (args) => {
    const { code, stderr } = await toFull(args);
    const lines = stderr
      .trimEnd()
      .split('\n')
      .filter((line) => line.startsWith('stepspan: '));
    expect({ code, lines }).toEqual({
      code: 3,
      lines: ['stepspan: standard output cannot be written: no space left on device (ENOSPC)'],
    });
    expect(stderr).not.toContain('defect');
  });

  test('whose reader is gone is not an error', async () => {
    const { done, child } = rig.start(['export', 'latest']);
    child.stdout?.destroy();
    expect(await done).toMatchObject({ code: 0, stderr: '' });
  });
});
