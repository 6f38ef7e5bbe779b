// Delta metrics made cumulative: for each series the last point is the sum of all deltas.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { arrayAt, isObject, type JsonObject } from '../../src/core/json.ts';
import { createToCumulative } from '../../src/run/claude/intake/cumulative.ts';

const delta = 1;

function request(metric: object): JsonObject {
  return { resourceMetrics: [{ resource: {}, scopeMetrics: [{ scope: { name: 's' }, metrics: [metric] }] }] };
}

/** The points of the first metric of a request. */
function pointsOf(converted: { readonly request: JsonObject }, kind: string): readonly JsonObject[] {
  const resource = arrayAt(converted.request, 'resourceMetrics')[0] as JsonObject;
  const scope = arrayAt(resource, 'scopeMetrics')[0] as JsonObject;
  const data = (arrayAt(scope, 'metrics')[0] as JsonObject)[kind] as JsonObject;
  expect(data.aggregationTemporality).toBe(2);
  return arrayAt(data, 'dataPoints').filter(isObject);
}

const sumOf = (...dataPoints: readonly object[]) =>
  request({ name: 'm', sum: { aggregationTemporality: delta, dataPoints } });
const histogramOf = (...dataPoints: readonly object[]) =>
  request({ name: 'h', histogram: { aggregationTemporality: delta, dataPoints } });
const labelled = (label: string) => [{ key: 'label', value: { stringValue: label } }];

describe('sums', () => {
  test('of each series end at the sum of their deltas, whole numbers exactly', () => {
    const update = fc.record({
      label: fc.constantFrom('a', 'b', 'c'),
      value: fc.bigInt({ min: -(2n ** 40n), max: 2n ** 50n }),
    });
    fc.assert(
      fc.property(fc.array(fc.array(update)), (batches) => {
        const { convert } = createToCumulative();
        const expected = new Map<string, bigint>();
        const seen = new Map<string, string>();
        for (const batch of batches) {
          const points = batch.map(({ label, value }) => ({ attributes: labelled(label), asInt: String(value) }));
          for (const { label, value } of batch) expected.set(label, (expected.get(label) ?? 0n) + value);
          for (const point of pointsOf(convert(sumOf(...points)), 'sum')) {
            seen.set(JSON.stringify(point.attributes), String(point.asInt));
          }
        }
        for (const [label, value] of expected) expect(seen.get(JSON.stringify(labelled(label)))).toBe(String(value));
      }),
    );
  });

  test('keep the first start, take the newest time, and add fractions to whole numbers', () => {
    const { convert } = createToCumulative();
    convert(sumOf({ startTimeUnixNano: '1', timeUnixNano: '2', asInt: 3 }));
    const [point] = pointsOf(convert(sumOf({ startTimeUnixNano: '2', timeUnixNano: '4', asDouble: 0.5 })), 'sum');
    expect(point).toEqual({ startTimeUnixNano: '1', timeUnixNano: '4', asDouble: 3.5 });
  });

  test('are one series whatever the order of their attributes', () => {
    const { convert } = createToCumulative();
    const [a, b] = [
      { key: 'a', value: {} },
      { key: 'b', value: {} },
    ];
    convert(sumOf({ attributes: [a, b], asInt: '1' }));
    expect(pointsOf(convert(sumOf({ attributes: [b, a], asInt: '1' })), 'sum')[0]?.asInt).toBe('2');
  });

  test('that are cumulative already stay as they are', () => {
    const metric = request({ name: 'm', sum: { aggregationTemporality: 2, dataPoints: [{ asInt: '5' }] } });
    const { convert } = createToCumulative();
    convert(metric);
    expect(pointsOf(convert(metric), 'sum')).toEqual([{ asInt: '5' }]);
  });

  test('beyond the bound of series are left out and counted', () => {
    const { convert } = createToCumulative(1);
    const converted = convert(sumOf({ attributes: labelled('a'), asInt: 1 }, { attributes: labelled('b'), asInt: 1 }));
    expect(pointsOf(converted, 'sum')).toHaveLength(1);
    expect(converted.dropped).toBe(1);
    expect(convert(sumOf({ attributes: labelled('a'), asInt: 1 })).dropped).toBe(0);
  });
});

describe('histograms', () => {
  test('end at the sum of counts, buckets and values', () => {
    const counts = fc.array(fc.nat(1_000), { minLength: 3, maxLength: 3 });
    fc.assert(
      fc.property(fc.array(counts, { minLength: 1 }), (batches) => {
        const { convert } = createToCumulative();
        let last: JsonObject | undefined;
        for (const bucketCounts of batches) {
          const count = bucketCounts.reduce((a, b) => a + b);
          const point = {
            explicitBounds: [1, 2],
            bucketCounts: bucketCounts.map(String),
            count: String(count),
            sum: count / 2,
            min: count,
            max: count,
          };
          [last] = pointsOf(convert(histogramOf(point)), 'histogram');
        }
        const totals = batches.map((each) => each.reduce((a, b) => a + b));
        const total = totals.reduce((a, b) => a + b);
        expect(last).toMatchObject({
          count: String(total),
          sum: total / 2,
          min: Math.min(...totals),
          max: Math.max(...totals),
        });
        expect(last?.bucketCounts).toEqual(
          [0, 1, 2].map((index) => String(batches.reduce((sum, each) => sum + each[index]!, 0))),
        );
      }),
    );
  });

  test('with other bounds than before start again', () => {
    const { convert } = createToCumulative();
    convert(histogramOf({ explicitBounds: [1], bucketCounts: ['1', '1'], count: '2' }));
    const point = { explicitBounds: [9], bucketCounts: ['1', '0'], count: '1' };
    expect(pointsOf(convert(histogramOf(point)), 'histogram')).toEqual([point]);
  });

  test('of the exponential kind cannot be added up here, and stay as they are', () => {
    const sent = request({ name: 'e', exponentialHistogram: { aggregationTemporality: delta, dataPoints: [{}, {}] } });
    expect(createToCumulative().convert(sent)).toEqual({ request: sent, malformed: 0, dropped: 0 });
  });
});
