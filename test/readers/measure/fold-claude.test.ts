// What Claude Code's events count: cost and tokens once, tools by result, its own telemetry without its identity.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Event } from '../../../src/core/event.ts';
import { attemptFinished, attemptStarted, journalOf, modelUse, runStarted } from '../../runs/journal-of.ts';
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
