// Numbers for people, and exit codes for scripts.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { exitCodeMeanings, exitCodeOf, exitCodes } from '../../src/cli/exit-codes.ts';
import {
  formatAge,
  formatBytes,
  formatCost,
  formatCount,
  formatCounted,
  formatDuration,
  formatMoney,
  formatTable,
} from '../../src/cli/format.ts';
import type { Outcome } from '../../src/core/outcome.ts';

describe('a number', () => {
  test.each([
    [0, '0.0s'],
    [449, '0.4s'],
    [9_999, '9.9s'],
    [10_000, '10s'],
    [59_999, '59s'],
    [60_000, '1m 00s'],
    [3_599_999, '59m 59s'],
    [3_600_000, '1h 00m'],
    [90_061_000, '1d 01h'],
    [-5, '0.0s'],
  ])('of %d ms is a duration of %s', (ms, wanted) => {
    expect(formatDuration(ms)).toBe(wanted);
  });

  test('is money, a size, a count, an age', () => {
    expect([formatMoney(0.03125), formatMoney(12.5), formatCost({ costUsd: 0.5, costBasis: 'estimated' })]).toEqual([
      '$0.0313',
      '$12.50',
      '~$0.5000',
    ]);
    expect([0, 1023, 1536, 5 * 2 ** 30].map(formatBytes)).toEqual(['0 B', '1023 B', '1.5 KiB', '5.0 GiB']);
    expect([formatCount(1_234_567), formatCounted(1, 'line'), formatCounted(0, 'process', 'processes')]).toEqual([
      '1,234,567',
      '1 line',
      '0 processes',
    ]);
    expect([10, 1500, 61_000, 7_200_000, 200_000_000].map(formatAge)).toEqual([
      'now',
      '1s ago',
      '1m ago',
      '2h ago',
      '2d ago',
    ]);
  });

  test('stands in a table under its head, on its side, and the table is cut at the width of the terminal', () => {
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
    for (const code of Object.values(exitCodes)) expect(page).toContain(`| ${code} | ${exitCodeMeanings[code]} |`);
  });
});
