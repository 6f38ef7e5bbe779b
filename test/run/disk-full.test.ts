// A disk that fills up during a run. Needs to mount a small file system of its own, which only root may.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createLineJoiner } from '../../src/core/join-lines.ts';
import { type JournalRecord, linesOf } from '../../src/core/record.ts';
import type { Stream } from '../../src/text/stream.ts';
import { resultOf } from '../support/cli.ts';
import { type CliRig, outcomesOf, startCliRig } from '../support/cli-rig.ts';

let rig: CliRig;
let mounted: string | undefined;

const tryMount = (folder: string, size: string): string | undefined => {
  mkdirSync(folder, { recursive: true });
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder], { stdio: 'ignore' });
    return folder;
  } catch {
    return undefined;
  }
};

beforeAll(async () => {
  rig = await startCliRig();
  rig.write('flood.sh', `seq ${lines} | sed 's/.*/& ${'x'.repeat(90)} &/'\n`);
  mounted = tryMount(path.join(rig.folder, 'small'), '24m');
});
afterAll(async () => {
  if (mounted !== undefined) execFileSync('umount', ['-l', mounted]);
  await rig.close();
});

/** Of what an earlier test, or an earlier try of this one, left there. */
function empty(folder: string): void {
  for (const name of readdirSync(folder)) rmSync(path.join(folder, name), { recursive: true });
}

/** Leaves about 2 MB, in a file that a step can remove. */
function fill(folder: string): string {
  const ballast = path.join(folder, 'ballast');
  writeFileSync(ballast, Buffer.alloc(22_000_000));
  return ballast;
}

/** Prints much more than the journal can keep, on the disk and in memory. */
const lines = 400_000;
const flood = 'sh ./flood.sh; echo all printed > printed';

describe('a disk that is full', () => {
  test('for a while stops no child; what was lost is counted and said, and what comes after is kept', async (context) => {
    if (mounted === undefined) return context.skip('mount -t tmpfs is not allowed here');
    empty(mounted);
    const dataDir = path.join(mounted, 'for-a-while');
    const file = rig.write(
      'for-a-while.yaml',
      `
name: for-a-while
steps:
  - {id: a, run: "echo begin; ${flood}"}
  - {id: b, needs: a, run: 'rm ${fill(mounted)}; sleep 1.5; echo room again'}
`,
    );
    const finished = await rig.run(['run', file, '--json', '-q'], { STEPSPAN_DATA_DIR: dataDir });
    const result = resultOf(finished);
    expect([finished.code, result.outcome]).toEqual([8, 'success']);
    expect(outcomesOf(result)).toEqual({ a: 'success', b: 'success' });
    expect(readFileSync(path.join(rig.work, 'printed'), 'utf8')).toBe('all printed\n');
    // What is kept and what is lost is all that was printed.
    const journal = await rig.journal(result.runId, dataDir);
    const readable = journal.records.flatMap(createLineJoiner().add);
    // A line of which a piece was lost counts as lost, be it no more than its line end: what is kept of it is not a kept line.
    const kept = readable
      .flatMap((record) => linesOfA(record, 'stdout'))
      .filter((line) => line === 'begin\n' || /^(\d+) x{90} \1\n$/.test(line));
    // stepspan says in a line of its own what later steps get of so much output. It finds room in memory or not.
    const notes = readable.flatMap((record) => linesOfA(record, 'system'));
    expect(result.lost).toBeGreaterThan(0);
    expect(kept.length + result.lost + notes.length).toBe(1 + lines + 1);
    expect(journal.text('stdout', 'b')).toBe('room again\n');
    expect(journal.events('journal.lost')).toMatchObject([{ reason: 'disk', lines: result.lost }]);
    expect(journal.records.at(-1)).toMatchObject({ event: { type: 'run.finished' } });
    expect(finished.stderr).toMatch(/[\d,]+ lines and \d+ events? lost \(disk\)/);
    return undefined;
  });

  test('to the end does not keep the run from ending, nor from saying how it ended', async (context) => {
    if (mounted === undefined) return context.skip('mount -t tmpfs is not allowed here');
    empty(mounted);
    const ballast = fill(mounted);
    const file = rig.write(
      'to-the-end.yaml',
      `name: to-the-end\nsteps: [{id: a, run: "${flood}"}, {id: b, needs: a, run: exit 4}, {id: c, needs: a, run: 'true'}]`,
    );
    const env = { STEPSPAN_DATA_DIR: path.join(mounted, 'to-the-end') };
    for (const [flags, code] of [
      [['-q'], 1],
      [[], 1],
    ] as const) {
      const finished = await rig.run(['run', file, '--json', ...flags], env);
      const result = resultOf(finished);
      expect([finished.code, result.outcome, result.message]).toEqual([code, 'failure', 'step `b`: exit code 4']);
      expect(outcomesOf(result)).toEqual({ a: 'success', b: 'failure', c: 'success' });
      expect(result.lost).toBeGreaterThan(0);
      expect(finished.stderr).toMatch(/lost \(disk\)/);
      // Room was kept for the end, and for the count of what is missing before it.
      const journal = await rig.journal(result.runId, env.STEPSPAN_DATA_DIR);
      expect(journal.records.at(-1)).toMatchObject({ event: { type: 'run.finished', outcome: { kind: 'failure' } } });
      expect(
        journal
          .events('step.finished')
          .map(({ subject }) => subject?.step)
          .sort(),
      ).toEqual(['a', 'b', 'c']);
      expect(sumOf(journal.events('journal.lost').map((lost) => lost.lines))).toBe(result.lost);
      rmSync(env.STEPSPAN_DATA_DIR, { recursive: true });
    }
    rmSync(ballast);
    return undefined;
  });

  test('before the run begins is a refusal that says so', async (context) => {
    if (mounted === undefined) return context.skip('mount -t tmpfs is not allowed here');
    try {
      writeFileSync(path.join(mounted, 'all-of-it'), Buffer.alloc(26_000_000));
    } catch {
      // Full is what it is to be.
    }
    const { code, stderr } = await rig.run(['exec', '--', 'true'], { STEPSPAN_DATA_DIR: path.join(mounted, 'none') });
    expect(stderr).toMatch(/ENOSPC|no space/i);
    expect(code).toBe(3);
    return undefined;
  });
});

function linesOfA(record: JournalRecord, stream: Stream): readonly string[] {
  if (record.kind === 'event' || record.stream !== stream || record.subject?.step !== 'a') return [];
  return [...linesOf(record)].map(({ bytes, unterminated }) => `${bytes}${unterminated ? '' : '\n'}`);
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}
