// Starting real children, and saying why one cannot be started.
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { type StartOptions, startProcess } from '../../src/run/process/index.ts';
import type { ProcessInfo } from '../../src/run/process/process-info.ts';
import { bytesOf, createRig, fixture } from './rig.ts';

async function failureOf(options: Partial<StartOptions>) {
  const rig = createRig();
  const result = await startProcess({
    file: 'true',
    args: [],
    cwd: rig.folder,
    env: rig.env,
    onOutput: () => {},
    ...options,
  });
  if (result.kind !== 'failed') throw new Error('it was started');
  return { rig, ...result };
}

describe('starting a child', () => {
  it('reports the exit code', async () => {
    const child = await createRig().sh('exit 3');
    expect(await child.ended).toEqual({ exitCode: 3, signal: undefined });
  });

  it('reports the signal that ended it', async () => {
    const child = await createRig().sh('kill -9 $$');
    expect(await child.ended).toEqual({ exitCode: undefined, signal: 'SIGKILL' });
  });

  it('passes it the named environment and nothing else', async () => {
    const rig = createRig();
    const child = await rig.start('env', [], { env: { PATH: '/usr/bin:/bin', ONLY: 'this one' } });
    await child.outputEnded;
    expect(child.text()).toBe('PATH=/usr/bin:/bin\nONLY=this one\n');
  });

  it('passes arguments as they are, without a shell', async () => {
    const child = await createRig().start('printf', ['%s|', '$HOME; echo x', "it's", '*', '']);
    await child.outputEnded;
    expect(child.text()).toBe("$HOME; echo x|it's|*||");
  });

  it('leads a session and a process group of its own', async () => {
    const child = await createRig().sh('cut -d" " -f5,6 /proc/$$/stat');
    await child.outputEnded;
    expect(child.text()).toBe(`${child.pid} ${child.pid}\n`);
  });

  it('reads /dev/null if no stdin is given', async () => {
    const child = await createRig().sh('readlink /proc/self/fd/0; cat; echo done');
    await child.outputEnded;
    expect(child.text()).toBe('/dev/null\ndone\n');
  });

  it('reads exactly the given stdin, also by the name /dev/stdin', async () => {
    const rig = createRig();
    const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 7) % 256));
    const child = await rig.start('cat', ['/dev/stdin'], { stdin: bytes });
    await child.outputEnded;
    expect(bytesOf(child.printed, 'stdout').equals(bytes)).toBe(true);
  });

  it('runs a command that is gone before anybody looks', async () => {
    const child = await createRig().start('true');
    expect(await child.ended).toEqual({ exitCode: 0, signal: undefined });
    await child.outputEnded;
    expect(child.output()).toMatchObject({
      stdout: { state: 'ended', bytes: 0 },
      stderr: { state: 'ended', bytes: 0 },
    });
  });

  it('sees the child with its final CPU time as it ends', async () => {
    const rig = createRig();
    const seen: (ProcessInfo | undefined)[] = [];
    for (let round = 0; round < 10; round++) {
      const child = await rig.start(fixture('process-burns.sh'), ['2']);
      await child.ended;
      await child.outputEnded;
      const last = child.lastSeen();
      if (last !== undefined) expect(last.pid).toBe(child.pid);
      seen.push(last);
    }
    const found = seen.filter((last) => last !== undefined);
    // On a very busy machine the kernel can hand over the end of a child before that of its output.
    expect(found.length).toBeGreaterThan(seen.length / 2);
    for (const { ownSeconds, reapedSeconds } of found) {
      expect(ownSeconds).toBeGreaterThan(0);
      expect(reapedSeconds).toBeGreaterThan(0);
    }
  });
});

