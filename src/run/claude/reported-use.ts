// What a Claude Code cost whose output stepspan does not read: counted from its telemetry, each model call once. Pure.
// Two of its signals hold the same calls: a log record `api_request` for each call, sent within a second, and the metrics
// `claude_code.cost.usage` and `claude_code.token.usage`, sent every five. A process that is killed can lose the end of
// either, so for each model of a process the larger of the two counts.
import type { ModelUsage, TelemetrySignal } from '../../core/claude-event.ts';
import type { EventOf } from '../../core/event.ts';
import { type JsonObject, objectAt, objectsAt, textAt } from '../../core/json.ts';
import { itemsIn } from '../../otlp/request.ts';
import { attributesOf, enumNumber, temporalityCumulative } from '../../otlp/values.ts';
import { type CostSoFar, emptyUse, priceUse, sumByModel, tokensOf } from './cost.ts';
import type { PriceTable } from './prices.ts';

export type ReportedUse = {
  /**
   * Takes one export request as it was sent.
   * @param process which Claude Code sent it; '' at an address that several share
   * @returns the events to record: one for each model call that is news
   */
  readonly request: (signal: TelemetrySignal, body: JsonObject, process: string) => readonly EventOf<'claude.usage'>[];
  readonly soFar: () => CostSoFar;
  /** Processes that sent anything to an address of their own. */
  readonly processes: () => ReadonlySet<string>;
  /** How many sessions reported at an address that several share; infinite if they do not say which they are. */
  readonly sharedSessions: () => number;
};

/** Calls and points that are remembered so that one that is sent again counts once. A day of work has some thousand. */
const MAX_REMEMBERED = 100_000;

type Uses = Map<string, ModelUsage>;
type ProcessUse = { readonly calls: Uses; readonly points: Uses };

/** What the requests so far have reported. */
type Counting = {
  readonly prices: PriceTable;
  readonly byProcess: Map<string, ProcessUse>;
  readonly sharedSessions: Set<unknown>;
  /** Keys of the calls and points that were counted. */
  readonly counted: Set<string>;
  /** The newest point of each cumulative series. */
  readonly latest: Map<string, number>;
  isEstimated: boolean;
  unpriced: string | undefined;
};

export function createReportedUse(prices: PriceTable): ReportedUse {
  const counting: Counting = {
    prices,
    byProcess: new Map(),
    sharedSessions: new Set(),
    counted: new Set(),
    latest: new Map(),
    isEstimated: false,
    unpriced: undefined,
  };
  return {
    request: (signal, body, process) => countRequest(counting, signal, body, process),
    soFar() {
      const { byProcess, isEstimated, unpriced } = counting;
      const models = sumByModel([...byProcess.values()].flatMap(largerOf));
      const costUsd = models.reduce((sum, use) => sum + use.costUsd, 0);
      return { costUsd, models, estimated: isEstimated, ...(unpriced === undefined ? {} : { unknown: unpriced }) };
    },
    processes: () => new Set([...counting.byProcess.keys()].filter((process) => process !== '')),
    sharedSessions: () =>
      counting.sharedSessions.has(undefined) ? Number.POSITIVE_INFINITY : counting.sharedSessions.size,
  };
}

function countRequest(
  counting: Counting,
  signal: TelemetrySignal,
  body: JsonObject,
  process: string,
): readonly EventOf<'claude.usage'>[] {
  const { calls, points } = counting.byProcess.get(process) ?? { calls: new Map(), points: new Map() };
  counting.byProcess.set(process, { calls, points });
  if (signal === 'metrics') {
    for (const item of itemsIn(body, signal)) countMetric(counting, item, process, points);
    return [];
  }
  const records = signal === 'logs' ? [...itemsIn(body, signal)] : [];
  return records.flatMap((record) => {
    const facts = attributesOf(record);
    if (process === '') counting.sharedSessions.add(facts['session.id']);
    const isCall = facts['event.name'] === 'api_request' || textAt(record, 'eventName') === 'api_request';
    if (!isCall) return [];
    const id = facts.request_id ?? `${facts['prompt.id']}:${facts['event.sequence']}:${record.timeUnixNano}`;
    const key = `${process}:${id}`;
    if (!isNews(counting, `call ${key}`)) return [];
    const usage = useOfCall(counting, facts);
    addUse(calls, usage);
    return [{ type: 'claude.usage', messageId: `process ${key}`, usage }];
  });
}

function isNews(counting: Counting, key: string): boolean {
  if (counting.counted.has(key)) return false;
  if (counting.counted.size < MAX_REMEMBERED) counting.counted.add(key);
  return true;
}

function useOfCall(counting: Counting, facts: Readonly<Record<string, unknown>>): ModelUsage {
  const priced = priceUse(counting.prices, {
    model: String(facts.model ?? ''),
    inputTokens: count(facts.input_tokens),
    outputTokens: count(facts.output_tokens),
    cacheReadTokens: count(facts.cache_read_tokens),
    cacheCreationTokens: count(facts.cache_creation_tokens),
    costUsd: count(facts.cost_usd),
  });
  if (priced.basis === 'estimated') counting.isEstimated = true;
  if (priced.basis === 'unknown') counting.unpriced = priced.why;
  return priced.use;
}

function countMetric(counting: Counting, metric: JsonObject, process: string, points: Uses): void {
  const name = textAt(metric, 'name');
  if (name !== 'claude_code.cost.usage' && name !== 'claude_code.token.usage') return;
  const sum = objectAt(metric, 'sum');
  const isCumulative = enumNumber(sum.aggregationTemporality, 'temporality') === temporalityCumulative;
  for (const point of objectsAt(sum, 'dataPoints')) {
    const facts = attributesOf(point);
    const series = JSON.stringify([process, name, point.attributes, point.startTimeUnixNano]);
    const value = count(point.asDouble ?? point.asInt);
    if (!isCumulative && !isNews(counting, `point ${series} ${point.timeUnixNano}`)) continue;
    const before = counting.latest.get(series) ?? 0;
    if (isCumulative) counting.latest.set(series, Math.max(value, before));
    const kind = name === 'claude_code.cost.usage' ? 'costUsd' : tokenKinds[String(facts.type)];
    if (kind === undefined) continue;
    const more = isCumulative ? Math.max(0, value - before) : value;
    addUse(points, { ...emptyUse(String(facts.model ?? '')), [kind]: more });
  }
}

const tokenKinds: Readonly<Record<string, keyof Omit<ModelUsage, 'model'>>> = {
  input: 'inputTokens',
  output: 'outputTokens',
  cacheRead: 'cacheReadTokens',
  cacheCreation: 'cacheCreationTokens',
};

function largerOf({ calls, points }: ProcessUse): readonly ModelUsage[] {
  const models = new Set([...calls.keys(), ...points.keys()]);
  return [...models].flatMap((model) => {
    const [call, point] = [calls.get(model), points.get(model)];
    if (call === undefined || point === undefined) return call ?? point ?? [];
    // Sums of the same amounts in another order differ in their last digits; the calls are then the exact ones.
    const isLarger = point.costUsd > call.costUsd * (1 + 1e-9);
    return isLarger || (call.costUsd === 0 && tokensOf(point) > tokensOf(call)) ? point : call;
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
