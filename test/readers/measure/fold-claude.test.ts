// What Claude Code's events count: cost and tokens once, tools by result, its own telemetry without its identity.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Event } from '../../../src/core/event.ts';
import {
  answered,
  asked,
  attemptFinished,
  attemptStarted,
  journalOf,
  modelUse,
  runStarted,
} from '../../runs/journal-of.ts';
import { measured, newMeasure, runId, shown, workflow } from './measured.ts';

const telemetry = (value: number, attributes: Record<string, string>, name = 'claude_code.token.usage'): Event => ({
  type: 'claude.telemetry',
  signal: 'metrics',
  derived: false,
  items: 1,
  request: {
    resourceMetrics: [
      {
        scopeMetrics: [
          {
            metrics: [
              {
                name,
                sum: {
                  aggregationTemporality: 2,
                  dataPoints: [
                    {
                      asDouble: value,
                      attributes: Object.entries(attributes).map(([key, text]) => ({
                        key,
                        value: { stringValue: text },
                      })),
                    },
                  ],
                },
              },
            ],
          },
        ],
      },
    ],
  },
});

describe('Claude Code', () => {
  test('counts the final cost once, also what belongs to no model', async () => {
    const cost: Event = { type: 'claude.cost', costUsd: 3, estimated: false, models: [modelUse('opus', 10, 2.5)] };
    const scraped = await measured(
      journalOf()
        .event(runStarted(['ask']))
        .event(attemptStarted, 'ask')
        .event({ type: 'claude.usage', messageId: 'm', usage: modelUse('opus', 99, 1) }, 'ask')
        .event(cost, 'ask')
        .event(cost, 'ask')
        .event(attemptFinished(), 'ask').records,
    );
    expect(scraped.value('stepspan_cost_usd_total', { workflow, model: 'opus' })).toBe(2.5);
    expect(scraped.value('stepspan_cost_usd_total', { workflow, model: 'unknown' })).toBe(0.5);
    expect(scraped.value('stepspan_tokens_total', { model: 'opus', type: 'input' })).toBe(10);
    expect(scraped.value('stepspan_tokens_total', { model: 'opus', type: 'cache_read' })).toBe(0);
  });

  test('counts how each question to a person ended, and how long it waited', async () => {
    const scraped = await measured(
      journalOf()
        .event(runStarted(['ask']))
        .event(attemptStarted, 'ask')
        .event(asked('q-1'), 'ask')
        .event({ ...answered, waitedMs: 1_500 }, 'ask')
        .event(asked('q-2'), 'ask')
        .event({ ...answered, questionId: 'q-2', answer: 'timed_out', waitedMs: 60_000 }, 'ask')
        .event(attemptFinished(), 'ask').records,
    );
    expect(scraped.value('stepspan_questions_total', { workflow, answer: 'allowed' })).toBe(1);
    expect(scraped.value('stepspan_questions_total', { workflow, answer: 'timed_out' })).toBe(1);
    expect(scraped.value('stepspan_questions_total', { workflow, answer: 'denied' })).toBe(0);
    expect(scraped.value('stepspan_question_wait_seconds_total', { workflow, kind: 'permission' })).toBe(61.5);
  });

  test('counts an attempt whose cost is unknown, beside what is known of it', async () => {
    const cost: Event = {
      type: 'claude.cost',
      costUsd: 0.5,
      estimated: true,
      unknown: 'killed',
      models: [modelUse('opus', 1, 0.5)],
    };
    const scraped = await measured(
      journalOf()
        .event(runStarted(['ask']))
        .event(attemptStarted, 'ask')
        .event(cost, 'ask')
        .event(cost, 'ask')
        .event(attemptFinished(), 'ask').records,
    );
    expect(scraped.value('stepspan_cost_unknown_attempts_total', { workflow })).toBe(1);
    expect(scraped.value('stepspan_cost_usd_total', { workflow, model: 'opus' })).toBe(0.5);
  });

  test('counts tool calls by what came of them', async () => {
    const call = (id: string, tool: string): Event => ({
      type: 'claude.tool_called',
      toolUseId: id,
      tool,
      input: '{}',
      parentToolUseId: undefined,
    });
    const answer = (id: string, isError: boolean): Event => ({
      type: 'claude.tool_returned',
      toolUseId: id,
      isError,
      text: '',
      bytes: 0,
      parentToolUseId: undefined,
    });
    const scraped = await measured(
      journalOf()
        .event(runStarted(['ask']))
        .event(attemptStarted, 'ask')
        .event(call('a', 'Bash'), 'ask')
        .event(call('b', 'Bash'), 'ask')
        .event(call('c', 'Read'), 'ask')
        .event(answer('a', false), 'ask')
        .event(answer('b', true), 'ask')
        .event({ type: 'claude.permission_denied', tool: 'Write', toolUseId: 'x', input: '' }, 'ask')
        .event({ type: 'claude.retrying', attempt: 1, maxRetries: 10, delayMs: 1, error: 'x' }, 'ask')
        .event(attemptFinished(), 'ask').records,
    );
    expect(scraped.value('stepspan_claude_tool_calls_total', { tool: 'Bash', result: 'success' })).toBe(1);
    expect(scraped.value('stepspan_claude_tool_calls_total', { tool: 'Bash', result: 'error' })).toBe(1);
    expect(scraped.value('stepspan_claude_tool_calls_total', { tool: 'Read', result: 'unanswered' })).toBe(1);
    expect(scraped.sum('stepspan_claude_tool_calls_total')).toBe(3);
    expect(scraped.value('stepspan_claude_permission_denials_total', { tool: 'Write' })).toBe(1);
    expect(scraped.value('stepspan_claude_api_retries_total')).toBe(1);
  });

  test('has its own cumulative metrics shown as increments, without what would make a series of each session', async () => {
    const scraped = await measured(
      journalOf()
        .event(runStarted(['ask']))
        .event(telemetry(10, { model: 'opus', type: 'input', 'session.id': 's1', 'user.id': 'u' }), 'ask')
        .event(telemetry(15, { model: 'opus', type: 'input', 'session.id': 's1', 'user.id': 'u' }), 'ask')
        .event(telemetry(4, { model: 'opus', type: 'input', 'session.id': 's2', 'user.id': 'u' }), 'ask')
        .event(telemetry(3, { model: 'opus', type: 'input', 'session.id': 's1', 'user.id': 'u' }), 'ask', 2)
        .event(telemetry(2, { type: 'sideways' }, 'claude_code.active_time.total'), 'ask')
        .event(telemetry(7, {}, 'claude_code.something.new'), 'ask').records,
    );
    expect(scraped.value('claude_code_token_usage_tokens_total', { model: 'opus', type: 'input' })).toBe(22);
    const labels = scraped.samples.filter(({ name }) => name === 'claude_code_token_usage_tokens_total');
    expect(labels.map((sample) => Object.keys(sample.labels))).toEqual([['workflow', 'model', 'type']]);
    expect(scraped.value('claude_code_active_time_seconds_total', { type: 'other' })).toBe(2);
    expect(scraped.value('stepspan_label_overflow_total', { label: 'fixed' })).toBe(1);
    expect(scraped.value('stepspan_claude_unknown_metrics_total')).toBe(1);
  });

  test('has points that cannot be shown counted: of a kind that is not a sum, values that are not a number, and those that were dropped', async () => {
    const gauge = { name: 'claude_code.load', gauge: { dataPoints: [{ asDouble: 1 }, { asDouble: 2 }] } };
    const request = { resourceMetrics: [{ scopeMetrics: [{ metrics: [gauge] }] }] };
    const scraped = await measured(
      journalOf()
        .event(runStarted(['ask']))
        .event({ ...telemetry(1, {}), request } as Event, 'ask')
        .event(telemetry(Number.NaN, { type: 'input' }), 'ask')
        .event({ ...telemetry(1, { type: 'input' }), dropped: 2 } as Event, 'ask').records,
    );
    expect(scraped.value('stepspan_claude_unknown_metrics_total')).toBe(5);
  });

  test('continues its own metrics where they were, over a restart between two exports', async () => {
    const point = (value: number) => telemetry(value, { type: 'cli' }, 'claude_code.active_time.total');
    const { records } = journalOf()
      .event(runStarted(['ask']))
      .event(point(10), 'ask')
      .event(point(12), 'ask');
    const first = newMeasure();
    first.take(runId, records.slice(0, 2));
    const second = newMeasure(structuredClone(first.stored()));
    second.take(runId, records.slice(2));
    expect((await shown(second)).value('claude_code_active_time_seconds_total', { type: 'cli' })).toBe(12);
  });

  test('that sends nonsense as telemetry counts nothing and breaks nothing', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), async (request) => {
        const event = { ...telemetry(1, {}), request } as Event;
        const scraped = await measured(
          journalOf()
            .event(runStarted(['ask']))
            .event(event, 'ask').records,
        );
        expect(scraped.sum('claude_code_token_usage_tokens_total')).toBe(0);
      }),
      { numRuns: 50 },
    );
  });
});

