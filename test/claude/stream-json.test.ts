// The reader of stream-json on recorded output of the real CLI (2.1.328) and on output that no version has written.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ClaudeEvent } from '../../src/core/claude-event.ts';
import { noFindings } from '../../src/core/finding.ts';
import { describeActivity } from '../../src/run/claude/activity.ts';
import { createCostMeter } from '../../src/run/claude/cost.ts';
import { judgeClaude } from '../../src/run/claude/judge.ts';
import { createMessageLines } from '../../src/run/claude/message-lines.ts';
import { createStallTracker } from '../../src/run/claude/stalls.ts';
import { createStreamJsonReader, EVENT_TEXT_CHARACTERS } from '../../src/run/claude/stream-json.ts';
import { describeEvent } from '../../src/runs/describe-event.ts';

type Said = { readonly text: string; readonly severity: string };

function rig(colour = false) {
  const events: ClaudeEvent[] = [];
  const said: Said[] = [];
  const meter = createCostMeter();
  const stalls = createStallTracker(0);
  let now = 0;
  const reader = createStreamJsonReader({
    meter,
    colour,
    emit: (event) => void events.push(event),
    show: (text, severity) => void said.push({ text, severity }),
    observe: (message) => {
      now += 1;
      stalls.message(message, now);
    },
  });
  return { events, said, meter, stalls, reader };
}

function readAll(bytes: Uint8Array, ...cuts: readonly number[]) {
  const seen = rig();
  const places = [0, ...cuts.map((each) => each % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  for (const [index, place] of places.slice(1).entries()) seen.reader.push(bytes.slice(places[index], place));
  seen.reader.end();
  return seen;
}

const recorded = (name: string): Buffer =>
  readFileSync(path.join(import.meta.dirname, '../fixtures/claude', `${name}.ndjson`));
const lineOf = (message: unknown): Buffer => Buffer.from(`${JSON.stringify(message)}\n`);
const typesOf = (events: readonly ClaudeEvent[]): readonly string[] => events.map((event) => event.type);

describe('recorded sessions', () => {
  test('with partial messages say each text once and know the true output tokens before the result', () => {
    const { events } = readAll(recorded('partial-messages'));
    expect(events.filter((event) => event.type === 'claude.message').map((event) => event.text)).toEqual([
      'hello there my friend',
      'bye',
    ]);
    const usage = events.filter((event) => event.type === 'claude.usage');
    expect(usage.at(-1)).toMatchObject({ usage: { outputTokens: 80, model: 'claude-opus-5-5' } });
    expect(typesOf(events)).not.toContain('claude.unknown');
  });

  test('with a background subagent have two result lines, of which the sum is paid once', () => {
    const { events, meter, reader } = readAll(recorded('background-subagent'));
    const results = events.filter((event) => event.type === 'claude.result');
    expect(results).toHaveLength(2);
    expect(reader.result()?.totalCostUsd).toBe(0.032);
    expect(meter.finish()).toMatchObject({ costUsd: 0.032, estimated: false, models: [{ inputTokens: 6_000 }] });
    expect(events.filter((event) => event.type === 'claude.session')).toHaveLength(1);
    expect(events.filter((event) => event.type === 'claude.notice').map((event) => event.text)).toContain(
      'subagent general-purpose started in the background: look',
    );
  });

  test('that were interrupted say so, although the CLI exits with 0', () => {
    const { reader } = readAll(recorded('interrupted'));
    const exit = {
      exitCode: 0,
      signal: null,
      stderrTail: [],
      endedByUs: false,
      onDenied: 'warn' as const,
      findings: noFindings,
      wantsStructuredOutput: false,
    };
    expect(judgeClaude({ ...exit, result: reader.result() })).toEqual({
      kind: 'failure',
      reason: 'claude_error',
      message: 'Claude Code was interrupted in the middle of its turn',
      exitCode: 0,
    });
  });

  test('that met a rate limit report the retry with its reason', () => {
    const { events } = readAll(recorded('rate-limited'));
    expect(events).toContainEqual({
      type: 'claude.retrying',
      attempt: 1,
      maxRetries: 10,
      delayMs: 2372,
      error: 'rate_limit (429)',
    });
  });

  test('with an API error show it as an error and count no call for the text that the CLI made itself', () => {
    const { said, meter, reader, events } = readAll(recorded('unknown-model'));
    expect(typesOf(events)).not.toContain('claude.usage');
    expect(said.filter((each) => each.severity === 'error').map((each) => each.text)).toEqual([
      expect.stringContaining("There's an issue with the selected model (no-such)"),
      expect.stringMatching(/^✘ Ended with an error after [\d.]+ m?s: 1 turn$/),
    ]);
    expect(meter.finish()).toMatchObject({ costUsd: 0, models: [] });
    const exit = {
      exitCode: 1,
      signal: null,
      stderrTail: [],
      endedByUs: false,
      onDenied: 'warn' as const,
      findings: noFindings,
      wantsStructuredOutput: false,
    };
    expect(judgeClaude({ ...exit, result: reader.result() })).toMatchObject({
      kind: 'failure',
      message: expect.stringMatching(/pick a different model\. Name another one under model of the step/),
    });
  });

  test('read the same wherever the bytes are split', () => {
    const bytes = recorded('interrupted');
    const whole = readAll(bytes);
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length), { maxLength: 8 }), (cuts) => {
        const split = readAll(bytes, ...cuts);
        expect(split.events).toEqual(whole.events);
        expect(split.said).toEqual(whole.said);
      }),
      { numRuns: 60 },
    );
  });
});

