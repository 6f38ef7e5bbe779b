// What a Claude Code process waits for, by the messages that it wrote: the causes behind a silence.
import { describe, expect, test } from 'vitest';
import { createStallTracker } from '../../src/run/claude/stalls.ts';

/** What it waits for after these messages, one a millisecond from 1 on. */
function at(...messages: readonly Record<string, unknown>[]) {
  const stalls = createStallTracker(0);
  for (const [index, message] of messages.entries()) stalls.message(message, index + 1);
  return stalls.waiting();
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
      what: 'Bash waits for a permission',
    });
    expect(at(use, check, { ...check, status: 'done' })).toMatchObject({ cause: 'no_output', what: 'Bash is running' });
  });

  test('its own exit after the result, but not while background tasks run, and not when a turn follows', () => {
    const result = { type: 'result', subtype: 'success' };
    const tasks = (...list: readonly unknown[]) => ({
      type: 'system',
      subtype: 'background_tasks_changed',
      tasks: list,
    });
    expect(at(result, { type: 'rate_limit_event' })).toMatchObject({ cause: 'no_exit_after_result', sinceMs: 1 });
    expect(at(tasks({}), result)).toMatchObject({ cause: 'no_output', what: '1 background tasks are running' });
    expect(at(tasks({}), result, tasks())).toMatchObject({ cause: 'no_exit_after_result' });
    expect(at(result, answer)).toMatchObject({ cause: 'no_output' });
  });
});
