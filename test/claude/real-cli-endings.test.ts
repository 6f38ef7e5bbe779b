// How the real Claude Code CLI ends when it does not end well: by a signal, a limit, or before it has begun.
import { beforeAll, describe, expect, test } from 'vitest';
import { createNesting } from '../../src/run/claude/intake/nesting.ts';
import { type ClaudeRun, judged, runClaude } from '../support/claude-run.ts';

describe('a process that is ended by SIGTERM in the middle of a tool call', () => {
  let run: ClaudeRun;
  beforeAll(async () => {
    run = await runClaude({
      prompt: 'wait',
      step: { allowedTools: ['Bash'] },
      script: [
        {
          prompt: 'wait',
          turns: [
            { kind: 'reply', text: 'x'.repeat(4_000), tools: [{ name: 'Bash', input: { command: 'sleep 60' } }] },
            // The signal ends the command first, and the CLI may ask for the next turn before it ends itself.
            { kind: 'silence' },
          ],
        },
      ],
      during: (event, { kill }) => {
        if (event.type === 'claude.tool_called') kill('SIGTERM');
      },
    });
  });

  test('leaves no result line, and says so', () => {
    expect(run.result).toBeUndefined();
    expect(judged(run)).toMatchObject({ kind: 'error', reason: 'signal', signal: 'SIGTERM', exitCode: 143 });
    expect(judged(run, { endedByUs: true })).toMatchObject({ kind: 'error', reason: 'no_result', exitCode: 143 });
  });

  test('costs what its messages amount to, as an estimate', () => {
    expect(run.cost).toMatchObject({ type: 'claude.cost', estimated: true, models: [{ inputTokens: 1_200 }] });
    const [use] = run.cost?.type === 'claude.cost' ? run.cost.models : [];
    expect(use?.outputTokens).toBeGreaterThanOrEqual(1_000);
  });

  test('leaves a whole tree of spans all the same: what was never sent is made up for', () => {
    const nesting = createNesting(run.traceId, run.spanId);
    for (const { signal, request } of run.telemetry) if (signal === 'traces') nesting.take(request);
    nesting.take(run.derived.request);
    expect(nesting.verify()).toMatchObject({ orphans: 0, untraced: 0, missing: [] });
    expect(nesting.verify().ownSpans).toBeGreaterThan(0);
  });
});

describe('an API that never answers', () => {
  test('shows as silence since the session began, without a result', async () => {
    let seen: unknown;
    const run = await runClaude({
      prompt: 'hello',
      script: [{ prompt: 'hello', turns: [{ kind: 'silence' }] }],
      onFirstRequest: ({ kill, stalls }) => {
        seen = { ...stalls.waiting(), doing: stalls.activity(Date.now()) };
        kill('SIGKILL');
      },
    });
    expect(seen).toMatchObject({ cause: 'no_output', doing: { kind: 'model', isStreaming: false } });
    expect(judged(run)).toMatchObject({ kind: 'error', reason: 'signal', signal: 'SIGKILL' });
  });
});

describe('limits of the step', () => {
  const script = [
    {
      prompt: 'continue',
      turns: [
        {
          kind: 'reply',
          tools: [{ name: 'Bash', input: { command: 'echo a' } }],
          usage: { input: 100_000, output: 10_000 },
        },
      ],
    },
  ] as const;

  test('a used-up budget of the step is an error, and names the setting', async () => {
    const run = await runClaude({ prompt: 'continue', script, step: { allowedTools: ['Bash'], maxBudgetUsd: 0.5 } });
    const message = expect.stringContaining('raise maxBudgetUsd');
    expect(judged(run)).toMatchObject({ kind: 'error', reason: 'budget', message, exitCode: 1 });
  });

  test('used-up turns are a failure, and name the setting', async () => {
    const run = await runClaude({ prompt: 'continue', script, step: { allowedTools: ['Bash'], maxTurns: 2 } });
    const message = 'Reached maximum number of turns (2): raise maxTurns of the step or give it less to do';
    expect(judged(run)).toMatchObject({ kind: 'failure', reason: 'claude_error', message });
  });
});

describe('a start that fails', () => {
  test('an unknown flag leaves no result, but the words of the CLI', async () => {
    const run = await runClaude({ prompt: 'x', script: [], step: { extraArgs: ['--no-such-flag'] } });
    const message = expect.stringContaining("unknown option '--no-such-flag'");
    expect(judged(run)).toMatchObject({ kind: 'error', reason: 'no_result', message, exitCode: 1 });
  });

  test('without a login it says how to log in', async () => {
    const run = await runClaude({ prompt: 'x', script: [], env: { ANTHROPIC_API_KEY: undefined } });
    expect(judged(run)).toMatchObject({ kind: 'failure', message: expect.stringContaining('set ANTHROPIC_API_KEY') });
  });
});
