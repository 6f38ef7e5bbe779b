// What one attempt of a Claude Code step costs: an estimate from the usage of each model call while it runs, and the
// CLI's own numbers at each result line. Pure; prices are given. The budget of the run is the engine's.
//
// Which number of the result line is the attempt's own (tried with 2.1.328):
// - `usage` leaves subagents out; `modelUsage` and `total_cost_usd` hold them.
// - In a resumed session both of those start from the total in its transcript, so they must not be added up over steps.
//   A process can write several result lines (background work starts turns of its own), each with the total so far.
// - Versions before 2.0 have no `modelUsage`: the total is then counted for the session's model, with the tokens of `usage`.
// - A cost of 0 for tokens that were used, or no cost at all, does not mean that they were free: it is estimated if the
//   model has a price, and unknown otherwise.
// - `model_usage_since_last_result` holds exactly the calls of this process since its last result, and is used if it
//   exists. Older versions lack it; for a resumed session the more plausible of two readings is then taken.
import type { ModelUsage } from '../../core/claude-event.ts';
import { type CostBasis, roundUsd, sumUsd } from '../../core/cost.ts';
import type { EventOf } from '../../core/event.ts';
import { countAt, type JsonObject, objectAt, objectsAt, textAt } from '../../core/json.ts';
import { defaultPrices, type ModelPrice, type PriceTable, priceOf } from './prices.ts';
import type { ClaudeResult } from './result.ts';

/** What an attempt has used up to now. */
export type CostSoFar = {
  readonly costUsd: number;
  readonly models: readonly ModelUsage[];
  /** Part of it is computed from prices and not reported by Claude Code. */
  readonly estimated: boolean;
  /** Why a part of it is unknown, and so not in `costUsd`. */
  readonly unknown?: string;
};

/** How far a sum is known. */
export function basisOf({ estimated, unknown }: Pick<CostSoFar, 'estimated' | 'unknown'>): CostBasis {
  if (unknown !== undefined) return 'unknown';
  return estimated ? 'estimated' : 'known';
}

export const noCost: CostSoFar = { costUsd: 0, models: [], estimated: false };

/** What two sources of cost come to together, none of whose calls the other has. */
export function addCosts(a: CostSoFar, b: CostSoFar): CostSoFar {
  const unknown = a.unknown ?? b.unknown;
  return {
    costUsd: a.costUsd + b.costUsd,
    models: sumByModel([...a.models, ...b.models]),
    estimated: a.estimated || b.estimated,
    ...(unknown === undefined ? {} : { unknown }),
  };
}

export type CostMeter = {
  /** Takes a message of type `assistant` or `stream_event`. @returns the event to record, when the usage is news */
  readonly message: (message: JsonObject) => EventOf<'claude.usage'> | undefined;
  /** Takes a result line. */
  readonly result: (result: ClaudeResult) => void;
  readonly soFar: () => CostSoFar;
  /** The final cost, once the process has ended. */
  readonly finish: () => CostSoFar;
};

export type CostMeterOptions = {
  readonly prices?: PriceTable;
  /** For `--resume`: what the session had cost when it was left, from its last `claude.result`; for older CLIs only. */
  readonly resumed?: { readonly totalCostUsd: number };
};

/** Characters of text in one token: about four in English prose, fewer in code, so an estimate is rather too low here. */
const CHARACTERS_PER_TOKEN = 4;

const endedEarly = 'Claude Code ended before it reported any usage';

/** A model call that no result line has covered yet. `characters` are those of its output seen so far. */
type Call = { model: string; usage: JsonObject; outputTokens: number; characters: number };

/** What the messages of an attempt have shown of its cost: what the functions below share. */
type Metering = {
  readonly prices: PriceTable;
  readonly resumed: CostMeterOptions['resumed'];
  /** Model calls since the last result line, by message id. */
  readonly calls: Map<string, Call>;
  /** The sum of the result lines. */
  reported: readonly ModelUsage[];
  results: number;
  /** A part of `reported` follows from prices, or from which reading of a total is nearer. */
  isEstimated: boolean;
  sessionModel: string | undefined;
  /** Why a part of `reported` is unknown. */
  unknown: string | undefined;
  /** The last result is of a turn that was interrupted, maybe while the model was answering: that call is in no sum. */
  isCutShort: boolean;
  /** The message whose pieces are coming in. */
  partialId: string;
};

export function createCostMeter(options: CostMeterOptions = {}): CostMeter {
  const metering: Metering = {
    prices: options.prices ?? defaultPrices,
    resumed: options.resumed,
    calls: new Map(),
    reported: [],
    results: 0,
    isEstimated: false,
    sessionModel: undefined,
    unknown: undefined,
    isCutShort: false,
    partialId: '',
  };
  return {
    message: (message) => readMessage(metering, message),
    result: (result) => readResult(metering, result),
    soFar: () => costSoFar(metering),
    finish: () => finalCost(metering),
  };
}

