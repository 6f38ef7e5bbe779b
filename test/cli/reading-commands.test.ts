// ls, show, tail and export as a person meets them: real processes over journals that the real writer wrote.
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { Command } from 'commander';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { registerTail } from '../../src/cli/tail.ts';
import type { RunId } from '../../src/event/ids.ts';
import { createRig, type Rig, startStep, type WrittenRun } from './data-folder-rig.ts';
import { VtScreen } from './vt-screen.ts';

let rig: Rig;
beforeEach(() => {
  rig = createRig();
});
afterEach(() => rig.remove());

/** A process has to start, beside those of other tests. */
const patience = { timeout: 20_000 };

const old = '20260101-120000-aaaaaa' as RunId;
const newer = '20260102-120000-bbbbbb' as RunId;

/** A run with bytes of every kind in it: colours, no UTF-8, a line without end, both streams and raw protocol. */
const stdoutBytes = Buffer.concat([
  Buffer.from('\u001b[32mgreen\u001b[0m\nplain\n'),
  Buffer.from([0xff, 0x0a]),
  Buffer.from('50 %'),
]);
async function writeMixed(id = old): Promise<WrittenRun> {
  const run = rig.start({ id });
  startStep(run, 'build');
  run.output(stdoutBytes, 'build');
  run.output('ERROR: \u001b]52;c;aGk=\u0007bad\nwarn\n', 'build', 'stderr');
  run.output('{"type":"raw"}\n', 'build', 'debug');
  await run.finish(['build'], false);
  return run;
}

describe('ls', () => {
  test('says that there are no runs, and how to start one', async () => {
    const { stdout, code } = await rig.run('ls');
    expect(stdout.toString()).toBe(`No runs in ${rig.root}. Start one with: stepspan run FILE\n`);
    expect(code).toBe(0);
  });

  test('lists runs newest first: what goes on, what ended, and what was left by a wrapper that died', async () => {
    await rig.start({ id: old }).finish(['build'], false);
    const running = rig.start({ id: newer, workflow: 'review', steps: ['a', 'b'] });
    const dead = rig.start({ id: '20260103-120000-cccccc' as RunId, pid: 2 ** 22 - 1 });
    const { stdout } = await rig.run('ls');
    const rows = stdout
      .toString()
      .trimEnd()
      .split('\n')
      .map((line) => line.split(/ {2,}/));
    expect(rows[0]).toEqual(['RUN', 'WORKFLOW', 'STATE', 'STEPS', 'STARTED', 'TIME', 'COST']);
    expect(rows.slice(1).map((row) => row.slice(0, 4))).toEqual([
      ['20260103-120000-cccccc', 'nightly', 'abandoned', '0/1'],
      [newer, 'review', 'running', '0/2'],
      [old, 'nightly', 'failure', '1/1'],
    ]);
    const json = JSON.parse((await rig.call('ls', '--json', '--outcome', 'failure', 'running')).stdout.toString());
    expect(json).toMatchObject([
      { runId: newer, state: 'running', steps: 2 },
      { runId: old, state: 'failure', durationMs: 5000, completedSteps: 1 },
    ]);
    const filtered = JSON.parse((await rig.call('ls', '--json', '--workflow', 'review')).stdout.toString());
    expect(filtered.map((row: { runId: string }) => row.runId)).toEqual([newer]);
    expect((await rig.call('ls', '-n', '1')).stdout.toString()).toContain('2 older not looked at');
    await running.journal.close();
    await dead.journal.close();
  });

  test('reads the journal of a run that has ended once only, and makes a summary that is not one anew', async () => {
    await rig.start({ id: old }).finish(['build']);
    const list = async () => (await rig.call('ls', '--json')).stdout.toString();
    const first = await list();
    const saved = path.join(rig.folderOf(old).dir, 'summary.json');
    expect(existsSync(saved)).toBe(true);
    const good = readFileSync(saved);
    for (const bad of ['', '{}', good.toString().replace('"stepspanState":', '"stepspanState":9')]) {
      rmSync(saved);
      writeFileSync(saved, bad);
      expect(await list()).toBe(first);
      expect(readFileSync(saved)).toEqual(good);
    }
    // The proof that the journal is not asked again: there is none any more.
    rmSync(rig.folderOf(old).journalDir, { recursive: true });
    expect(await list()).toBe(first);
  });

  test('refuses a flag or a setting that cannot be with the exit status for bad input', async () => {
    const { stderr, code } = await rig.call('ls', '--colour', 'blue');
    expect(stderr).toBe('stepspan: --colour: colour is "blue", not a known word; write `auto`, `always`, `never`\n');
    expect(code).toBe(2);
  });
});

