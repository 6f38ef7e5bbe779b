// What Claude Code cost that nobody reads the output of: counted from its telemetry, each model call once. Pure.
// Two of its signals hold the same calls: a log record `api_request` for each call, sent within a second, and the metrics
// `claude_code.cost.usage` and `claude_code.token.usage`, sent every five. A process that is killed can lose the end of
// either, so for each model of a process the larger of the two counts.
import type { ModelUsage, TelemetrySignal } from '../../core/claude-event.ts';
import type { EventOf } from '../../core/event.ts';
import { arrayAt, isObject, type JsonObject, objectAt, textAt } from '../../core/json.ts';
import { itemsIn } from '../../otlp/request.ts';
import { attributesOf, enumNumber, temporalityCumulative } from '../../otlp/values.ts';
import { type CostSoFar, costOfTokens, sumByModel, tokensOf } from './cost.ts';
import { type PriceTable, priceOf } from './prices.ts';

export type ReportedUse = {
  /**
   * Takes one export request as it was sent.
   * @param process which Claude Code it is of
   * @returns the events to record: one for each model call that is news
   */
  readonly request: (signal: TelemetrySignal, body: JsonObject, process: string) => readonly EventOf<'claude.usage'>[];
  readonly soFar: () => CostSoFar;
  /** Processes that sent anything. */
  readonly processes: () => ReadonlySet<string>;
};

/** Calls and points that are remembered so that one that is sent again counts once. A day of work has some thousand. */
const MAX_REMEMBERED = 100_000;

type Uses = Map<string, ModelUsage>;

export function createReportedUse(prices: PriceTable): ReportedUse {
  const byProcess = new Map<string, { readonly calls: Uses; readonly points: Uses }>();
  const seen = new Set<string>();
  /** The newest point of each cumulative series. */
  const latest = new Map<string, number>();
  let isEstimated = false;
  let unpriced: string | undefined;

  function isNews(key: string): boolean {
    if (seen.has(key)) return false;
    if (seen.size < MAX_REMEMBERED) seen.add(key);
    return true;
  }

  function call(record: JsonObject, process: string, calls: Uses): EventOf<'claude.usage'> | undefined {
    const facts = attributesOf(record);
    if (facts['event.name'] !== 'api_request' && textAt(record, 'eventName') !== 'api_request') return undefined;
    const id = String(facts.request_id ?? `${facts['prompt.id']}:${facts['event.sequence']}:${record.timeUnixNano}`);
    const key = `${process}:${id}`;
    if (!isNews(`call ${key}`)) return undefined;
    const use = withCost(
      {
        model: String(facts.model ?? ''),
        inputTokens: count(facts.input_tokens),
        outputTokens: count(facts.output_tokens),
        cacheReadTokens: count(facts.cache_read_tokens),
        cacheCreationTokens: count(facts.cache_creation_tokens),
      },
      facts.cost_usd,
    );
    addUse(calls, use);
    return { type: 'claude.usage', messageId: `process ${key}`, usage: use };
  }

  function withCost(use: Omit<ModelUsage, 'costUsd'>, told: unknown): ModelUsage {
    const costUsd = count(told);
    if (costUsd > 0 || tokensOf(use) === 0) return { ...use, costUsd };
    const { price, known } = priceOf(prices, use.model);
    if (!known) {
      unpriced = `Claude Code reported no cost for ${use.model === '' ? 'its model' : use.model}, and it has no price`;
      return { ...use, costUsd: 0 };
    }
    isEstimated = true;
    return { ...use, costUsd: costOfTokens(use, 0, price) };
  }

  function metric(item: JsonObject, process: string, points: Uses): void {
    const name = textAt(item, 'name');
    if (name !== 'claude_code.cost.usage' && name !== 'claude_code.token.usage') return;
    const sum = objectAt(item, 'sum');
    const isCumulative = enumNumber(sum.aggregationTemporality, 'temporality') === temporalityCumulative;
    for (const point of arrayAt(sum, 'dataPoints').filter(isObject)) {
      const facts = attributesOf(point);
      const series = JSON.stringify([process, name, point.attributes, point.startTimeUnixNano]);
      const value = count(point.asDouble ?? point.asInt);
      if (!isCumulative && !isNews(`point ${series} ${point.timeUnixNano}`)) continue;
      const more = isCumulative ? Math.max(0, value - (latest.get(series) ?? 0)) : value;
      if (isCumulative) latest.set(series, Math.max(value, latest.get(series) ?? 0));
      const kind = name === 'claude_code.cost.usage' ? 'costUsd' : tokenKinds[String(facts.type)];
      if (kind !== undefined) addUse(points, { ...noUse, model: String(facts.model ?? ''), [kind]: more });
    }
  }

  return {
    request(signal, body, process) {
      const of = byProcess.get(process) ?? { calls: new Map(), points: new Map() };
      byProcess.set(process, of);
      const events: EventOf<'claude.usage'>[] = [];
      for (const item of itemsIn(body, signal)) {
        if (signal === 'logs') events.push(...[call(item, process, of.calls)].filter((each) => each !== undefined));
        else if (signal === 'metrics') metric(item, process, of.points);
      }
      return events;
    },
    soFar() {
      const models = sumByModel([...byProcess.values()].flatMap(largerOf));
      const costUsd = models.reduce((sum, use) => sum + use.costUsd, 0);
      return { costUsd, models, estimated: isEstimated, ...(unpriced === undefined ? {} : { unknown: unpriced }) };
    },
    processes: () => new Set(byProcess.keys()),
  };
}

const tokenKinds: Readonly<Record<string, keyof Omit<ModelUsage, 'model'>>> = {
  input: 'inputTokens',
  output: 'outputTokens',
  cacheRead: 'cacheReadTokens',
  cacheCreation: 'cacheCreationTokens',
};

const noUse = { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheCreationTokens: 0, costUsd: 0 };

function largerOf({ calls, points }: { readonly calls: Uses; readonly points: Uses }): readonly ModelUsage[] {
  const models = new Set([...calls.keys(), ...points.keys()]);
  return [...models].flatMap((model) => {
    const [call, point] = [calls.get(model), points.get(model)];
    if (call === undefined || point === undefined) return call ?? point ?? [];
    const [a, b] = [call, point].map((use) => [use.costUsd, tokensOf(use)] as const);
    // Sums of the same amounts in another order differ in their last digits; the calls are then the exact ones.
    return point.costUsd > call.costUsd * (1 + 1e-9) || (call.costUsd === 0 && b![1] > a![1]) ? point : call;
  });
}

function addUse(uses: Uses, use: ModelUsage): void {
  const before = uses.get(use.model);
  const [sum] = before === undefined ? [use] : sumByModel([before, use]);
  if (sum !== undefined) uses.set(use.model, sum);
}

/** A count or an amount; older versions send them as texts. 0 for anything else. */
function count(value: unknown): number {
  const number = typeof value === 'string' || typeof value === 'number' ? Number(value) : Number.NaN;
  return Number.isFinite(number) && number > 0 ? number : 0;
}
