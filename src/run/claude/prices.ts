// What a token costs, for the estimate of a run's cost while Claude Code is at work. Pure. The final number is always
// Claude Code's own; these prices decide only when a budget stops a step, so in doubt they are too high.
import { isObject, type JsonObject, parseObject } from '../../core/json.ts';

/** USD per million tokens. */
export type ModelPrice = {
  readonly input: number;
  readonly output: number;
  readonly cacheRead: number;
  /** Writing to the cache that lives five minutes. */
  readonly cacheWrite: number;
  /** Writing to the cache that lives one hour. */
  readonly cacheWrite1h: number;
};

/** Prices by model id without date and provider; the longest key that a model id starts with is used. */
export type PriceTable = Readonly<Record<string, ModelPrice>>;

/** The API's rule for cache writes: 1.25 times the input price for five minutes, twice for one hour. */
function price(input: number, output: number, cacheRead = input / 10): ModelPrice {
  return { input, output, cacheRead, cacheWrite: input * 1.25, cacheWrite1h: input * 2 };
}

/**
 * List prices as built into Claude Code 2.1.328. Haiku 5.5 has a higher price for prompts over 100,000 tokens;
 * that one is taken for all of its prompts.
 */
export const defaultPrices: PriceTable = {
  'claude-3-5-haiku': price(0.8, 4),
  'claude-haiku-4': price(1, 5),
  'claude-haiku-5': price(1, 5),
  'claude-haiku-5-5': price(0.5, 2.5),
  'claude-3-5-sonnet': price(3, 15),
  'claude-3-7-sonnet': price(3, 15),
  'claude-sonnet-4': price(3, 15),
  'claude-sonnet-5': price(2, 10),
  'claude-sonnet-5-5': price(2, 10, 0.1),
  'claude-opus-4': price(15, 75),
  'claude-opus-4-5': price(5, 25),
  'claude-opus-4-6': price(5, 25),
  'claude-opus-4-7': price(5, 25),
  'claude-opus-4-8': price(5, 25),
  'claude-opus-5': price(5, 25),
  'claude-opus-5-5': price(4, 20, 0.2),
  'claude-fable-5': price(10, 50),
  'claude-fable-5-2': price(8, 40, 0.2),
  'claude-mythos-5': price(10, 50),
  'claude-mythos-5-2': price(8, 40, 0.2),
};

/** @returns the price, and whether the table knows the model; an unknown one costs as much as the dearest known one */
export function priceOf(table: PriceTable, model: string): { readonly price: ModelPrice; readonly known: boolean } {
  // Cloud providers put a region and vendor before the name and a version after it: us.anthropic.claude-…-v1:0.
  const start = model.indexOf('claude-');
  const name = start === -1 ? model : model.slice(start);
  const key = Object.keys(table)
    .filter((each) => name === each || (name.startsWith(each) && !/[a-z0-9]/i.test(name.charAt(each.length))))
    .sort((a, b) => b.length - a.length)[0];
  const found = key === undefined ? undefined : table[key];
  return found === undefined ? { price: dearest(table), known: false } : { price: found, known: true };
}

/** Per kind of token, so that no unknown model can come out cheaper than a known one. */
function dearest(table: PriceTable): ModelPrice {
  const top = (pick: (each: ModelPrice) => number): number => Math.max(0, ...Object.values(table).map(pick));
  return {
    input: top((each) => each.input),
    output: top((each) => each.output),
    cacheRead: top((each) => each.cacheRead),
    cacheWrite: top((each) => each.cacheWrite),
    cacheWrite1h: top((each) => each.cacheWrite1h),
  };
}

export type PricesRead =
  | { readonly ok: true; readonly prices: PriceTable }
  | { readonly ok: false; readonly problems: readonly string[] };

/**
 * Reads a file of prices, which replace the built-in ones model by model.
 * Form: `{ "claude-opus-5-5": { "input": 4, "output": 20, "cacheRead": 0.2, "cacheWrite": 5, "cacheWrite1h": 8 } }`, in USD
 * per million tokens; only `input` and `output` are needed, the rest follows by the API's usual factors.
 * @param file its name, for messages
 */
export function parsePrices(text: string, file: string): PricesRead {
  const root = parseObject(text);
  if (root === undefined) {
    return { ok: false, problems: [`${file}: is not a JSON object; write {"MODEL": {"input": USD, "output": USD}}`] };
  }
  const problems: string[] = [];
  const prices: Record<string, ModelPrice> = { ...defaultPrices };
  for (const [model, entry] of Object.entries(root)) {
    if (!isObject(entry)) {
      problems.push(`${file}: "${model}" is not an object; write {"input": USD, "output": USD} per million tokens`);
      continue;
    }
    const base = { ...price(amount(entry.input) ?? 0, amount(entry.output) ?? 0) };
    const known = Object.keys(base);
    const wrong = Object.entries(entry).filter(([key, value]) => !known.includes(key) || amount(value) === undefined);
    const missing = ['input', 'output'].filter((key) => !(key in entry));
    for (const [key, value] of wrong) {
      problems.push(
        known.includes(key)
          ? `${file}: "${model}.${key}" is ${JSON.stringify(value)}; write a number of USD per million tokens, 0 or more`
          : `${file}: "${model}.${key}" is unknown; write one of ${known.join(', ')}`,
      );
    }
    for (const key of missing) problems.push(`${file}: "${model}.${key}" is missing; write USD per million tokens`);
    if (wrong.length === 0 && missing.length === 0) prices[model] = { ...base, ...amountsIn(entry) };
  }
  return problems.length === 0 ? { ok: true, prices } : { ok: false, problems };
}

function amountsIn(entry: JsonObject): Readonly<Record<string, number>> {
  return Object.fromEntries(
    Object.entries(entry).flatMap(([key, value]) => {
      const usd = amount(value);
      return usd === undefined ? [] : [[key, usd] as const];
    }),
  );
}

function amount(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : undefined;
}
