// Searching many runs: which runs and lines are found, in which order, how much is shown, and what the exit status says.
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createRig, newer, old, type Rig, writeMixed } from './data-folder-rig.ts';

let rig: Rig;
beforeEach(() => {
  rig = createRig();
});
afterEach(() => rig.remove());

const found = async (...args: string[]): Promise<{ lines: string[]; code: number | null; stderr: string }> => {
  const { stdout, code, stderr } = await rig.call('search', ...args);
  const text = stdout.toString().trimEnd();
  return { lines: text === '' ? [] : text.split('\n'), code, stderr };
};

async function twoRuns(): Promise<void> {
  const first = rig.start({ id: old, workflow: 'nightly', steps: ['build', 'test'] });
  first.output('one needle\nno such thing\n', 'build');
  first.output('ERROR: a \u001b[31mnee\u001b[0mdle\n', 'test', 'stderr');
  first.output('{"raw":"needle"}\n', 'test', 'debug');
  await first.finish(['build', 'test'], false);
  const second = rig.start({ id: newer, workflow: 'deploy' });
  second.output('Needle\nneedle 2\nneedle 3\n', 'build');
  await second.finish(['build']);
}

describe('search', () => {
  test('shows lines of the newest run first, with where they are', async () => {
    await twoRuns();
    const { lines, code } = await found('needle');
    expect(code).toBe(0);
    expect(lines).toEqual([
      `${newer}:build:2:needle 2`,
      `${newer}:build:3:needle 3`,
      `${old}:build:1:one needle`,
      `${old}:test:3:ERROR: a needle`,
    ]);
    expect((await found('/^needle/i')).lines).toHaveLength(3);
  });

  test.each([
    [
      ['--workflow', 'nightly'],
      [`${old}:build:1`, `${old}:test:3`],
    ],
    [
      ['--outcome', 'success'],
      [`${newer}:build:2`, `${newer}:build:3`],
    ],
    [['--step', 'test'], [`${old}:test:3`]],
    [['--severity', 'error'], [`${old}:test:3`]],
    [['--stream', 'debug'], [`${old}:test:4`]],
    [
      ['--limit', '3'],
      [`${newer}:build:2`, `${newer}:build:3`, `${old}:build:1`],
    ],
    [['--runs'], [newer, old]],
    [
      ['--since', '1m', '--workflow', 'deploy'],
      [`${newer}:build:2`, `${newer}:build:3`],
    ],
    [['--to', '2020-01-01'], []],
  ])('is narrowed by %j', async (flags, places) => {
    await twoRuns();
    const { lines, code } = await found('needle', ...flags);
    expect(lines.map((line) => line.split(':').slice(0, 3).join(':'))).toEqual(places);
    expect(code).toBe(places.length > 0 ? 0 : 1);
  });

  test('says that there are more lines than it shows, and only then', async () => {
    await twoRuns();
    expect((await found('needle', '-n', '3')).stderr).toContain('only the first 3 are shown; --limit 0 shows all');
    expect((await found('needle', '-n', '4')).stderr).toBe('');
  });

  test('prints the objects of an export', async () => {
    await writeMixed(rig);
    const { lines } = await found('bad', '--json');
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { run: old, step: 'build', stream: 'stderr', severity: 'error', text: 'ERROR: bad' },
    ]);
  });

  test('ends with 1 where nothing fits, in an empty folder too, and with 2 for what cannot be searched for', async () => {
    expect(await found('needle')).toEqual({ lines: [], code: 1, stderr: '' });
    await twoRuns();
    expect((await found('haystack')).code).toBe(1);
    const bad = await found('/(/');
    expect(bad.code).toBe(2);
    expect(bad.stderr).toMatch(/TEXT: .*regular expression/i);
    expect((await found('needle', '--since', '12')).stderr).toContain('--since: each run has its own numbers');
  });

  test('continues after a damaged journal, and its exit status says that not all was searched', async () => {
    await twoRuns();
    const run = rig.start();
    run.output('to be damaged\n', 'build');
    // Reading continues at the next place that is in the index.
    for (let times = 0; times < 20; times++) run.output('x\n'.repeat(50_000), 'build');
    run.output('needle behind it\n', 'build');
    await run.finish(['build']);
    const dir = rig.folderOf(run.runId).journalDir;
    const file = path.join(dir, readdirSync(dir).find((name) => name.endsWith('.seg')) ?? '');
    const bytes = readFileSync(file);
    bytes.fill(0xee, bytes.indexOf('to be'), bytes.indexOf('damaged'));
    writeFileSync(file, bytes);
    const { lines, code, stderr } = await found('needle');
    expect(lines).toHaveLength(5);
    expect(lines[0]).toContain(':needle behind it');
    expect(code).toBe(3);
    expect(stderr).toContain('is damaged at byte');

    // A run whose files cannot be read at all.
    const unread = rig.start();
    await unread.finish(['build']);
    const { journalDir } = rig.folderOf(unread.runId);
    rmSync(journalDir, { recursive: true });
    writeFileSync(journalDir, '');
    const again = await found('needle');
    expect([again.lines.length, again.code]).toEqual([5, 3]);
    expect(again.stderr).toContain(`ENOTDIR: not a directory, scandir '${journalDir}'`);
  });
});
