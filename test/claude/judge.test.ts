// The outcome of an attempt: the result line first, then the exit, each failure with what to do.
import { describe, expect, test } from 'vitest';
import { noFindings } from '../../src/core/finding.ts';
import { type ClaudeExit, judgeClaude } from '../../src/run/claude/judge.ts';
import { readResult } from '../../src/run/claude/result.ts';

const exit: ClaudeExit = {
  result: undefined,
  exitCode: 0,
  signal: null,
  stderrTail: [],
  endedByUs: false,
  wantsStructuredOutput: false,
  onDenied: 'warn',
  findings: noFindings,
};
const result = (fields: object) => readResult({ type: 'result', subtype: 'success', is_error: false, ...fields });

describe('with a result line', () => {
  test.each([
    ['exit code 1', { exitCode: 1 }],
    ['SIGKILL, since it hung afterwards', { exitCode: null, signal: 'SIGKILL', endedByUs: true }],
  ])('success stays success whatever comes after it: %s', (_, how) => {
    expect(judgeClaude({ ...exit, ...how, result: result({ result: 'fine' }) })).toEqual({ kind: 'success' });
  });

  test('a schema without output for it is a failure', () => {
    const judged = judgeClaude({ ...exit, wantsStructuredOutput: true, result: result({ result: 'fine' }) });
    expect(judged).toMatchObject({ kind: 'failure', message: expect.stringContaining('JSON schema') });
  });

  test.each<[object, string, string?]>([
    [
      { api_error_status: 401, result: 'Invalid API key' },
      'Invalid API key: log in with `claude` then /login',
      'not_logged_in',
    ],
    [{ api_error_status: 429, result: 'Slow down.' }, 'Slow down: the rate limit holds'],
    [
      { api_error_status: 529, result: 'Overloaded' },
      'Overloaded: the API had a fault or was overloaded; let the step retry',
    ],
    [{ result: 'Credit balance is too low' }, 'Credit balance is too low: add credit', 'no_credit'],
    [
      { subtype: 'error_max_structured_output_retries', errors: ['5 tries'] },
      'no output fitted the JSON schema (5 tries)',
    ],
    [
      { subtype: 'error_during_execution', errors: ['No conversation found with session ID: x'] },
      'run the earlier step again',
    ],
    [
      { subtype: 'error_during_execution', startup_failure_reason: 'cwd_unavailable' },
      'failed at its start (cwd_unavailable)',
    ],
    [{ subtype: 'error_of_next_year', errors: ['new'] }, 'Claude Code ended with error_of_next_year: new'],
  ])('%o is a failure that says what to do', (fields, message, reason = 'claude_error') => {
    expect(judgeClaude({ ...exit, exitCode: 1, result: result({ is_error: true, ...fields }) })).toMatchObject({
      kind: 'failure',
      reason,
      message: expect.stringContaining(message),
      exitCode: 1,
    });
  });
});

describe('without a result line', () => {
  test('it is an error even with exit code 0, and quotes the last lines of stderr', () => {
    const stderrTail = ['first', '', 'second', '\x1b[31mthird\x1b[0m', 'fourth'];
    expect(judgeClaude({ ...exit, stderrTail })).toEqual({
      kind: 'error',
      reason: 'no_result',
      message:
        'Claude Code ended with exit code 0 and without a result line, so nobody can say whether it did its work; ' +
        'stderr: second | third | fourth',
      exitCode: 0,
    });
  });

  test.each([
    [{ exitCode: null, signal: 'SIGKILL' }, 'SIGKILL'],
    [{ exitCode: 143 }, 'SIGTERM'],
  ])('%o is a signal, unless it was ours', (how, signal) => {
    expect(judgeClaude({ ...exit, ...how })).toMatchObject({ kind: 'error', reason: 'signal', signal });
    expect(judgeClaude({ ...exit, ...how, endedByUs: true })).toMatchObject({ reason: 'no_result', signal });
  });
});