function readMessage(metering: Metering, message: JsonObject): EventOf<'claude.usage'> | undefined {
  if (message.type === 'system' && message.subtype === 'init') metering.sessionModel ??= textAt(message, 'model');
  const inner = message.type === 'stream_event' ? objectAt(message, 'event') : message;
  const body = objectAt(inner, 'message');
  switch (inner.type) {
    case 'assistant': {
      const id = textAt(body, 'id');
      // The CLI's own texts, such as API errors, come as messages of this model; no call was made for them.
      if (id === undefined || textAt(body, 'model') === '<synthetic>') return undefined;
      return updateCall(metering, id, textAt(body, 'model') ?? '', (call) => {
        takeUsage(call, objectAt(body, 'usage'));
        // Each line of a message holds its next content block only, so the lengths add up.
        for (const block of objectsAt(body, 'content')) call.characters += charactersOf(block);
      });
    }
    case 'message_start':
      metering.partialId = textAt(body, 'id') ?? '';
      return undefined;
    case 'message_delta':
      // Only with partial messages, and only for the main agent: the true count of output tokens.
      if (!metering.calls.has(metering.partialId)) return undefined;
      return updateCall(metering, metering.partialId, '', (call) => takeUsage(call, objectAt(inner, 'usage')));
    default:
      return undefined;
  }
}

function updateCall(
  { calls, prices }: Metering,
  id: string,
  model: string,
  change: (call: Call) => void,
): EventOf<'claude.usage'> {
  const call = calls.get(id) ?? { model, usage: {}, outputTokens: 0, characters: 0 };
  calls.set(id, call);
  change(call);
  return { type: 'claude.usage', messageId: id, usage: useOf(call, prices) };
}

/** Takes what a result says of its use; see the head of this file. */
function readResult(metering: Metering, result: ClaudeResult): void {
  const live = liveUses(metering);
  metering.calls.clear();
  metering.results += 1;
  metering.isCutShort = result.subtype === 'error_during_execution';
  const { resumed, reported } = metering;
  if (result.sinceLast !== undefined) {
    metering.reported = sumByModel([...reported, ...withCosts(metering, result.sinceLast)]);
  } else if (resumed !== undefined && result.totalCostUsd !== undefined) {
    metering.isEstimated = true;
    const total = { usd: result.totalCostUsd, models: totalModels(metering, result) };
    metering.reported = ownOfResumed(total, resumed.totalCostUsd, sumByModel([...reported, ...live]));
  } else {
    const models = totalModels(metering, result);
    if (models === undefined) metering.unknown = 'the result of Claude Code says neither a cost nor tokens';
    else metering.reported = withCosts(metering, models);
  }
}

/** The totals of a result by model; undefined if it has none. */
function totalModels(
  { sessionModel }: Metering,
  { totalModels: models, totalCostUsd, usage: tokens }: ClaudeResult,
): readonly ModelUsage[] | undefined {
  if (models.length > 0) return models;
  if (totalCostUsd === undefined && tokens === undefined) return undefined;
  const use = { ...emptyUse(sessionModel ?? ''), ...tokens, costUsd: totalCostUsd ?? 0 };
  return use.costUsd === 0 && tokensOf(use) === 0 ? [] : [use];
}

function withCosts(metering: Metering, uses: readonly ModelUsage[]): readonly ModelUsage[] {
  return uses.map((use) => {
    const priced = priceUse(metering.prices, use);
    if (priced.basis === 'estimated') metering.isEstimated = true;
    if (priced.basis === 'unknown') metering.unknown = priced.why;
    return priced.use;
  });
}

function liveUses({ calls, prices }: Metering): readonly ModelUsage[] {
  return [...calls.values()].map((call) => useOf(call, prices));
}

function costSoFar(metering: Metering): CostSoFar {
  const { isEstimated, isCutShort, results, calls } = metering;
  const models = sumByModel([...metering.reported, ...liveUses(metering)]);
  const unknown = metering.unknown ?? (isCutShort && models.length === 0 ? endedEarly : undefined);
  return {
    costUsd: sumUsd(models.map((use) => use.costUsd)),
    models,
    estimated: isEstimated || isCutShort || results === 0 || calls.size > 0,
    ...(unknown === undefined ? {} : { unknown }),
  };
}

/** The final sum: guesses in place of an unknown price are removed. */
function finalCost(metering: Metering): CostSoFar {
  const { prices, calls, reported, results, isCutShort, sessionModel } = metering;
  if (calls.size === 0 && reported.length === 0 && (results === 0 || isCutShort)) {
    // Without a session no model was called.
    if (sessionModel === undefined && results === 0) return noCost;
    return { ...costSoFar(metering), unknown: endedEarly };
  }
  const live = sumByModel(liveUses(metering));
  const unpriced = live.filter((use) => tokensOf(use) > 0 && !priceOf(prices, use.model).known);
  if (unpriced.length === 0) return costSoFar(metering);
  const priced = live.map((use) => (unpriced.includes(use) ? { ...use, costUsd: 0 } : use));
  const models = sumByModel([...reported, ...priced]);
  const names = unpriced.map(({ model }) => model).join(', ');
  const why = `Claude Code ended before it reported a cost, and there is no price for ${names}`;
  const costUsd = sumUsd(models.map((use) => use.costUsd));
  return { costUsd, models, estimated: true, unknown: metering.unknown ?? why };
}

