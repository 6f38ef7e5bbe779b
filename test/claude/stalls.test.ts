// What a Claude Code process waits for, by the messages that it wrote: the causes behind a silence.
import { describe, expect, test } from 'vitest';
import { describeActivity } from '../../src/run/claude/activity.ts';
import { createStallTracker } from '../../src/run/claude/stalls.ts';

/** What it waits for after these messages, one a millisecond from 1 on. */
function at(...messages: readonly Record<string, unknown>[]) {
  return tracked(messages).waiting();
}

/** What a timeout says of it, `afterMs` after the last message. */
function said(afterMs: number, ...messages: readonly Record<string, unknown>[]) {
  return describeActivity(tracked(messages).activity(messages.length + afterMs));
}

function tracked(messages: readonly Record<string, unknown>[]) {
  const stalls = createStallTracker(0);
  for (const [index, message] of messages.entries()) stalls.message(message, index + 1);
  return stalls;
}

describe('what it waits for', () => {
  const retry = (error: string) => ({ type: 'system', subtype: 'api_retry', error, retry_delay_ms: 5_000 });
  const answer = { type: 'assistant', message: { content: [] } };

  test('a rate limit since the first retry, until an answer comes', () => {
    expect(at(retry('rate_limit'), retry('overloaded'))).toMatchObject({
      cause: 'rate_limited',
      sinceMs: 1,
      untilMs: 5_002,
    });
    expect(at(retry('rate_limit'), answer)).toMatchObject({ cause: 'no_output', sinceMs: 2 });
    expect(at(retry('authentication_failed'))).toMatchObject({ cause: 'no_output' });
  });

  test('nothing, when the API says that all is well', () => {
    expect(at({ type: 'rate_limit_event', rate_limit_info: { status: 'allowed' } }).cause).toBe('no_output');
  });

  test('a limit of the subscription until it resets', () => {
    const info = { status: 'rejected', resetsAt: 1_800_000_000 };
    const event = { type: 'rate_limit_event', rate_limit_info: info };
    expect(at(event)).toMatchObject({ cause: 'rate_limited', untilMs: 1_800_000_000_000 });
    expect(at(event, { ...event, rate_limit_info: { status: 'allowed' } })).toMatchObject({ cause: 'no_output' });
  });

  test('a permission, while it is being checked', () => {
    const use = { type: 'assistant', message: { content: [{ type: 'tool_use', id: 't', name: 'Bash' }] } };
    const check = { type: 'system', subtype: 'permission_check_status', tool_use_id: 't', status: 'checking' };
    expect(at(use, check)).toMatchObject({
      cause: 'waiting_for_permission',
      sinceMs: 2,
    });
    expect(at(use, check, { ...check, status: 'done' })).toMatchObject({ cause: 'no_output' });
  });

  test('its own exit after the result, but not while background tasks run, and not when a turn follows', () => {
    const result = { type: 'result', subtype: 'success' };
    const tasks = (...list: readonly unknown[]) => ({
      type: 'system',
      subtype: 'background_tasks_changed',
      tasks: list,
    });
    expect(at(result, { type: 'rate_limit_event' })).toMatchObject({ cause: 'no_exit_after_result', sinceMs: 1 });
    expect(at(tasks({}), result)).toMatchObject({ cause: 'no_output' });
    expect(at(tasks({}), result, tasks())).toMatchObject({ cause: 'no_exit_after_result' });
    expect(at(result, answer)).toMatchObject({ cause: 'no_output' });
  });
});