describe('the metrics of the conventions', () => {
  const text = (key: string, value: string) => ({ key, value: { stringValue: value } });
  const count = (key: string, value: number) => ({ key, value: { intValue: String(value) } });
  const span = (name: string, ms: number, attributes: readonly unknown[]) => ({
    traceId: '0af7651916cd43dd8448eb211c80319c',
    spanId: 'b7ad6b7169203331',
    name,
    startTimeUnixNano: '1795000000000000000',
    endTimeUnixNano: String(1_795_000_000_000_000_000n + BigInt(ms) * 1_000_000n),
    attributes,
  });
  const spans = (...all: readonly unknown[]): Event => ({
    type: 'claude.telemetry',
    signal: 'traces',
    derived: false,
    items: all.length,
    request: { resourceSpans: [{ resource: {}, scopeSpans: [{ scope: {}, spans: all }] }] },
  });

  test('are measured from the spans of Claude Code: calls of the model, tools, the agent and its subagents', async () => {
    const call = {
      type: 'claude.tool_called',
      toolUseId: 't1',
      tool: 'Task',
      input: '{"subagent_type":"reviewer","prompt":"x"}',
      parentToolUseId: undefined,
    } as const;
    const scraped = await measured(
      journalOf()
        .event(runStarted(['ask']))
        .event(attemptStarted, 'ask')
        .event(call, 'ask')
        .event(
          spans(
            span('claude_code.interaction', 4000, []),
            span('claude_code.llm_request', 2000, [
              text('model', 'opus'),
              count('input_tokens', 10),
              count('cache_read_tokens', 90),
              count('output_tokens', 7),
            ]),
            span('claude_code.tool', 500, [text('tool_name', 'Bash')]),
            span('claude_code.tool', 800, [text('tool_name', 'Task'), text('tool_use_id', 't1')]),
            span('claude_code.hook', 1, []),
          ),
          'ask',
        ).records,
    );
    const sums = (name: string, labels: Record<string, string>) => [
      scraped.value(`${name}_sum`, labels),
      scraped.value(`${name}_count`, labels),
    ];
    expect(sums('gen_ai_client_operation_duration_seconds', { gen_ai_request_model: 'opus' })).toEqual([2, 1]);
    expect(sums('gen_ai_client_token_usage', { gen_ai_token_type: 'input' })).toEqual([100, 1]);
    expect(sums('gen_ai_client_token_usage', { gen_ai_token_type: 'output' })).toEqual([7, 1]);
    expect(sums('gen_ai_execute_tool_duration_seconds', { gen_ai_tool_name: 'Bash' })).toEqual([0.5, 1]);
    expect(sums('gen_ai_invoke_agent_duration_seconds', { gen_ai_agent_name: 'claude-code' })).toEqual([4, 1]);
    expect(sums('gen_ai_invoke_agent_duration_seconds', { gen_ai_agent_name: 'reviewer' })).toEqual([0.8, 1]);
  });
});