describe('show', () => {
  test('tells the outcome of each step, why, and the last lines of what failed', async () => {
    await writeMixed();
    const { stdout, code } = await rig.run('show', 'latest', '-n', '3');
    const text = stdout.toString();
    expect(text).toContain(`nightly  ${old}  failure`);
    expect(text).toMatch(/✗ {2}build {2}failure .* exit code 1/);
    expect(text.slice(text.indexOf('last lines'))).toBe('last lines of build:\n  50 %\n  ERROR: bad\n  warn\n');
    expect(text).not.toContain('\u001b');
    expect(code).toBe(0);
  });

  test('finds the last lines of a step behind any amount of output of others', async () => {
    const run = rig.start({ id: old, steps: ['build', 'noisy'] });
    startStep(run, 'build');
    run.output('the reason\n', 'build');
    startStep(run, 'noisy');
    run.output('x\n'.repeat(20_000), 'noisy');
    await run.finish(['build'], false);
    const json = JSON.parse((await rig.call('show', old, '--json')).stdout.toString());
    expect(json.steps[0].lastLines).toEqual(['the reason']);
    expect(json).toMatchObject({
      outcome: 'failure',
      state: 'failure',
      lines: { stdout: 20_001 },
      dataDir: rig.folderOf(old).dir,
    });
    expect(json.steps[0].attempts[0]).toMatchObject({ number: 1, outcome: { kind: 'failure', exitCode: 1 } });
  });

  test('finds a run by a part of its id, and says when it fits none or several', async () => {
    await rig.start({ id: old }).finish([]);
    await rig.start({ id: newer }).finish([]);
    expect(JSON.parse((await rig.call('show', 'bbbbbb', '--json')).stdout.toString()).runId).toBe(newer);
    for (const text of ['2026', 'zzz', '../..']) {
      const { stderr, code } = await rig.call('show', text);
      expect(stderr).toMatch(/^stepspan: /);
      expect(code).toBe(7);
    }
  });
});

describe('tail', () => {
  test('in a pipe gives the bytes exactly as they were printed', async () => {
    await writeMixed();
    const { stdout, code } = await rig.run('tail', 'latest', '--stream', 'stdout', '--from', '0');
    expect(stdout.equals(stdoutBytes)).toBe(true);
    expect(code).toBe(0);
  });

  test('starts with the last lines that are wanted, however far back they are', async () => {
    const run = rig.start({ id: old });
    run.output(Array.from({ length: 5000 }, (_, index) => `line ${index}\n`).join(''), 'build');
    run.output('x\n'.repeat(3000), 'build', 'stderr');
    await run.finish([]);
    const lines = async (...args: string[]) =>
      (await rig.call('tail', old, ...args)).stdout.toString().trimEnd().split('\n');
    expect(await lines('--stream', 'stdout', '-n', '2')).toEqual(['line 4998', 'line 4999']);
    expect(await lines('--stream', 'stdout')).toHaveLength(10);
    expect(await lines('--grep', 'line 1[0-9]$', '-n', '3')).toEqual(['line 17', 'line 18', 'line 19']);
    expect(await lines('--from', '4999', '--stream', 'stdout')).toEqual(['line 4998', 'line 4999']);
    expect(await lines('--from', '999999')).toEqual(['']);
    expect(await lines('-n', '0', '--no-follow')).toEqual(['']);
  });

  test('shows what is printed while it watches, and ends when the run does', async () => {
    const run = rig.start({ id: old });
    startStep(run, 'build');
    run.output('before\n', 'build');
    const child = rig.spawn('tail', old);
    let seen = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      seen += chunk;
    });
    await expect.poll(() => seen, patience).toBe('before\n');
    run.output('while\n', 'build', 'stderr');
    await expect.poll(() => seen, patience).toBe('before\nwhile\n');
    run.output('last\n', 'build');
    const ended = once(child, 'close');
    await run.finish(['build']);
    expect(await ended).toEqual([0, null]);
    expect(seen).toBe('before\nwhile\nlast\n');
  });

  test('ends with a word about it when the wrapper of the run is gone', async () => {
    const run = rig.start({ id: old, pid: 2 ** 22 - 1 });
    run.output('last words\n', 'build');
    await run.journal.close();
    const { stdout, stderr, code } = await rig.run('tail', old);
    expect(stdout.toString()).toBe('last words\n');
    expect(stderr).toContain('is gone and nobody has closed the run');
    expect(code).toBe(0);
  });

  test('is quiet when its reader goes away', async () => {
    const run = rig.start({ id: old });
    run.output('x\n'.repeat(500_000), 'build');
    await run.finish([]);
    const program = path.resolve(import.meta.dirname, '../fixtures/reading-cli.ts');
    for (const command of ['tail latest --from 0', 'export latest', 'export latest --format ndjson']) {
      const script = `'${process.execPath}' '${program}' ${command} 2>err.txt | head -n 1; echo "\${PIPESTATUS[0]}"`;
      const env = { PATH: process.env.PATH ?? '', STEPSPAN_DATA_DIR: rig.root };
      const { stdout } = await promisify(execFile)('bash', ['-c', script], { cwd: rig.root, env });
      expect(stdout.trimEnd().split('\n').at(-1)).toBe('0');
      expect(readFileSync(path.join(rig.root, 'err.txt'), 'utf8')).toBe('');
    }
  });

  test('on a terminal names the step of each line, and lets text and colours through only', async () => {
    await writeMixed();
    const screen = new VtScreen(60, 20);
    const program = new Command();
    const stream = screen as unknown as NodeJS.WriteStream;
    const env = { STEPSPAN_DATA_DIR: rig.root, HOME: rig.root };
    const context = {
      env,
      cwd: rig.root,
      stdout: stream,
      stderr: stream,
      now: Date.now,
      setExitCode: () => undefined,
      onSignal: () => () => undefined,
    };
    registerTail(program, context);
    await program.parseAsync(['tail', 'latest', '--from', '0', '--events'], { from: 'user' });
    const lines = screen.text().split('\n');
    expect(lines.slice(3, 10)).toEqual([
      'build - started: make',
      'build | green',
      'build | plain',
      'build | \ufffd',
      'build | 50 %',
      'build | ERROR: bad',
      'build | warn',
    ]);
    expect(lines.at(-1)).toMatch(/^run - run failure/);
    expect(screen.raw).toContain('\u001b[32mgreen');
    expect(screen.raw).not.toContain('\u001b]');
  });
});

