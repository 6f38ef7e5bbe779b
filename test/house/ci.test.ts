// The end of .ci/run is enough for a person who sees only that: what was skipped, which stage failed, its last lines,
// and the totals.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { root } from './tracked.ts';

let work: string;
beforeEach(() => {
  work = mkdtempSync(path.join(tmpdir(), 'stepspan-ci-'));
});
afterEach(() => rm(work, { recursive: true, force: true }));

/** Runs stages as .ci/run does. */
function runStages(...script: readonly string[]): {
  readonly status: number | null;
  readonly lines: readonly string[];
} {
  const begin = ['set -uo pipefail', `work='${work}'`, 'source .ci/stage.sh'];
  const { status, stdout } = spawnSync('bash', ['-c', [...begin, ...script].join('\n')], {
    cwd: root,
    encoding: 'utf8',
  });
  return { status, lines: stdout.trimEnd().split('\n') };
}

/** A line of shell that leaves counts as a suite does. */
function suite(name: string, counts: object): string {
  const file = path.join(work, name);
  writeFileSync(file, JSON.stringify({ passed: 0, failed: [], skipped: [], retried: [], ...counts }));
  return `cp ${file} "$STEPSPAN_TEST_REPORTS/${name}.json"`;
}

const skippedTests = (file: string, count: number, reason: string) =>
  Array.from({ length: count }, () => ({ file, reason }));

test('a stage that fails without a failed test is named, with its last 40 lines, and counts as one', () => {
  const skipped = [...skippedTests('a.test.ts', 30, 'Loki is not found'), ...skippedTests('b.test.ts', 2, 'not root')];
  const { status, lines } = runStages(
    suite('all', { passed: 3142, skipped }),
    "stage 'tests' echo fine",
    "stage 'faults' side_by_side fuzzing 'seq 1 60; false' faults 'seq 100 130'",
    "stage 'never' echo never",
  );
  expect(status).toBe(1);
  const end = lines.slice(lines.lastIndexOf('skipped 30: a.test.ts: Loki is not found'));
  expect(end).toEqual([
    'skipped 30: a.test.ts: Loki is not found',
    'skipped 2: b.test.ts: not root',
    '=== the last 40 lines of faults:',
    ...Array.from({ length: 39 }, (_, at) => String(at + 22)),
    '--- fuzzing FAILED',
    expect.stringMatching(/^=== faults FAILED after \d+ s$/),
    expect.stringMatching(/^=== everything: \d+ s$/),
    '3142 passed, 1 failed, 32 skipped',
  ]);
  expect(lines).not.toContain('never');
});

test('each failed test is named, and each that needed a second try', () => {
  const { lines } = runStages(
    suite('main', {
      passed: 2,
      failed: ['a.test.ts: adds: expected 1 to be 2'],
      retried: ['b.test.ts: waits: too late'],
    }),
    suite('stack', { passed: 5 }),
    "stage 'tests' false",
  );
  expect(lines).toContain('failed: a.test.ts: adds: expected 1 to be 2');
  expect(lines).toContain('passed only when tried again: b.test.ts: waits: too late');
  expect(lines.at(-1)).toBe('7 passed, 1 failed, 0 skipped');
});

test('a stage can export what later ones use, and a process that it leaves does not hold up the run', () => {
  const { status, lines } = runStages(
    'ready() { export READY=yes; sleep 60 & echo $! > "$work/pid"; }',
    "stage 'program' ready",
    `stage 'tests' bash -c 'echo ready: $READY'`,
    'finish',
    'kill "$(cat "$work/pid")"',
  );
  expect(status).toBe(0);
  expect(lines).toContain('ready: yes');
  expect(lines.at(-1)).toBe('0 passed, 0 failed, 0 skipped');
});