describe('a child that cannot be started', () => {
  it('names a command that is not there, and where it was looked for', async () => {
    const { reason, message } = await failureOf({ file: 'no-such-command', env: { PATH: '/bin:/usr/bin' } });
    expect(reason).toBe('not_found');
    expect(message).toContain('`no-such-command`');
    expect(message).toContain('/bin:/usr/bin');
  });

  it('names a path that is not there', async () => {
    expect(await failureOf({ file: './missing.sh' })).toMatchObject({
      reason: 'not_found',
      message: expect.stringContaining('./missing.sh'),
    });
  });

  it('names a working folder that is not there, and one that is a file', async () => {
    expect(await failureOf({ cwd: '/no/such/folder' })).toMatchObject({
      reason: 'cwd',
      message: expect.stringContaining('/no/such/folder does not exist'),
    });
    expect(await failureOf({ cwd: '/etc/passwd' })).toMatchObject({
      reason: 'cwd',
      message: expect.stringContaining('is a file'),
    });
  });

  it('says how to make a file executable, and that a folder is none', async () => {
    const rig = createRig();
    writeFileSync(rig.path('script'), 'echo hi\n');
    mkdirSync(rig.path('folder'));
    expect(await failureOf({ file: rig.path('script') })).toMatchObject({
      reason: 'not_executable',
      message: expect.stringContaining('chmod +x'),
    });
    expect(await failureOf({ file: rig.path('folder') })).toMatchObject({
      reason: 'not_executable',
      message: expect.stringContaining('it is a folder'),
    });
  });

  it('names the interpreter of a script if it is missing', async () => {
    const rig = createRig();
    writeFileSync(rig.path('script'), '#!/no/such/interpreter -x\n');
    chmodSync(rig.path('script'), 0o755);
    expect(await failureOf({ file: rig.path('script') })).toMatchObject({
      reason: 'interpreter',
      message: expect.stringContaining('/no/such/interpreter'),
    });
  });

  it('names the Windows line ends of a script', async () => {
    const rig = createRig();
    writeFileSync(rig.path('script'), '#!/bin/bash\r\necho hi\r\n');
    chmodSync(rig.path('script'), 0o755);
    expect(await failureOf({ file: rig.path('script') })).toMatchObject({
      reason: 'interpreter',
      message: expect.stringMatching(/has Windows line ends \(CRLF\).*sed -i 's\/\\r\$\/\/'/),
    });
  });

  it('says what to do about arguments that are too long', async () => {
    expect(await failureOf({ args: ['x'.repeat(3_000_000)] })).toMatchObject({
      reason: 'too_big',
      message: expect.stringContaining('argument 1 of 1 has 3000000 bytes, more than the 131071'),
    });
    expect(await failureOf({ args: ['--tools', 'x'.repeat(131_072)] })).toMatchObject({
      message: expect.stringContaining('the value of --tools has 131072 bytes, more than the 131071'),
    });
    expect(await failureOf({ env: { BIG: 'x'.repeat(131_070) } })).toMatchObject({
      message: expect.stringContaining('the variable BIG has 131070 bytes'),
    });
    expect(await failureOf({ args: Array.from({ length: 30 }, () => 'x'.repeat(100_000)) })).toMatchObject({
      message: expect.stringContaining('by a file or stdin'),
    });
  });

  it('refuses a NUL in an argument and in the environment', async () => {
    expect(await failureOf({ args: ['a\0b'] })).toMatchObject({ reason: 'invalid' });
    expect(await failureOf({ env: { A: 'a\0b' } })).toMatchObject({ reason: 'invalid' });
  });

  it('says so when its stdin could not be kept anywhere', async () => {
    const rig = createRig();
    vi.stubEnv('TMPDIR', rig.path('no-such-folder'));
    onTestFinished(() => void vi.unstubAllEnvs());
    const options = { file: 'cat', args: [], cwd: rig.folder, env: rig.env, onOutput: () => {}, stdin: 'x' };
    const result = await startProcess(options);
    expect(result).toMatchObject({ kind: 'failed', reason: 'stdin', message: expect.stringContaining('TMPDIR') });
  });

  it('leaves no file descriptor open', async () => {
    await failureOf({ file: 'no-such-command' });
    const before = readdirSync('/proc/self/fd').length;
    for (let round = 0; round < 5; round++) await failureOf({ file: 'no-such-command' });
    expect(readdirSync('/proc/self/fd').length).toBe(before);
  });
});
