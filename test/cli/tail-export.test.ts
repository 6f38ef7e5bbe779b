// tail and export as a person meets them: real processes over journals that the real writer wrote.
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { Command } from 'commander';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { registerTail } from '../../src/cli/tail.ts';
import { createRig, old, type Rig, startStep, stdoutBytes, writeMixed } from './data-folder-rig.ts';
import { VtScreen } from './vt-screen.ts';

let rig: Rig;
beforeEach(() => {
  rig = createRig();
});
afterEach(() => rig.remove());

describe('tail', () => {
  test('in a pipe prints the bytes exactly as the steps did', async () => {
    await writeMixed(rig);
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
    await expect.poll(() => seen).toBe('before\n');
    run.output('while\n', 'build', 'stderr');
    await expect.poll(() => seen).toBe('before\nwhile\n');
    run.output('last\n', 'build');
    const ended = once(child, 'close');
    await run.finish(['build']);
    expect(await ended).toEqual([0, null]);
    expect(seen).toBe('before\nwhile\nlast\n');
  });

  test('ends with a message when the process of the run is gone', async () => {
    const run = rig.start({ id: old, pid: 2 ** 22 - 1 });
    run.output('last words\n', 'build');
    await run.journal.close();
    const { stdout, stderr, code } = await rig.run('tail', old);
    expect(stdout.toString()).toBe('last words\n');
    expect(stderr).toContain('is gone and the run is not closed');
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
    await writeMixed(rig);
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
      onEnd: () => undefined,
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
      'build | ERROR: bad',
      'build | warn',
      // Drawn last while it was open, and left when its attempt had ended.
      'build | 50 %',
    ]);
    expect(lines.at(-1)).toMatch(/^run - run failure/);
    expect(screen.raw).toContain('\u001b[32mgreen');
    expect(screen.raw).not.toContain('\u001b]');
  });
});

describe('export', () => {
  test('writes text with and without escape sequences, and the parts that are asked for', async () => {
    await writeMixed(rig);
    const text = async (...args: string[]) => (await rig.call('export', 'latest', ...args)).stdout;
    expect((await text('--ansi', '--stream', 'stdout')).equals(stdoutBytes)).toBe(true);
    expect((await text('--stream', 'stdout')).toString('latin1')).toBe('green\nplain\n\u00ff\n50 %');
    expect((await text('--severity', 'error')).toString()).toBe('ERROR: bad\n');
    expect((await text('--search', '/PLAIN/i')).toString()).toBe('plain\n');
    expect((await text('--stream', 'debug')).toString()).toBe('{"type":"raw"}\n');
    expect((await text('--from', '4', '--to', '5')).toString()).toBe('plain\n');
  });

  test('returns the same bytes with --raw, and lines as they were seen without it', async () => {
    await writeMixed(rig);
    const text = async (...args: string[]) => (await rig.call('export', 'latest', ...args)).stdout;
    const stderrBytes = Buffer.from('ERROR: \u001b]52;c;aGk=\u0007bad\nwarn\n');
    expect((await text('--raw')).equals(Buffer.concat([stdoutBytes, stderrBytes]))).toBe(true);
    expect((await text('--raw', '--stream', 'stderr')).equals(stderrBytes)).toBe(true);
    expect((await text('--stream', 'stderr')).toString()).toBe('ERROR: bad\nwarn\n');
    for (const wrong of [
      ['--raw', '--prefix'],
      ['--raw', '--events'],
      ['--raw', '--format', 'csv'],
      ['--timestamps', '--format', 'ndjson'],
    ]) {
      const { code, stderr } = await rig.call('export', 'latest', ...wrong);
      expect([code, stderr.toString()]).toEqual([2, expect.stringContaining(`${wrong[0]}`)]);
    }
  });

  test('puts the name of its step and its time before each line on request, as tail does', async () => {
    await writeMixed(rig);
    for (const command of [
      ['export', 'latest'],
      ['tail', 'latest', '--from', '0', '--no-follow'],
    ]) {
      const flags = ['--severity', 'error', '--stream', 'stderr', '--prefix', '--timestamps'];
      const { stdout } = await rig.call(...command, ...flags);
      expect(stdout.toString()).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z build \| ERROR: bad\n$/);
    }
  });

  test('writes ndjson with everything, debug and events included where asked', async () => {
    await writeMixed(rig);
    const { stdout } = await rig.call('export', 'latest', '--format', 'ndjson', '--events');
    const objects = stdout
      .toString()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
      // A line that was left open comes when its attempt ends.
      .sort((a, b) => a.seq - b.seq);
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

  test('writes a file completely, for its owner only, or not at all', async () => {
    await writeMixed(rig);
    expect((await rig.run('export', 'latest', '-o', 'run.csv', '--format', 'csv')).code).toBe(0);
    expect(readFileSync(path.join(rig.root, 'run.csv'), 'utf8').split('\r\n')).toHaveLength(9);
    expect(statSync(path.join(rig.root, 'run.csv')).mode & 0o777).toBe(0o600);
    const failed = await rig.run('export', 'latest', '-o', 'no/such/folder.txt');
    expect(failed.stderr).toMatch(/^stepspan: cannot write .*folder\.txt: there is no folder .*; make it first/);
    expect(failed.code).toBe(7);
    expect(readdirSync(rig.root).sort()).toEqual(['run.csv', 'runs']);
  });

  test('hands a run to the OTLP mapper of the program', async () => {
    await writeMixed(rig);
    const { stdout } = await rig.call('export', 'latest', '--format', 'otlp-json', '--stream', 'debug');
    expect(
      stdout
        .toString()
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line).kind),
    ).toEqual([...['event', 'event', 'event', 'output', 'event', 'event', 'event']]);
  });

  test('reports everything that is wrong with the flags', async () => {
    await writeMixed(rig);
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