type PricedUse =
  /** Its cost is the reported one, or it used nothing. */
  | { readonly basis: 'known'; readonly use: ModelUsage }
  | { readonly basis: 'estimated'; readonly use: ModelUsage }
  | { readonly basis: 'unknown'; readonly use: ModelUsage; readonly why: string };

/** Adds a cost from the prices to a use whose tokens were reported without one. */
export function priceUse(prices: PriceTable, use: ModelUsage): PricedUse {
  if (use.costUsd > 0 || tokensOf(use) === 0) return { basis: 'known', use };
  const { price, known } = priceOf(prices, use.model);
  if (known) return { basis: 'estimated', use: { ...use, costUsd: costOfTokens(use, 0, price) } };
  const model = use.model === '' ? 'its model' : use.model;
  return { basis: 'unknown', use, why: `Claude Code reported no cost for ${model}, and it has no price` };
}

/**
 * Of a version that says totals only: does the total hold the session's earlier cost or not? The reading that is nearer to
 * the live estimate is taken. Tokens are the live ones where the total holds more, as it does not say them apart.
 */
function ownOfResumed(
  total: { readonly usd: number; readonly models: readonly ModelUsage[] | undefined },
  before: number,
  live: readonly ModelUsage[],
): readonly ModelUsage[] {
  const estimate = live.reduce((sum, use) => sum + use.costUsd, 0);
  const without = roundUsd(total.usd - before);
  const holdsBefore = without >= 0 && Math.abs(without - estimate) < Math.abs(total.usd - estimate);
  if (!holdsBefore) return total.models ?? [];
  if (estimate === 0) return without > 0 ? [{ ...emptyUse(''), costUsd: without }] : [];
  return live.map((use) => ({ ...use, costUsd: roundUsd((use.costUsd / estimate) * without) }));
}

function takeUsage(call: Call, usage: JsonObject): void {
  call.usage = { ...call.usage, ...usage };
  call.outputTokens = Math.max(call.outputTokens, countAt(usage, 'output_tokens'));
}

/**
 * The lines of a streamed message carry the usage of its first event, which counts one output token. So the output is estimated
 * from the length of the text until a better count comes.
 */
function useOf(call: Call, prices: PriceTable): ModelUsage {
  const outputTokens = Math.max(call.outputTokens, Math.ceil(call.characters / CHARACTERS_PER_TOKEN));
  const cacheCreationTokens = countAt(call.usage, 'cache_creation_input_tokens');
  const hour = Math.min(
    cacheCreationTokens,
    countAt(objectAt(call.usage, 'cache_creation'), 'ephemeral_1h_input_tokens'),
  );
  const use = {
    model: call.model,
    inputTokens: countAt(call.usage, 'input_tokens'),
    outputTokens,
    cacheReadTokens: countAt(call.usage, 'cache_read_input_tokens'),
    cacheCreationTokens,
  };
  return { ...use, costUsd: costOfTokens(use, hour, priceOf(prices, call.model).price) };
}

/** What tokens cost; `hourTokens` of those written to the cache live there for an hour. */
function costOfTokens(use: Omit<ModelUsage, 'costUsd'>, hourTokens: number, price: ModelPrice): number {
  const perMillion =
    use.inputTokens * price.input +
    use.outputTokens * price.output +
    use.cacheReadTokens * price.cacheRead +
    (use.cacheCreationTokens - hourTokens) * price.cacheWrite +
    hourTokens * price.cacheWrite1h;
  return roundUsd(perMillion / 1_000_000);
}

function charactersOf(block: JsonObject): number {
  const text = textAt(block, 'text') ?? textAt(block, 'thinking');
  if (text !== undefined) return text.length;
  return block.type === 'tool_use' ? JSON.stringify(block.input ?? {}).length : 0;
}

/** The four counts in one. */
export function tokensOf(use: Omit<ModelUsage, 'model' | 'costUsd'>): number {
  return use.inputTokens + use.outputTokens + use.cacheReadTokens + use.cacheCreationTokens;
}

export function emptyUse(model: string): ModelUsage {
  return { model, inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheCreationTokens: 0, costUsd: 0 };
}

export function sumByModel(uses: readonly ModelUsage[]): readonly ModelUsage[] {
  const sums = new Map<string, ModelUsage>();
  for (const use of uses) {
    const sum = sums.get(use.model) ?? emptyUse(use.model);
    sums.set(use.model, {
      model: use.model,
      inputTokens: sum.inputTokens + use.inputTokens,
      outputTokens: sum.outputTokens + use.outputTokens,
      cacheReadTokens: sum.cacheReadTokens + use.cacheReadTokens,
      cacheCreationTokens: sum.cacheCreationTokens + use.cacheCreationTokens,
      costUsd: sumUsd([sum.costUsd, use.costUsd]),
    });
  }
  return [...sums.values()];
}
