// What real children print arrives byte for byte, however they print it.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { READ_BUFFER_BYTES } from '../../src/run/process/line-splitter.ts';
import { until } from '../support/until.ts';
import { bytesOf, createRig, fixture, isRunning } from './rig.ts';

describe('output of a child', () => {
  it('comes by stream, also when it opens /dev/stdout and /dev/stderr by name', async () => {
    const child = await createRig().sh('echo a; echo b > /dev/stdout; echo c >&2; echo d > /dev/stderr');
    await child.outputEnded;
    expect(child.text('stdout')).toBe('a\nb\n');
    expect(child.text('stderr')).toBe('c\nd\n');
  });

  it('keeps a last line without an end, and says so', async () => {
    const child = await createRig().sh('printf "one\\ntwo"');
    await child.outputEnded;
    expect(child.text()).toBe('one\ntwo');
    expect(child.printed.map((batch) => batch.unterminated)).toEqual([false, true]);
    expect(child.output().stdout).toEqual({ state: 'ended', bytes: 7, lines: 2 });
  });

  it('keeps NUL bytes and bytes that are not UTF-8', async () => {
    const child = await createRig().sh('printf "a\\000b\\377\\376\\n\\200\\n"');
    await child.outputEnded;
    expect(bytesOf(child.printed, 'stdout').toString('hex')).toBe('610062fffe0a800a');
    expect(child.output().stdout.lines).toBe(2);
  });

  it('comes byte for byte, 50 MB of it', async () => {
    const size = 50_000_000;
    const expected = createHash('sha256');
    const child = await createRig().start('node', [fixture('process-prints-bytes.mjs'), String(size)]);
    await child.outputEnded;
    const printed = bytesOf(child.printed, 'stdout');
    expect(printed.length).toBe(size);
    // Made again here by the fixture's own rule, so that both hashes come from different processes.
    let seed = 12345;
    const block = Buffer.alloc(1 << 20);
    for (let i = 0; i < block.length; i++) {
      seed = (seed * 1103515245 + 12345) & 0x7fffffff;
      block[i] = seed >> 16;
    }
    for (let left = size; left > 0; left -= block.length) expected.update(block.subarray(0, left));
    expect(createHash('sha256').update(printed).digest('hex')).toBe(expected.digest('hex'));
    const ends = printed.reduce((count, byte) => count + (byte === 10 ? 1 : 0), 0);
    expect(child.output().stdout.lines).toBe(ends + (printed.at(-1) === 10 ? 0 : 1));
  });

  it('has a line of 10 MB in pieces as they are read, as one line', async () => {
    const child = await createRig().sh('head -c 10000000 /dev/zero | tr "\\000" x; printf "\\nnext\\n"');
    await child.outputEnded;
    expect(bytesOf(child.printed, 'stdout').toString()).toBe(`${'x'.repeat(10_000_000)}\nnext\n`);
    // No piece is larger than what waited and what one read gave.
    expect(Math.max(...child.printed.map((batch) => batch.bytes.length))).toBeLessThanOrEqual(READ_BUFFER_BYTES);
    const open = child.printed.map((batch) => batch.unterminated);
    expect(child.printed.map((batch) => batch.continues)).toEqual([false, ...open.slice(0, -1)]);
    expect(child.output().stdout.lines).toBe(2);
  });

  it('comes without a line end while the child still runs', async () => {
    const child = await createRig().sh('echo first; printf "Sure? [y/N] "; sleep 300');
    await until(() => child.text() === 'first\nSure? [y/N] ');
    expect(isRunning(child.pid)).toBe(true);
    expect(child.output().stdout).toEqual({ state: 'open', bytes: 18, lines: 2 });
  });

  it('comes in few pieces when it is written byte by byte, none of them lost at the end', async () => {
    const rig = createRig();
    const began = performance.now();
    const child = await rig.start('node', ['-e', "for (let i = 0; i < 5000; i++) require('fs').writeSync(1, '.')"]);
    await child.outputEnded;
    expect(child.text()).toBe('.'.repeat(5000));
    expect(child.output().stdout).toEqual({ state: 'ended', bytes: 5000, lines: 1 });
    // Reading rests 20 ms between two pieces, so a machine that is busy makes them fewer.
    expect(child.printed.length).toBeLessThan(3 + (performance.now() - began) / 19);
  });

  it('waits while reading is paused, and loses nothing', async () => {
    const child = await createRig().sh('seq 1 200000');
    child.pauseReading();
    const before = child.output().stdout.bytes;
    // The child cannot end, as it has more to print than a pipe holds.
    await until(() => isBlockedOnItsPipe(child.pid));
    for (let turn = 0; turn < 20; turn++) await nextTurn();
    expect(child.output().stdout.bytes).toBe(before);
    child.resumeReading();
    await child.outputEnded;
    expect(child.text()).toBe(Array.from({ length: 200_000 }, (_, index) => `${index + 1}\n`).join(''));
  });

  it('can be paused from within the callback', async () => {
    const rig = createRig();
    let stopped = 0;
    const child = await rig.start('seq', ['1', '100000'], {
      onOutput() {
        stopped++;
        child.pauseReading();
        setImmediate(child.resumeReading);
      },
    });
    await child.outputEnded;
    expect(stopped).toBeGreaterThan(3);
    expect(child.output().stdout).toMatchObject({ state: 'ended', lines: 100_000 });
  });

  it('stays open when a child in the background holds it, and loses nothing that was written before the end', async () => {
    const rig = createRig();
    const child = await rig.start(fixture('process-holds-output.sh'), [rig.path('go')]);
    expect(await child.ended).toEqual({ exitCode: 4, signal: undefined });
    expect(await child.outputEndedWithin(50)).toBe(false);
    writeFileSync(rig.path('go'), '');
    await until(() => child.text().includes('late'));
    await child.endLeftoverProcesses();
    await child.drain();
    expect(child.text()).toBe('early\nlate\n');
    expect(await child.outputEndedWithin(0)).toBe(true);
  });

  it('is cut when nobody ends who holds it, after all that was written', async () => {
    const rig = createRig();
    const child = await rig.sh('printf "no end of line"; sleep 300 & seq 1 5000; printf tail');
    child.pauseReading();
    await child.ended;
    await child.drain();
    expect(child.output().stdout.state).toBe('cut');
    expect(child.text()).toMatch(/^no end of line1\n2\n[\d\n]*\n5000\ntail$/);
    expect(child.printed.at(-1)?.unterminated).toBe(true);
    await child.outputEnded;
  });

  it('can end long before the child does', async () => {
    const rig = createRig();
    const child = await rig.start(fixture('process-closes-output.sh'), [rig.path('go')]);
    await child.outputEnded;
    expect(child.text()).toBe('last words\n');
    expect(isRunning(child.pid)).toBe(true);
    writeFileSync(rig.path('go'), '');
    expect(await child.ended).toEqual({ exitCode: 0, signal: undefined });
  });

  it("is read through Node's own pipes where fifos cannot be made, and says what that means", async () => {
    const rig = createRig();
    vi.stubEnv('TMPDIR', rig.path('no-such-folder'));
    onTestFinished(() => void vi.unstubAllEnvs());
    const child = await rig.sh('seq 1 50000; echo err >&2; printf end');
    await child.outputEnded;
    expect(child.notices).toEqual([expect.stringContaining('/dev/stdout')]);
    expect(child.output().stdout).toMatchObject({ state: 'ended', lines: 50_001 });
    expect(child.text('stderr')).toBe('err\n');
    expect(child.text().endsWith('50000\nend')).toBe(true);
  });
});

function isBlockedOnItsPipe(pid: number): boolean {
  const children = readdirSync(`/proc/${pid}/task`).map((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').trim(),
  );
  const writer = [pid, ...children.filter(Boolean).map(Number)].map((each) =>
    readFileSync(`/proc/${each}/wchan`, 'utf8'),
  );
  return writer.some((where) => where.includes('pipe'));
}
