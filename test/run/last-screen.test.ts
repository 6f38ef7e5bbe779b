// Somebody who reads only the last screen of a failed run knows why it failed and how to continue: on the real program.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { cliProgram } from '../support/cli.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'stepspan-last-screen-'));
  writeFileSync(
    path.join(folder, 'clone.yaml'),
    `name: clone
steps:
  - id: clone
    run: |
      for i in $(seq 1 100); do printf 'Receiving objects: %3d%% (%d/100), 12.3 MiB | 4.5 MiB/s\\r' $i $i; done
      printf '\\033[Kfatal: early EOF\\n'; exit 128
`,
  );
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function run(...args: readonly string[]): Promise<{ readonly code: number; readonly stdout: string }> {
  const env = { PATH: process.env.PATH, HOME: folder, STEPSPAN_DATA_DIR: path.join(folder, 'data') };
  return new Promise((resolve) => {
    execFile(process.execPath, [cliProgram, ...args], { cwd: folder, env }, (error, stdout) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout }),
    );
  });
}

test.each([[[]], [['-q']]])(
  'a failed run with %j ends with its last lines, once, and the command that continues',
  async (flags) => {
    const { code, stdout } = await run('run', 'clone.yaml', '--no-serve', '--no-ship', ...flags);
    expect(code).toBe(1);
    expect(stdout).toMatch(/last lines of clone:\n {2}fatal: early EOF\n/);
    expect(stdout.slice(stdout.indexOf('STEP'))).not.toContain('Receiving');
    expect(stdout.match(/exit code 128/g)).toHaveLength(1);
    expect(stdout).toMatch(/to continue: stepspan resume \d{8}-\d{6}-\w{6}\n/);
    const shown = await run('show', 'latest', '--json');
    expect(JSON.parse(shown.stdout).steps[0].lastLines).toEqual(['fatal: early EOF']);
  },
);

test('failures that were allowed do not hide the one that failed the run, nor a long line its end', async () => {
  const allowed = ['a', 'b', 'c', 'd'].map(
    (id) => `  - {id: ${id}, continueOnFailure: true, run: echo allowed ${id}; exit 3}`,
  );
  const long = `head -c 900000 /dev/zero | tr '\\0' x; printf ' fatal: no space'; exit 4`;
  writeFileSync(
    path.join(folder, 'many.yaml'),
    ['name: many', 'concurrency: 1', 'steps:', ...allowed, `  - id: last\n    run: |\n      ${long}`, ''].join('\n'),
  );
  const { code, stdout } = await run('run', 'many.yaml', '--no-serve', '--no-ship', '-q');
  expect(code).toBe(1);
  expect(stdout).toMatch(/last lines of last:\n {2}…?x+ … x+ fatal: no space\n/);
  expect(stdout.match(/last lines of/g)).toHaveLength(3);
});

test('the first Ctrl-C says what a second one does', async () => {
  writeFileSync(path.join(folder, 'wait.yaml'), 'name: wait\nsteps:\n  - {id: wait, run: echo ready; sleep 60}\n');
  const env = { PATH: process.env.PATH, HOME: folder, STEPSPAN_DATA_DIR: path.join(folder, 'data') };
  const child = spawn(process.execPath, [cliProgram, 'run', 'wait.yaml', '--no-serve', '--no-ship'], {
    cwd: folder,
    env,
  });
  let shown = '';
  child.stderr.on('data', (chunk) => {
    shown += String(chunk);
  });
  let printed = '';
  await new Promise<void>((resolve) => {
    child.stdout.on('data', (chunk) => {
      printed += String(chunk);
      if (printed.includes('wait | ready')) resolve();
    });
  });
  child.kill('SIGINT');
  const [code] = await once(child, 'close');
  expect(code).toBe(130);
  expect(shown).toContain('press Ctrl-C again to kill them now');
});
