// Tables for people, and exit codes for scripts.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { exitCodeMeanings, exitCodeOf, exitCodes } from '../../src/cli/exit-codes.ts';
import { formatTable } from '../../src/cli/format.ts';
import type { Outcome } from '../../src/core/outcome.ts';

describe('a table', () => {
  test('has each cell under its head, on its side, and is cut at the width of the terminal', () => {
    const columns = [{ head: 'NAME' }, { head: 'N', side: 'right' as const }, { head: 'WHY' }];
    const rows = [
      ['世界', '1', 'because'],
      ['a', '1,000', ''],
    ];
    expect(formatTable(columns, rows, Number.POSITIVE_INFINITY)).toEqual([
      'NAME      N  WHY',
      '世界      1  because',
      'a     1,000',
    ]);
    expect(formatTable(columns, rows, 14)).toEqual(['NAME      N  …', '世界      1  …', 'a     1,000']);
  });

  test('on a narrow terminal leaves out empty columns and cuts long names, so that its last column can be read', () => {
    const columns = [{ head: 'STEP', canShrink: true }, { head: 'COST' }, { head: '' }];
    const rows = [['Run the unit tests of every package', '', 'step `build`, which it needs, ended in failure']];
    expect(formatTable(columns, rows, 50)).toEqual(['STEP', 'Run the unit test…  step `build`, which it needs,…']);
    expect(formatTable(columns, rows, Number.POSITIVE_INFINITY)[0]).toContain('COST');
  });
});

describe('an exit code', () => {
  const error = (reason: Extract<Outcome, { kind: 'error' }>['reason']): Outcome => ({
    kind: 'error',
    reason,
    message: '',
  });
  test.each([
    [{ kind: 'success' }, 0],
    [{ kind: 'failure', reason: 'step_failed', message: '' }, 1],
    [error('spawn'), 3],
    [error('no_result'), 3],
    [error('abandoned'), 3],
    [{ kind: 'timeout', message: '', limitMs: 1 }, 4],
    [error('budget'), 5],
    [error('internal'), 70],
    [{ kind: 'cancellation', message: '' }, 130],
  ] as const satisfies readonly (readonly [Outcome, number])[])('of %o is %d', (outcome, code) => {
    expect(exitCodeOf(outcome)).toBe(code);
  });

  test('of a cancelled run is that of its signal', () => {
    const cancelled: Outcome = { kind: 'cancellation', message: '' };
    expect([exitCodeOf(cancelled, 'SIGTERM'), exitCodeOf(cancelled, 'SIGINT'), exitCodeOf(cancelled, 'api')]).toEqual([
      143, 130, 130,
    ]);
  });

  test('has a meaning, and docs/cli.md says the same of each', () => {
    const page = readFileSync(path.resolve(import.meta.dirname, '../../docs/cli.md'), 'utf8');
    for (const code of Object.values(exitCodes)) expect(page).toContain(`| ${code} | ${exitCodeMeanings[code]} `);
  });
});
