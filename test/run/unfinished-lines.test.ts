// What a step has printed is there for everybody before its line ends: in the journal, in a log, for a watcher, in a search. As a line it
// is there once.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { linesBegun, type OutputRecord } from '../../src/core/record.ts';
import { READ_BUFFER_BYTES } from '../../src/run/process/line-splitter.ts';
import { MAX_PIPE_BYTES } from '../../src/run/process/pipe-size.ts';
import type { RunningCli } from '../support/cli.ts';
import { type CliRig, startCliRig } from '../support/cli-rig.ts';
import { until } from '../support/until.ts';

let rig: CliRig;
beforeEach(async () => {
  rig = await startCliRig();
});
afterEach(() => rig.close());

/** Starts a run of one step, which waits until `go()` at each `wait`. */
function startRun(
  script: string,
  more = '',
  flags: readonly string[] = [],
): { readonly cli: RunningCli; readonly go: () => void } {
  let turns = 0;
  const wait = (turn: number) => `while [ ! -e go-${turn} ]; do sleep 0.02; done`;
  let waits = 0;
  const body = script.replaceAll('wait', () => wait(++waits));
  rig.write('w.yaml', `name: w\nsteps:\n  - id: ask\n${more}    run: |\n${body.replace(/^/gm, '      ')}\n`);
  return { cli: rig.start(['run', 'w.yaml', ...flags]), go: () => void rig.write(`go-${++turns}`, '') };
}

const runId = (): Promise<string> => until(() => rig.runIds()[0]);
const outputOf = async (): Promise<string> => (await rig.journal(await runId())).text('stdout', 'ask');
/** While the run has just begun there is no journal to read. */
const printed = (text: string): Promise<unknown> =>
  until(() =>
    outputOf().then(
      (now) => now === text,
      () => false,
    ),
  );

describe('a line that has no end yet', () => {
  test('is in the journal, in the log of the run, and for who watches; afterwards it is one line', async () => {
    const { cli, go } = startRun("echo first\nprintf 'Sure? '\nwait\nprintf '[y/N] '\nwait\necho yes");
    await printed('first\nSure? ');
    await cli.said(/ask \| Sure\? $/);
    const watcher = rig.start(['tail', 'latest', '--stream', 'stdout']);
    await watcher.said(/^first\nSure\? $/);
    go();
    await cli.said(/ask \| Sure\? \[y\/N\] $/);
    await watcher.said(/^first\nSure\? \[y\/N\] $/);
    const open = await rig.run(['export', 'latest', '--stream', 'stdout', '--format', 'ndjson']);
    expect(
      open.stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toMatchObject([{ text: 'first' }, { text: 'Sure? [y/N] ', unterminated: true }]);
    go();
    expect(await cli.done).toMatchObject({ code: 0, stdout: expect.stringMatching(/ ask \| Sure\? \[y\/N\] yes\n/) });
    expect(await watcher.done).toMatchObject({ code: 0, stdout: 'first\nSure? [y/N] yes\n' });
    const whole = await rig.run(['export', 'latest', '--stream', 'stdout', '--format', 'ndjson']);
    const lines = whole.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.map(({ text, continues, unterminated }) => [text, continues, unterminated])).toEqual([
      ['first', undefined, undefined],
      ['Sure? [y/N] yes', undefined, undefined],
    ]);
    // Split over three pieces, and found.
    const found = await rig.run(['search', 'Sure? [y/N] yes', '--json']);
    expect(JSON.parse(found.stdout)).toMatchObject({ text: 'Sure? [y/N] yes' });
    const filtered = ['tail', 'latest', '--no-follow', '--from', '0', '--grep', 'N. yes$'];
    expect(await rig.run(filtered)).toMatchObject({ code: 0, stdout: 'Sure? [y/N] yes\n' });
    expect((await rig.run(['tail', 'latest', '--no-follow', '-n', '1', '--stream', 'stdout'])).stdout).toBe(
      'Sure? [y/N] yes\n',
    );
    const journal = await rig.journal(await runId());
    const stepEntry = journal.records.filter(
      (record): record is OutputRecord => record.kind === 'output' && record.stream === 'stdout',
    );
    expect(stepEntry.reduce((sum, record) => sum + linesBegun(record), 0)).toBe(2);
    expect(journal.events('attempt.finished')).toMatchObject([{ lines: { stdout: 2 } }]);
  });

  test('hides a secret that comes in pieces', async () => {
    const secret = 'abcdefgh12345678ijklmnop';
    const { cli, go } = startRun(
      `printf 'token abcdefgh'\nwait\nprintf '12345678'\nwait\nprintf 'ijklmnop? '\nwait`,
      `    env: {MY_TOKEN: ${secret}}\n`,
    );
    await printed('token ');
    go();
    go();
    await printed('token [hidden:MY_TOKEN]? ');
    go();
    expect((await cli.done).code).toBe(0);
  });

  test('is a sign of life: a bar that redraws itself is not a stall', async () => {
    // Longer than the limit in all, and each time far below it.
    const { cli } = startRun(
      "for i in $(seq 1 40); do printf '\\rDownloading %3d%%' $i; sleep 0.1; done",
      '    stalls: {noOutput: {after: 2s, action: kill}}\n',
    );
    expect((await cli.done).code).toBe(0);
    expect((await rig.journal(await runId())).events('stall.detected')).toEqual([]);
  });

  test.each([
    ['by default', []],
    ['with --durability always', ['--durability', 'always']],
  ])('outlives a killed stepspan %s, however long it is', async (_, flags) => {
    rig.write(
      'print.mjs',
      "import { writeFileSync, writeSync } from 'node:fs';\nconst all = Buffer.alloc(3_000_000, 'abcdefghij');\n" +
        "for (let at = 0; at < all.length; ) at += writeSync(1, all, at);\nwriteFileSync('written', '');\nsetTimeout(() => {}, 60_000);\n",
    );
    const { cli } = startRun('node print.mjs', '', flags);
    const id = await runId();
    await until(() => {
      try {
        return readFileSync(path.join(rig.work, 'written')) && true;
      } catch {
        return false;
      }
    });
    cli.child.kill('SIGKILL');
    await cli.done;
    const kept = (await rig.journal(id)).bytes('stdout', 'ask');
    expect(kept.length).toBeGreaterThanOrEqual(3_000_000 - MAX_PIPE_BYTES - READ_BUFFER_BYTES);
    expect(kept.equals(Buffer.alloc(kept.length, 'abcdefghij'))).toBe(true);
  });
});