describe('what no version has written', () => {
  test('an unknown message type is kept and named', () => {
    const { events, said } = readAll(lineOf({ type: 'system', subtype: 'time_travel', years: 3 }));
    expect(events).toEqual([{ type: 'claude.unknown', messageType: 'system/time_travel' }]);
    expect(said).toEqual([]);
  });

  test('a rate limit that is not reached is not reported', () => {
    const { events, said } = readAll(lineOf({ type: 'rate_limit_event', rate_limit_info: { status: 'allowed' } }));
    expect([...events, ...said]).toEqual([]);
  });

  test('a line that is not JSON passes as text, without what could move the cursor', () => {
    const { events, said } = readAll(Buffer.from('Warning: \x1b[2Jsomething\x07\n{"half":\n'));
    expect(events).toEqual([]);
    expect(said.map((each) => each.text)).toEqual(['         something', '{"half":']);
  });

  test('any JSON in any known place never throws', () => {
    const types = [
      'system',
      'assistant',
      'user',
      'result',
      'rate_limit_event',
      'stream_event',
      'tool_progress',
      'auth_status',
    ];
    const subtypes = [
      'init',
      'api_retry',
      'permission_denied',
      'compact_boundary',
      'task_started',
      'hook_response',
      'status',
    ];
    const message = fc
      .record({
        type: fc.constantFrom(...types),
        subtype: fc.constantFrom(...subtypes),
        message: fc.oneof(
          fc.jsonValue(),
          fc.record({ id: fc.jsonValue(), content: fc.array(fc.jsonValue()), usage: fc.jsonValue() }),
        ),
        event: fc.record({
          type: fc.constantFrom('message_start', 'message_delta'),
          message: fc.jsonValue(),
          usage: fc.jsonValue(),
        }),
        rate_limit_info: fc.record({ status: fc.string(), resetsAt: fc.oneof(fc.double(), fc.jsonValue()) }),
        modelUsage: fc.jsonValue(),
        permission_denials: fc.jsonValue(),
        tools: fc.jsonValue(),
        tasks: fc.jsonValue(),
        compact_metadata: fc.jsonValue(),
      })
      .map((value) => JSON.stringify(value));
    fc.assert(
      fc.property(fc.array(fc.oneof(message, fc.json(), fc.string())), (lines) => {
        const { meter, stalls, said } = readAll(Buffer.from(lines.join('\n')));
        expect(Number.isFinite(meter.soFar().costUsd)).toBe(true);
        expect(describeActivity(stalls.activity(0))).not.toBe('');
        for (const { text } of said) expect(text).not.toMatch(/[\x1b\x07]/);
      }),
    );
  });

  test('texts in events are bounded, and the size of a result is the whole one', () => {
    const long = 'ä'.repeat(EVENT_TEXT_CHARACTERS + 5);
    const content = [{ type: 'tool_result', tool_use_id: 't', content: long }];
    const { events } = readAll(lineOf({ type: 'user', message: { content } }));
    const [event] = events;
    expect(event).toMatchObject({ type: 'claude.tool_returned', bytes: long.length * 2 });
    expect(event?.type === 'claude.tool_returned' ? event.text.length : 0).toBe(EVENT_TEXT_CHARACTERS);
  });

  test('a bar that was redrawn a thousand times leaves its last state, and what came after it', () => {
    const bar = Array.from({ length: 1_001 }, (_, at) => `\r\x1b[32mfetching\x1b[0m ${(at / 10).toFixed(1)} %`).join(
      '',
    );
    const content = [
      { type: 'tool_result', tool_use_id: 't', content: `start\n${bar}\nerror: no such branch`, is_error: true },
    ];
    const { events } = readAll(lineOf({ type: 'user', message: { content } }));
    const [event] = events;
    const text = event?.type === 'claude.tool_returned' ? event.text : '';
    expect(text.split('\n')).toEqual(['start', '\x1b[32mfetching\x1b[0m 100.0 %', 'error: no such branch']);
    expect(event === undefined ? '' : describeEvent(event)).toBe(
      'tool error: start fetching 100.0 % error: no such branch',
    );
  });

  test('bytes are not looked at after the call, since the buffer is read into again', () => {
    const lines: string[] = [];
    const reader = createMessageLines(
      (line) => void lines.push(line.toString()),
      () => {},
    );
    const buffer = Buffer.from('first');
    reader.push(buffer);
    buffer.write(' half');
    reader.push(buffer);
    reader.end();
    expect(lines).toEqual(['first half']);
  });

  test('a line over its bound is reported and the next one read', () => {
    const lines: string[] = [];
    const reader = createMessageLines(
      (line) => void lines.push(line.toString()),
      (bytes) => void lines.push(`(${bytes})`),
      10,
    );
    for (const part of ['abc', 'defghijk', 'lm\nshort', '\n']) reader.push(Buffer.from(part));
    expect(lines).toEqual(['(13)', 'short']);
  });
});

