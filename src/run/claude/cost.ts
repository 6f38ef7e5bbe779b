// What one attempt of a Claude Code step costs: an estimate from the usage of each model call while it runs, and the
// CLI's own numbers at each result line. Pure; prices are given. The budget of the run is the engine's.
//
// Which number of the result line is the attempt's own (tried with 2.1.328):
// - `usage` leaves subagents out; `modelUsage` and `total_cost_usd` hold them.
// - Both of those go on from the total that the transcript of a resumed session saved, so they must not be added up
//   over steps; and a process can write several result lines (background work starts turns of its own), each with the
//   total so far.
// - Versions before 2.0 give no `modelUsage`: the total is then put to the session's model, with the tokens of `usage`.
// - A cost of 0 for tokens that were used, or none at all, is not taken for free: it is estimated where the model has a
//   price, and unknown otherwise.
// - `model_usage_since_last_result` holds exactly the calls of this process since its last result. It is used where it
//   is there. Older versions lack it; for a resumed session it is then an estimate which of two readings is right.
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
  /** Part of it is reckoned from prices and not reported by Claude Code. */
  readonly estimated: boolean;
  /** Why a part of it is unknown, and so not in `costUsd`. */
  readonly unknown?: string;
};

/** What a sum rests on. */
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

export function createCostMeter(options: CostMeterOptions = {}): CostMeter {
  const prices = options.prices ?? defaultPrices;
  const calls = new Map<string, Call>();
  let reported: readonly ModelUsage[] = [];
  let results = 0;
  let guessed = false;
  let sessionModel: string | undefined;
  let unreported: string | undefined;
  /** The last result is of a turn that was interrupted, maybe while the model was answering: that call is in no sum. */
  let isCutShort = false;
  let partialId = '';

  function soFar(): CostSoFar {
    const live = [...calls.values()].map((call) => useOf(call, prices));
    const models = sumByModel([...reported, ...live]);
    const costUsd = sumUsd(models.map((use) => use.costUsd));
    const so = { costUsd, models, estimated: guessed || isCutShort || results === 0 || calls.size > 0 };
    const unknown = unreported ?? (isCutShort && models.length === 0 ? endedEarly : undefined);
    return unknown === undefined ? so : { ...so, unknown };
  }

  /** Takes what a result says of its use; see the head of this file. */
  function accept(result: ClaudeResult, live: readonly ModelUsage[]): void {
    if (result.sinceLast !== undefined) {
      reported = sumByModel([...reported, ...result.sinceLast.map(withCost)]);
    } else if (options.resumed !== undefined && result.totalCostUsd !== undefined) {
      guessed = true;
      const total = { usd: result.totalCostUsd, models: modelsOf(result) };
      reported = ownOfResumed(total, options.resumed.totalCostUsd, sumByModel([...reported, ...live]));
    } else {
      const models = modelsOf(result);
      if (models === undefined) unreported = 'the result of Claude Code says neither a cost nor tokens';
      else reported = models.map(withCost);
    }
  }

  /** The totals of a result by model; undefined if it has none. */
  function modelsOf({ totalModels, totalCostUsd, usage: tokens }: ClaudeResult): readonly ModelUsage[] | undefined {
    if (totalModels.length > 0) return totalModels;
    if (totalCostUsd === undefined && tokens === undefined) return undefined;
    const use = { ...emptyUse(sessionModel ?? ''), ...tokens, costUsd: totalCostUsd ?? 0 };
    return use.costUsd === 0 && tokensOf(use) === 0 ? [] : [use];
  }

  /** A use whose tokens were reported without a cost gets one from the prices. */
  function withCost(use: ModelUsage): ModelUsage {
    if (use.costUsd > 0 || tokensOf(use) === 0) return use;
    const { price, known } = priceOf(prices, use.model);
    if (!known) {
      unreported = `Claude Code reported no cost for ${use.model === '' ? 'its model' : use.model}, and it has no price`;
      return use;
    }
    guessed = true;
    return { ...use, costUsd: costOfTokens(use, 0, price) };
  }

  function usage(id: string, model: string, change: (call: Call) => void): EventOf<'claude.usage'> {
    const call = calls.get(id) ?? { model, usage: {}, outputTokens: 0, characters: 0 };
    calls.set(id, call);
    change(call);
    return { type: 'claude.usage', messageId: id, usage: useOf(call, prices) };
  }

  /** A sum that will not change any more: guesses that stand for an unknown price are taken out. */
  function atEnd(): CostSoFar {
    if (calls.size === 0 && reported.length === 0 && (results === 0 || isCutShort)) {
      // Without a session no model was called.
      if (sessionModel === undefined && results === 0) return { costUsd: 0, models: [], estimated: false };
      return { ...soFar(), unknown: endedEarly };
    }
    const live = sumByModel([...calls.values()].map((call) => useOf(call, prices)));
    const unpriced = live.filter((use) => tokensOf(use) > 0 && !priceOf(prices, use.model).known);
    if (unpriced.length === 0) return soFar();
    const priced = live.map((use) => (unpriced.includes(use) ? { ...use, costUsd: 0 } : use));
    const models = sumByModel([...reported, ...priced]);
    const names = unpriced.map(({ model }) => model).join(', ');
    const costUsd = sumUsd(models.map((use) => use.costUsd));
    const unknown = unreported ?? `Claude Code ended before it reported a cost, and there is no price for ${names}`;
    return { costUsd, models, estimated: true, unknown };
  }

  return {
    message(message) {
      if (message.type === 'system' && message.subtype === 'init') sessionModel ??= textAt(message, 'model');
      const inner = message.type === 'stream_event' ? objectAt(message, 'event') : message;
      const said = objectAt(inner, 'message');
      switch (inner.type) {
        case 'assistant': {
          const id = textAt(said, 'id');
          // The CLI's own texts, such as API errors, come as messages of this model; no call was made for them.
          if (id === undefined || textAt(said, 'model') === '<synthetic>') return undefined;
          return usage(id, textAt(said, 'model') ?? '', (call) => {
            take(call, objectAt(said, 'usage'));
            // Each line of a message holds its next content block only, so the lengths add up.
            for (const block of objectsAt(said, 'content')) call.characters += charactersOf(block);
          });
        }
        case 'message_start':
          partialId = textAt(said, 'id') ?? '';
          return undefined;
        case 'message_delta':
          // Only with partial messages, and only for the main agent: the true count of output tokens.
          if (!calls.has(partialId)) return undefined;
          return usage(partialId, '', (call) => take(call, objectAt(inner, 'usage')));
        default:
          return undefined;
      }
    },
    result(result) {
      const live = [...calls.values()].map((call) => useOf(call, prices));
      calls.clear();
      results += 1;
      isCutShort = result.subtype === 'error_during_execution';
      accept(result, live);
    },
    soFar,
    finish: atEnd,
  };
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

function take(call: Call, usage: JsonObject): void {
  call.usage = { ...call.usage, ...usage };
  call.outputTokens = Math.max(call.outputTokens, countAt(usage, 'output_tokens'));
}

/**
 * The lines of a streamed message carry the usage of its first event, which knows one output token. So the length of
 * what was said stands in for the output until a better count comes.
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
export function costOfTokens(use: Omit<ModelUsage, 'costUsd'>, hourTokens: number, price: ModelPrice): number {
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

function emptyUse(model: string): ModelUsage {
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
