// Turns delta metrics into cumulative ones, for the life of one attempt. Pure but for what it remembers. Claude Code
// sends deltas; a delta that is lost or scraped late is wrong forever, while a sum heals with the next point.
import { arrayAt, isObject, type JsonObject } from '../../../core/json.ts';
import { mapItems } from '../../../otlp/request.ts';
import { enumNumber, temporalityCumulative, temporalityDelta } from '../../../otlp/values.ts';

/**
 * Series that are remembered for one attempt. Claude Code has about 10 metrics with a handful of models and tools each;
 * this is a hundred times that, at some 500 bytes a series.
 */
export const MAX_SERIES = 10_000;

export type ToCumulative = {
  /**
   * The request with every delta sum and histogram made cumulative. Exponential histograms cannot be added up here and stay as
   * they are. `dropped` counts points that were left out, as they are of more series than are remembered.
   */
  readonly convert: (request: JsonObject) => Converted;
};

export type Converted = { readonly request: JsonObject; readonly malformed: number; readonly dropped: number };

type Kind = 'sum' | 'histogram';

export function createToCumulative(maxSeries = MAX_SERIES): ToCumulative {
  const series = new Map<string, JsonObject>();
  let dropped = 0;

  function convertMetric(metric: JsonObject, around: unknown): JsonObject {
    for (const kind of ['sum', 'histogram'] as const) {
      const data = metric[kind];
      if (!isObject(data) || enumNumber(data.aggregationTemporality, 'temporality') !== temporalityDelta) continue;
      const name = [around, metric.name, metric.unit, kind];
      const dataPoints = arrayAt(data, 'dataPoints').flatMap((point) => {
        const sum = isObject(point) ? add(kind, name, point) : undefined;
        return sum === undefined ? [] : [sum];
      });
      return { ...metric, [kind]: { ...data, aggregationTemporality: temporalityCumulative, dataPoints } };
    }
    return metric;
  }

  function add(kind: Kind, name: unknown, point: JsonObject): JsonObject | undefined {
    const key = JSON.stringify([name, sorted(arrayAt(point, 'attributes'))]);
    const before = series.get(key);
    if (before === undefined && series.size >= maxSeries) {
      dropped += 1;
      return undefined;
    }
    const sum = before === undefined ? point : (kind === 'sum' ? addNumbers : addHistograms)(before, point);
    series.set(key, sum);
    return sum;
  }

  return {
    convert(request) {
      const before = dropped;
      return { ...mapItems(request, 'metrics', convertMetric), dropped: dropped - before };
    },
  };
}

function sorted(attributes: readonly unknown[]): readonly string[] {
  return attributes.map((each) => JSON.stringify(each)).sort();
}

/** Start of the first point, time and exemplars of the newest: what a cumulative point of the whole span has. */
function spanning(before: JsonObject, point: JsonObject): JsonObject {
  const start = before.startTimeUnixNano ?? point.startTimeUnixNano;
  return start === undefined ? { ...point } : { ...point, startTimeUnixNano: start };
}

function addNumbers(before: JsonObject, point: JsonObject): JsonObject {
  const { asInt: _int, asDouble: _double, ...rest } = spanning(before, point);
  const whole = wholeOf(before);
  const more = wholeOf(point);
  if (whole !== undefined && more !== undefined) return { ...rest, asInt: String(whole + more) };
  return { ...rest, asDouble: numberOf(before) + numberOf(point) };
}

/** 64-bit integers come as strings, and from JavaScript also as numbers; both are added up exactly. */
function wholeOf(point: JsonObject): bigint | undefined {
  const value = point.asInt;
  if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt(value);
  return typeof value === 'string' && /^-?\d{1,19}$/.test(value) ? BigInt(value) : undefined;
}

function numberOf(point: JsonObject): number {
  const value = point.asDouble ?? point.asInt;
  const number = typeof value === 'string' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : 0;
}

/** Histograms with other bounds than before start again: their buckets cannot be added. */
function addHistograms(before: JsonObject, point: JsonObject): JsonObject {
  const same = JSON.stringify(before.explicitBounds ?? []) === JSON.stringify(point.explicitBounds ?? []);
  const counts = arrayAt(before, 'bucketCounts');
  const more = arrayAt(point, 'bucketCounts');
  if (!same || counts.length !== more.length) return point;
  const both = (key: string, join: (a: number, b: number) => number): JsonObject => {
    const values = [before[key], point[key]].filter((each) => typeof each === 'number');
    return values.length === 0 ? {} : { [key]: values.reduce((a, b) => join(a, b)) };
  };
  return {
    ...spanning(before, point),
    count: addCounts(before.count, point.count),
    ...both('sum', (a, b) => a + b),
    ...both('min', Math.min),
    ...both('max', Math.max),
    ...(more.length === 0 ? {} : { bucketCounts: more.map((count, index) => addCounts(counts[index], count)) }),
  };
}

function addCounts(a: unknown, b: unknown): string {
  return String(countOf(a) + countOf(b));
}

function countOf(value: unknown): bigint {
  return wholeOf({ asInt: value }) ?? 0n;
}
