// The cost of Claude Code that only its telemetry reports: each model call once, however often and in whatever signal it comes.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../src/core/json.ts';
import { defaultPrices } from '../../src/run/claude/prices.ts';
import { createReportedUse } from '../../src/run/claude/reported-use.ts';

type Call = { readonly id: number; readonly model: string; readonly process: string; readonly micros: number };

const attribute = (key: string, value: string | number) => ({
  key,
  value: typeof value === 'string' ? { stringValue: value } : { doubleValue: value },
});

const logsOf = ({ id, model, micros }: Call, asText = false): JsonObject => {
  const cost = micros / 1e6;
  const attributes = [
    attribute('event.name', 'api_request'),
    attribute('request_id', `req_${id}`),
    attribute('model', model),
    attribute('cost_usd', asText ? String(cost) : cost),
    attribute('input_tokens', asText ? String(micros) : micros),
  ];
  return { resourceLogs: [{ scopeLogs: [{ logRecords: [{ timeUnixNano: '1', attributes }] }] }] };
};

/** One export of delta metrics for these calls. */
const metricsOf = (calls: readonly Call[], timeUnixNano: string): JsonObject => {
  const point = (call: Call, value: number, more: readonly unknown[] = []) => ({
    startTimeUnixNano: `${call.id}`,
    timeUnixNano,
    asDouble: value,
    attributes: [attribute('model', call.model), ...more],
  });
  const sum = (name: string, dataPoints: readonly unknown[]) => ({
    name,
    sum: { aggregationTemporality: 1, dataPoints },
  });
  const metrics = [
    sum(
      'claude_code.cost.usage',
      calls.map((call) => point(call, call.micros / 1e6)),
    ),
    sum(
      'claude_code.token.usage',
      calls.map((call) => point(call, call.micros, [attribute('type', 'input')])),
    ),
  ];
  return { resourceMetrics: [{ scopeMetrics: [{ metrics }] }] };
};

const anyCalls = fc
  .array(
    fc.record({
      model: fc.constantFrom('claude-opus-5-5', 'local-llama'),
      process: fc.constantFrom('1', '2'),
      micros: fc.integer({ min: 1, max: 1_000_000 }),
    }),
    { maxLength: 20 },
  )
  .map((drafts) => drafts.map((draft, id) => ({ ...draft, id })));

describe('the use that telemetry reports', () => {
  test('is the sum of the calls, also where one signal lacks some, and where requests come again', () => {
    fc.assert(
      fc.property(anyCalls, fc.boolean(), fc.constantFrom('both', 'logs', 'metrics'), (calls, isSentAgain, signals) => {
        const use = createReportedUse(defaultPrices);
        const send = (): void => {
          for (const call of calls) {
            if (signals !== 'metrics') use.request('logs', logsOf(call, call.id % 2 === 0), call.process);
            if (signals !== 'logs') use.request('metrics', metricsOf([call], `${call.id}`), call.process);
          }
        };
        send();
        if (isSentAgain) send();
        const { costUsd, models, estimated, unknown } = use.soFar();
        const micros = calls.reduce((sum, call) => sum + call.micros, 0);
        expect(costUsd).toBeCloseTo(micros / 1e6, 9);
        expect(models.reduce((sum, each) => sum + each.inputTokens, 0)).toBe(micros);
        expect([estimated, unknown]).toEqual([false, undefined]);
      }),
    );
  });

  test('makes one event for each call', () => {
    const use = createReportedUse(defaultPrices);
    const call = { id: 1, model: 'claude-opus-5-5', process: '7', micros: 5 };
    expect(use.request('logs', logsOf(call), '7')).toMatchObject([{ type: 'claude.usage', usage: { costUsd: 5e-6 } }]);
    expect(use.request('logs', logsOf(call), '7')).toEqual([]);
    expect(use.request('logs', logsOf(call), '8')).toHaveLength(1);
    expect([...use.processes()]).toEqual(['7', '8']);
  });

  test('without a cost is estimated from the prices, and unknown for a model without one', () => {
    const free = (model: string) =>
      JSON.parse(
        JSON.stringify(logsOf({ id: 1, model, process: '', micros: 1e6 })).replace(
          '"doubleValue":1}',
          '"doubleValue":0}',
        ),
      );
    const priced = createReportedUse(defaultPrices);
    priced.request('logs', free('claude-opus-5-5'), '');
    expect(priced.soFar()).toMatchObject({ costUsd: 4, estimated: true });
    const unpriced = createReportedUse(defaultPrices);
    unpriced.request('logs', free('local-llama'), '');
    expect(unpriced.soFar()).toMatchObject({ costUsd: 0, unknown: expect.stringContaining('local-llama') });
  });

  test('is read from any JSON without an error', () => {
    fc.assert(
      fc.property(fc.constantFrom('logs', 'metrics', 'traces'), fc.jsonValue(), (signal, any) => {
        const use = createReportedUse(defaultPrices);
        const body = {
          resourceLogs: [{ scopeLogs: [{ logRecords: [any] }] }],
          resourceMetrics: [{ scopeMetrics: [{ metrics: [any] }] }],
        };
        use.request(signal as 'logs', body, '');
        expect(use.soFar().costUsd).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});
