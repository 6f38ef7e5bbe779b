// What a Claude step cost if its result line says less than those of the newest versions: taken from what was reported, and
// unknown, never zero, if nothing was.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../src/core/json.ts';
import { createCostMeter } from '../../src/run/claude/cost.ts';
import { readResult } from '../../src/run/claude/result.ts';

const init = (model: string): JsonObject => ({ type: 'system', subtype: 'init', model });
const usage = {
  input_tokens: 1_000_000,
  output_tokens: 10,
  cache_read_input_tokens: 5,
  cache_creation_input_tokens: 7,
};

function costOf(model: string | undefined, results: readonly JsonObject[], messages: readonly JsonObject[] = []) {
  const meter = createCostMeter();
  if (model !== undefined) meter.message(init(model));
  for (const message of messages) meter.message(message);
  for (const result of results) meter.result(readResult({ type: 'result', subtype: 'success', ...result }));
  return meter.finish();
}

describe('a result without the use of each model', () => {
  test('counts its total and its tokens for the model of the session', () => {
    expect(costOf('claude-sonnet-4-20250514', [{ total_cost_usd: 3.25, usage }])).toEqual({
      costUsd: 3.25,
      estimated: false,
      models: [
        {
          model: 'claude-sonnet-4-20250514',
          inputTokens: 1_000_000,
          outputTokens: 10,
          cacheReadTokens: 5,
          cacheCreationTokens: 7,
          costUsd: 3.25,
        },
      ],
    });
  });

  test('and without a total is estimated from its tokens, if the model has a price', () => {
    expect(costOf('claude-sonnet-4', [{ usage }])).toMatchObject({ estimated: true, models: [{ inputTokens: 1e6 }] });
    expect(costOf('claude-sonnet-4', [{ usage }]).costUsd).toBeCloseTo(3, 2);
    expect(costOf('claude-sonnet-4', [{ usage }])).not.toHaveProperty('unknown');
  });

  test('and without a price is unknown, and its tokens are kept', () => {
    const cost = costOf('local-llama', [{ total_cost_usd: 0, usage }]);
    expect(cost).toMatchObject({ costUsd: 0, unknown: expect.stringContaining('local-llama') });
    expect(cost.models).toMatchObject([{ model: 'local-llama', inputTokens: 1_000_000 }]);
  });

  test('and without anything is unknown', () => {
    expect(costOf('claude-sonnet-4', [{}]).unknown).toMatch(/neither a cost nor tokens/);
  });
});

test('an interrupted turn that reports no usage is unknown, and one that does is an estimate', () => {
  const cut = { subtype: 'error_during_execution', is_error: true, total_cost_usd: 0, modelUsage: {} };
  expect(costOf('claude-opus-5-5', [cut])).toMatchObject({ costUsd: 0, unknown: expect.any(String) });
  const use = { 'claude-opus-5-5': { inputTokens: 1, costUSD: 0.5 } };
  const partly = costOf('claude-opus-5-5', [{ ...cut, total_cost_usd: 0.5, modelUsage: use }]);
  expect(partly).toMatchObject({ costUsd: 0.5, estimated: true });
  expect(partly).not.toHaveProperty('unknown');
});

describe('a session that ended without a result', () => {
  const said = (model: string) => ({ type: 'assistant', message: { id: 'm', model, usage, content: [] } });

  test('and without a model call is unknown; one that did not begin costs nothing', () => {
    expect(costOf('claude-sonnet-4', [])).toMatchObject({
      costUsd: 0,
      unknown: expect.stringContaining('ended before'),
    });
    expect(costOf(undefined, [])).toEqual({ costUsd: 0, estimated: false, models: [] });
  });

  test('is estimated from the calls of models with a price; a model without one makes it unknown', () => {
    expect(costOf('claude-sonnet-4', [], [said('claude-sonnet-4')])).not.toHaveProperty('unknown');
    const cost = costOf('claude-sonnet-4', [], [said('local-llama')]);
    expect(cost).toMatchObject({ costUsd: 0, unknown: expect.stringContaining('no price for local-llama') });
  });
});

test('no result with tokens, or without a total, comes out as a known cost of zero', () => {
  const count = fc.nat(1_000_000);
  const tokens = fc.record(
    { input_tokens: count, output_tokens: count, cache_read_input_tokens: count },
    { requiredKeys: [] },
  );
  const result = fc.record({ total_cost_usd: fc.constant(0), usage: tokens }, { requiredKeys: [] });
  fc.assert(
    fc.property(fc.constantFrom('claude-opus-5-5', 'local-llama', ''), result, (model, line) => {
      const cost = costOf(model, [line]);
      const used = Object.values(line.usage ?? {}).some((value) => (value ?? 0) > 0);
      const isSilentZero = cost.costUsd === 0 && cost.unknown === undefined;
      expect(isSilentZero && (used || (line.usage === undefined && line.total_cost_usd === undefined))).toBe(false);
    }),
  );
});
