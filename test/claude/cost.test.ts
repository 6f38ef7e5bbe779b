// The cost of an attempt: the estimate while it runs, the numbers of result lines, and prices from a file.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createCostMeter } from '../../src/run/claude/cost.ts';
import { defaultPrices, parsePrices, priceOf } from '../../src/run/claude/prices.ts';
import { readResult } from '../../src/run/claude/result.ts';

const million = 1_000_000;

function assistant(id: string, model: string, usage: unknown, text = '') {
  return { type: 'assistant', message: { id, model, usage, content: [{ type: 'text', text }] } };
}

function resultLine(given: { total: number; since?: number; tokens?: number }) {
  const use = (costUSD: number) => ({ m: { inputTokens: given.tokens ?? 1, outputTokens: 0, costUSD } });
  return readResult({
    type: 'result',
    subtype: 'success',
    total_cost_usd: given.total,
    modelUsage: use(given.total),
    ...(given.since === undefined ? {} : { model_usage_since_last_result: use(given.since) }),
  });
}

describe('the live estimate', () => {
  test('counts a message once, however many lines repeat its usage', () => {
    const meter = createCostMeter();
    const usage = { input_tokens: million, output_tokens: 1, cache_read_input_tokens: million };
    for (let line = 0; line < 5; line++) meter.message(assistant('msg_1', 'claude-opus-5-5', usage));
    meter.message(assistant('msg_2', 'claude-opus-5-5', usage));
    const { costUsd, estimated } = meter.soFar();
    expect(costUsd).toBeCloseTo(2 * (4 + 0.2 + 20 / million), 9);
    expect(estimated).toBe(true);
  });

  test('takes the length of the text for the output tokens that a streamed message does not know', () => {
    const meter = createCostMeter();
    meter.message(assistant('msg_1', 'claude-opus-5-5', { output_tokens: 1 }, 'x'.repeat(400)));
    const event = meter.message(assistant('msg_1', 'claude-opus-5-5', { output_tokens: 1 }, 'x'.repeat(400)));
    expect(event?.usage.outputTokens).toBe(200);
  });

  test('prices cache writes by how long they live', () => {
    const meter = createCostMeter();
    const usage = { cache_creation_input_tokens: 2 * million, cache_creation: { ephemeral_1h_input_tokens: million } };
    meter.message(assistant('msg_1', 'claude-opus-5-5', usage));
    expect(meter.soFar().costUsd).toBeCloseTo(5 + 8, 9);
  });

  test('takes the dearest price of each kind for a model that nobody knows', () => {
    const { price, known } = priceOf(defaultPrices, 'claude-nova-9');
    expect(known).toBe(false);
    for (const each of Object.values(defaultPrices)) {
      expect(price.input).toBeGreaterThanOrEqual(each.input);
      expect(price.output).toBeGreaterThanOrEqual(each.output);
    }
  });

  test.each([
    ['claude-opus-4-20250514', 15],
    ['claude-opus-4-5-20251101', 5],
    ['us.anthropic.claude-sonnet-4-5-20250929-v1:0', 3],
    ['claude-haiku-4-5@20251001', 1],
    ['claude-opus-5-5[1m]', 4],
  ])('knows %s', (model, input) => {
    expect(priceOf(defaultPrices, model)).toMatchObject({ known: true, price: { input } });
  });
});

describe('result lines', () => {
  test('replace the estimate', () => {
    const meter = createCostMeter();
    meter.message(assistant('msg_1', 'claude-opus-5-5', { input_tokens: million }));
    meter.result(resultLine({ total: 0.5, since: 0.5 }));
    expect(meter.finish()).toMatchObject({ costUsd: 0.5, estimated: false });
  });

  test('of one process add up to what it used, whatever the total starts from', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 1_000 }), { minLength: 1 }), fc.nat(1_000), (uses, before) => {
        const meter = createCostMeter({ resumed: { totalCostUsd: before } });
        let total = before;
        for (const since of uses) {
          total += since;
          meter.result(resultLine({ total, since, tokens: since }));
        }
        expect(meter.finish()).toMatchObject({ costUsd: uses.reduce((a, b) => a + b), estimated: false });
      }),
    );
  });

  test('leave what was used after them as an estimate', () => {
    const meter = createCostMeter();
    meter.result(resultLine({ total: 0.5, since: 0.5 }));
    meter.message(assistant('msg_2', 'claude-opus-5-5', { input_tokens: million }));
    expect(meter.finish()).toMatchObject({ costUsd: 4.5, estimated: true });
  });

  test('without the use since the last one give the total of a session that began here', () => {
    const meter = createCostMeter();
    meter.result(resultLine({ total: 0.3 }));
    meter.result(resultLine({ total: 0.5 }));
    expect(meter.finish()).toMatchObject({ costUsd: 0.5, estimated: false });
  });

  test.each([
    ['holds the earlier cost', 6.1, 4.1],
    ['is its own', 4.1, 4.1],
  ])('without it, of a resumed session whose total %s, are read by the live estimate', (_, total, own) => {
    const meter = createCostMeter({ resumed: { totalCostUsd: 2 } });
    meter.message(assistant('msg_1', 'claude-opus-5-5', { input_tokens: million }));
    meter.result(resultLine({ total }));
    const cost = meter.finish();
    expect(cost.costUsd).toBeCloseTo(own, 9);
    expect(cost.estimated).toBe(true);
  });
});

describe('a file of prices', () => {
  test('is put over the built-in ones, and what it leaves out follows from the input price', () => {
    const read = parsePrices('{"claude-nova-9": {"input": 1, "output": 2, "cacheRead": 0.5}}', 'prices.json');
    expect(read.ok && priceOf(read.prices, 'claude-nova-9')).toEqual({
      known: true,
      price: { input: 1, output: 2, cacheRead: 0.5, cacheWrite: 1.25, cacheWrite1h: 2 },
    });
    expect(read.ok && priceOf(read.prices, 'claude-opus-5-5').known).toBe(true);
  });

  test('with mistakes gets each of them named with what to write', () => {
    const text = '{"a": 3, "b": {"input": "x", "output": 1, "tax": 2}, "c": {"input": 1}}';
    expect(parsePrices(text, 'p.json')).toEqual({
      ok: false,
      problems: [
        'p.json: "a" is not an object; write {"input": USD, "output": USD} per million tokens',
        'p.json: "b.input" is "x"; write a number of USD per million tokens, 0 or more',
        'p.json: "b.tax" is unknown; write one of input, output, cacheRead, cacheWrite, cacheWrite1h',
        'p.json: "c.output" is missing; write USD per million tokens',
      ],
    });
    expect(parsePrices('nonsense', 'p.json')).toMatchObject({ ok: false });
  });
});
