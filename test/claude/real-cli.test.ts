// The real Claude Code CLI against a scripted Messages API: what it prints, becomes and costs. Each run is shared by the
// tests of its block, since a start costs about a second of CPU.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ClaudeRun, eventsOf, judged, newPlace, type Place, runClaude } from '../support/claude-run.ts';

const text = (run: ClaudeRun): string => run.said.map((each) => each.text).join('\n');

describe('a session with tools, a failing tool and a denial, of somebody who is logged in', () => {
  let run: ClaudeRun;
  beforeAll(async () => {
    const place = newPlace();
    const account = {
      emailAddress: 'dev@example.com',
      accountUuid: '11111111-2222-4333-8444-555555555555',
      organizationUuid: '66666666-2222-4333-8444-555555555555',
      organizationName: 'Example Org',
    };
    mkdirSync(path.join(place.home, '.claude'));
    writeFileSync(path.join(place.home, '.claude', '.claude.json'), JSON.stringify({ oauthAccount: account }));
    run = await runClaude({
      place,
      prompt: 'run the tests',
      step: { allowedTools: ['Bash(seq:*)', 'Bash(node:*)'], permissionMode: 'dontAsk' },
      // An OAuth token instead of a key: only then does the CLI know, and send, whose account it is.
      env: { ANTHROPIC_API_KEY: undefined, CLAUDE_CODE_OAUTH_TOKEN: 'sk-ant-oat01-test' },
      script: [
        {
          prompt: 'run the tests',
          turns: [
            { kind: 'reply', text: 'I run them.', tools: [{ name: 'Bash', input: { command: 'seq 1 20' } }] },
            {
              kind: 'reply',
              tools: [{ name: 'Bash', input: { command: 'node -e "console.log(\'bad\'); process.exit(3)"' } }],
            },
            { kind: 'reply', tools: [{ name: 'Bash', input: { command: 'touch forbidden' } }] },
            { kind: 'reply', text: 'Two of three worked.\nThat is all.' },
          ],
        },
      ],
    });
    place.remove();
  });

  test('says session, text, calls and results in order', () => {
    const types = run.events.map((event) => event.type).filter((type) => type !== 'claude.usage');
    expect(types).toEqual([
      'claude.session',
      'claude.message',
      'claude.tool_called',
      'claude.tool_returned',
      'claude.tool_called',
      'claude.tool_returned',
      'claude.tool_called',
      'claude.permission_denied',
      'claude.tool_returned',
      'claude.message',
      'claude.result',
    ]);
    expect(eventsOf(run, 'claude.tool_returned').map((event) => event.isError)).toEqual([false, true, true]);
    expect(eventsOf(run, 'claude.permission_denied')[0]).toMatchObject({
      tool: 'Bash',
      input: '{"command":"touch forbidden"}',
    });
  });

  test('reads well', () => {
    expect(text(run)).toContain('● Bash(seq 1 20)\n  ⎿ 1\n    2\n    3\n    4\n    … 16 more lines');
    expect(text(run)).toContain('  ⎿ permission denied: Permission to use Bash has been denied');
    expect(text(run)).toMatch(
      /Two of three worked\.\nThat is all\.\n✔ Done in [\d.]+ m?s: 4 turns, \$0\.\d{4}, 4,800 tokens in, 320 out$/,
    );
    expect(run.said.find((each) => each.text.includes('Exit code 3'))?.severity).toBe('warning');
  });

  test('costs what the result line says, once', () => {
    expect(run.cost).toMatchObject({ type: 'claude.cost', estimated: false });
    expect(run.cost?.type === 'claude.cost' ? run.cost.costUsd : Number.NaN).toBeCloseTo(
      run.result?.totalCostUsd ?? Number.NaN,
      9,
    );
    expect(run.result?.totalCostUsd).toBeGreaterThan(0);
    expect(new Set(eventsOf(run, 'claude.usage').map((event) => event.messageId)).size).toBe(4);
    expect(judged(run)).toEqual({ kind: 'success' });
  });

  test('has its own spans below the span of the attempt, and needs none derived', () => {
    expect(run.nesting).toMatchObject({ orphans: 0, untraced: 0, missing: [] });
    // One interaction, four model calls, three tool calls with their parts.
    expect(run.nesting.ownSpans).toBeGreaterThanOrEqual(8);
    expect(run.derived.spans).toBe(0);
  });

  test('sends all three signals, cleaned of who the person is and stamped with the step', () => {
    const sent = JSON.stringify(run.telemetry);
    expect(new Set(run.telemetry.map((each) => each.signal))).toEqual(new Set(['traces', 'logs', 'metrics']));
    for (const secret of [
      'dev@example.com',
      '11111111-2222',
      '66666666-2222',
      'user.id',
      'user.account_id',
      'Example Org',
    ]) {
      expect(sent).not.toContain(secret);
    }
    const metrics = JSON.stringify(
      run.telemetry.filter((each) => each.signal === 'metrics').map((each) => each.request),
    );
    expect(metrics).not.toMatch(/stepspan|session\.id|"aggregationTemporality":1/);
    expect(metrics).toContain('"aggregationTemporality":2');
    expect(JSON.stringify(run.telemetry[0]?.request)).toContain('"stepspan.step.id"');
  });
});