describe('export', () => {
  test('writes text with and without escape sequences, and the parts that are asked for', async () => {
    await writeMixed();
    const text = async (...args: string[]) => (await rig.call('export', 'latest', ...args)).stdout;
    expect((await text('--ansi', '--stream', 'stdout')).equals(stdoutBytes)).toBe(true);
    expect((await text('--stream', 'stdout')).toString('latin1')).toBe('green\nplain\n\u00ff\n50 %');
    expect((await text('--severity', 'error')).toString()).toBe('ERROR: bad\n');
    expect((await text('--search', '/PLAIN/i')).toString()).toBe('plain\n');
    expect((await text('--stream', 'debug')).toString()).toBe('{"type":"raw"}\n');
    expect((await text('--from', '4', '--to', '5')).toString()).toBe('plain\n');
  });

  test('writes ndjson with everything, debug and events included where asked', async () => {
    await writeMixed();
    const { stdout } = await rig.call('export', 'latest', '--format', 'ndjson', '--events');
    const objects = stdout
      .toString()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(objects.map((object) => object.seq)).toEqual(Array.from({ length: objects.length }, (_, index) => index));
    expect(objects.map((object) => object.stream ?? object.type)).toEqual([
      'run.started',
      'step.started',
      'attempt.started',
      ...['stdout', 'stdout', 'stdout', 'stdout', 'stderr', 'stderr', 'debug'],
      'attempt.finished',
      'step.finished',
      'run.finished',
    ]);
  });

  test('writes a file that is there whole, for its owner only, or not at all', async () => {
    await writeMixed();
    expect((await rig.run('export', 'latest', '-o', 'run.csv', '--format', 'csv')).code).toBe(0);
    expect(readFileSync(path.join(rig.root, 'run.csv'), 'utf8').split('\r\n')).toHaveLength(9);
    expect(statSync(path.join(rig.root, 'run.csv')).mode & 0o777).toBe(0o600);
    const failed = await rig.run('export', 'latest', '-o', 'no/such/folder.txt');
    expect(failed.stderr).toMatch(/^stepspan: cannot write .*folder\.txt: ENOENT/);
    expect(failed.code).toBe(7);
    expect(readdirSync(rig.root).sort()).toEqual(['run.csv', 'runs']);
  });

  test('hands a run to the OTLP mapper of the program', async () => {
    await writeMixed();
    const { stdout } = await rig.call('export', 'latest', '--format', 'otlp-json', '--stream', 'debug');
    expect(
      stdout
        .toString()
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line).kind),
    ).toEqual([...['event', 'event', 'event', 'output', 'event', 'event', 'event']]);
  });

  test('tells everything that is wrong with what was asked for', async () => {
    await writeMixed();
    const { stdout, stderr, code } = await rig.run(
      'export',
      'latest',
      '--step',
      'biuld',
      '--from',
      'soon',
      '--search',
      '/(/',
    );
    expect(stderr.trimEnd().split('\n')).toEqual([
      'stepspan: --step: this run has no step `biuld`; did you mean `build`?',
      'stepspan: --from: "soon" is neither a sequence number nor a time; write for example 1200, 2026-11-23T15:04:05Z or 15m',
      expect.stringContaining('stepspan: --search: Invalid regular expression'),
    ]);
    expect(stdout.toString()).toBe('');
    expect(code).toBe(2);
  });
});