describe('readable text', () => {
  const call = (name: string, input: unknown) =>
    lineOf({ type: 'assistant', message: { id: 'm', content: [{ type: 'tool_use', id: 't', name, input }] } });
  const init = lineOf({ type: 'system', subtype: 'init', session_id: 's', cwd: '/home/dev/project', model: 'm' });

  test.each([
    ['Read', { file_path: '/home/dev/project/src/a.ts', limit: 5 }, '● Read(src/a.ts)'],
    ['Grep', { pattern: 'TODO', path: '/etc' }, '● Grep(TODO)'],
    ['Bash', { description: 'Runs', command: '\n\n  npm test\nnpm run lint' }, '● Bash(npm test …)'],
    ['TodoWrite', { todos: [1, 2] }, '● TodoWrite(2 items)'],
    ['mcp__db__ask', { sql: 'select 1' }, '● mcp__db__ask({"sql":"select 1"})'],
    ['ListAgents', {}, '● ListAgents'],
  ])('shows a call of %s by its main argument', (tool, input, line) => {
    const { said } = readAll(Buffer.concat([init, call(tool, input)]));
    expect(said.at(-1)).toEqual({ text: line, severity: 'info' });
  });

  test('shows the first lines of a result and counts the others', () => {
    const result = (content: string) =>
      lineOf({ type: 'user', message: { content: [{ type: 'tool_result', content }] } });
    const { said } = readAll(Buffer.concat([result('1\n2\n3\n4\n5\n'), result('1\n2\n3\n4\n'), result('\n')]));
    expect(said.map((each) => each.text)).toEqual([
      '  ⎿ 1\n    2\n    3\n    4\n    … 1 more line',
      '  ⎿ 1\n    2\n    3\n    4',
      '  ⎿ (no output)',
    ]);
  });

  test('has colour only where asked for, and each line its own', () => {
    const { reader, said } = rig(true);
    const content = [{ type: 'tool_result', tool_use_id: 't', content: 'one\ntwo', is_error: true }];
    reader.push(lineOf({ type: 'user', message: { content } }));
    expect(said[0]?.text).toBe('\x1b[31m  ⎿ one\x1b[39m\n\x1b[31m    two\x1b[39m');
  });
});