describe('a prompt with a JSON schema, while the API is overloaded at first', () => {
  let run: ClaudeRun;
  beforeAll(async () => {
    run = await runClaude({
      prompt: 'how many?',
      step: { jsonSchema: { type: 'object', properties: { answer: { type: 'number' } }, required: ['answer'] } },
      invocation: { sessionId: 'b2b1c9de-4f66-4a8e-9a01-0123456789ab' },
      script: [
        {
          prompt: 'how many?',
          turns: [
            { kind: 'error', status: 529, times: 1 },
            { kind: 'reply', tools: [{ name: 'StructuredOutput', input: { answer: 42 } }] },
          ],
        },
      ],
    });
  });

  test('reports the retry', () => {
    expect(eventsOf(run, 'claude.retrying')).toMatchObject([{ attempt: 1, maxRetries: 10, error: 'overloaded (529)' }]);
    expect(text(run)).toMatch(/API error overloaded \(529\): retry 1 of 10 in [\d.]+ m?s/);
  });

  test('has the structured output, in the session that was asked for', () => {
    expect(eventsOf(run, 'claude.result')[0]?.structuredOutput).toEqual({ answer: 42 });
    expect(eventsOf(run, 'claude.session')[0]?.sessionId).toBe('b2b1c9de-4f66-4a8e-9a01-0123456789ab');
    expect(judged(run, { wantsStructuredOutput: true })).toEqual({ kind: 'success' });
  });
});

describe('a subagent', () => {
  let run: ClaudeRun;
  beforeAll(async () => {
    run = await runClaude({
      prompt: 'main job',
      step: { allowedTools: ['Bash', 'Task'] },
      script: [
        {
          prompt: 'main job',
          turns: [
            {
              kind: 'reply',
              tools: [
                {
                  name: 'Task',
                  id: 'toolu_task',
                  input: {
                    description: 'look',
                    prompt: 'sub job',
                    subagent_type: 'general-purpose',
                    run_in_background: false,
                  },
                },
              ],
            },
            { kind: 'reply', text: 'main done' },
          ],
        },
        {
          prompt: 'sub job',
          turns: [
            { kind: 'reply', tools: [{ name: 'Bash', input: { command: 'echo sub' } }] },
            { kind: 'reply', text: 'sub report' },
          ],
        },
      ],
    });
  });

  test('is distinguished from the main agent', () => {
    const bash = eventsOf(run, 'claude.tool_called').find((event) => event.tool === 'Bash');
    expect(bash?.parentToolUseId).toBe('toolu_task');
    expect(text(run)).toContain('│ ● Bash(echo sub)\n│   ⎿ sub');
    expect(text(run)).toContain('◦ subagent general-purpose started: look');
  });

  test('is in the cost, although the usage of the result leaves it out', () => {
    const usage = JSON.parse(run.stdout.trim().split('\n').at(-1)!).usage;
    expect(usage.input_tokens).toBe(2_400);
    expect(run.cost).toMatchObject({ estimated: false, models: [{ inputTokens: 4_800, outputTokens: 320 }] });
  });
});

describe('a resumed session', () => {
  let place: Place;
  const script = [
    { prompt: 'first', turns: [{ kind: 'reply', text: 'one', usage: { input: 100_000, output: 1_000 } }] },
    { prompt: 'second', turns: [{ kind: 'reply', text: 'two', usage: { input: 200_000, output: 1_000 } }] },
  ] as const;
  const own = 'a2b1c9de-4f66-4a8e-9a01-0123456789ab';
  let first: ClaudeRun;
  let second: ClaudeRun;
  beforeAll(async () => {
    place = newPlace();
    first = await runClaude({ place, script, prompt: 'first' });
    const resumeSessionId = first.result?.sessionId;
    second = await runClaude({ place, script, prompt: 'second', invocation: { resumeSessionId, sessionId: own } });
  });
  afterAll(() => place.remove());

  test('continues the conversation, in a session of its own', () => {
    expect(JSON.stringify(second.api.requests.at(-1)?.body?.messages)).toContain('first');
    expect(second.result?.sessionId).toBe(own);
  });

  test('reports the cost of the earlier one as well, and is not charged for it', () => {
    const spent = second.cost?.type === 'claude.cost' ? second.cost.costUsd : Number.NaN;
    expect(second.result?.totalCostUsd).toBeCloseTo((first.result?.totalCostUsd ?? 0) + spent, 9);
    expect(second.cost).toMatchObject({ estimated: false, models: [{ inputTokens: 200_000, outputTokens: 1_000 }] });
    expect(eventsOf(second, 'claude.result')[0]?.costUsd).toBe(spent);
  });
});