describe('what it is doing, in words', () => {
  const init = { type: 'system', subtype: 'init' };
  const answer = { type: 'assistant', message: { content: [] } };
  const minute = 60_000;
  const call = (id: string, name: string, input: unknown) => ({
    type: 'assistant',
    message: { content: [{ type: 'tool_use', id, name, input }] },
  });
  const result = (id: string) => ({
    type: 'user',
    message: { content: [{ type: 'tool_result', tool_use_id: id, content: 'x' }] },
  });
  const retry = (attempt: number, error: string, status?: number) => ({
    type: 'system',
    subtype: 'api_retry',
    attempt,
    max_retries: 10,
    error,
    ...(status === undefined ? {} : { error_status: status }),
  });

  test('names the last error of the API and which try it is', () => {
    expect(said(0, init, retry(6, 'rate_limit', 429), retry(7, 'overloaded', 529))).toBe(
      'last: API error 529 (overloaded), try 7 of 10',
    );
    expect(said(0, init, retry(2, 'rate_limit', 429))).toBe('last: API error 429 (rate limited), try 2 of 10');
    expect(said(0, init, retry(1, 'authentication_failed', 401))).toBe(
      'last: API error 401 (not logged in, or the login was refused), try 1 of 10',
    );
    expect(said(0, init, retry(3, 'unknown'))).toBe('last: API error unknown error, try 3 of 10');
  });

  test('forgets an error of the API once an answer has come', () => {
    expect(said(5_000, init, retry(1, 'overloaded', 529), answer)).toBe('the model has been asked for 5 s');
  });

  test('names the tool that runs, with what and for how long', () => {
    const two = [init, call('a', 'Bash', { command: 'npm test' }), call('b', 'Read', { file_path: '/x' })];
    expect(said(4 * minute, ...two)).toBe('Bash has been running for 4 m 00 s: npm test');
    expect(said(125 * minute, ...two, result('a'))).toBe('Read has been running for 2 h 05 m: /x');
    expect(said(1_000, ...two, result('a'), result('b'))).toBe('the model has been asked for 1 s');
  });

  test('distinguishes a start, an answer that comes, a result and background tasks', () => {
    expect(said(0)).toBe('Claude Code was starting');
    expect(said(0, init, { type: 'stream_event', event: {} })).toBe('the model was writing its answer');
    expect(said(0, init, { type: 'result' })).toBe('it had given its result');
    const tasks = { type: 'system', subtype: 'background_tasks_changed', tasks: [{}, {}] };
    expect(said(0, init, tasks, { type: 'result' })).toBe('2 background tasks are running');
  });
});

describe('what a command is doing, in words', () => {
  const line = (text: string, isOpen: boolean, agoMs = 0) => describeActivity({ kind: 'line', text, isOpen, agoMs });

  test('is the question that it asks', () => {
    expect(line('Sure? [y/N]', true)).toBe('waiting for an answer to: Sure? [y/N]');
    expect(line('Password:', true)).toBe('waiting for an answer to: Password:');
  });

  test.each([
    '? Which one (Use arrow keys)',
    'Continue? (Y/n) ',
    'Overwrite a.txt (yes/no/all)',
    'mysql> ',
    '>',
    'Press Enter to continue...',
    'Press any key to continue . . .',
    "Username for 'https://git.example.org':",
  ])('is the question `%s`', (text) => {
    expect(line(text, true)).toBe(`waiting for an answer to: ${text}`);
  });

  test.each([
    '45%|####5     | 45/100 [00:01<00:01, 30.1it/s]',
    '0it [00:00, ?it/s]',
    'app.tar.gz   45%[=====>        ]',
    'Downloading [=====>',
    '[####......] (45%)',
    '3/7 tests (0 failed)',
    'compiling (debug)',
  ])('is not asked by the progress `%s`', (text) => {
    expect(line(text, true)).toBe(`last line: ${text}`);
  });

  test('is its last line, and how long ago that was', () => {
    expect(line('compiling 3 of 9', false)).toBe('last line: compiling 3 of 9');
    expect(line('compiling 3 of 9', true, 125_000)).toBe('last line (2 m ago): compiling 3 of 9');
  });

  test('is that it had printed nothing', () => {
    expect(describeActivity({ kind: 'silent' })).toBe('it had printed nothing');
  });
});
