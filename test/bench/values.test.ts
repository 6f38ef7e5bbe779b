// A benchmark fails on a value that cannot be.
import { expect, test } from 'vitest';
import { impossibleValues, isBelowFloor, notYet, type Section } from '../../bench/support/bench.ts';
import { checkSamples, interleave, median } from '../../bench/support/statistics.ts';

const section = (fields: Partial<Section>): Section => ({
  title: 'a bench',
  how: '',
  tables: [],
  ratios: [],
  notes: [],
  ...fields,
});

test('a sample is a finite number that is not negative', async () => {
  expect(() => checkSamples('a step', [0, 12.5, 1e6])).not.toThrow();
  for (const sample of [-1_795_832_310_975, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(() => checkSamples('a step', [1, sample])).toThrow(`a step cannot be ${sample}`);
    await expect(interleave(2, { ours: async () => sample })).rejects.toThrow('ours cannot be');
  }
});

test('a peer that is not installed has no samples', async () => {
  expect(await interleave(2, { ours: async () => 3, peer: undefined })).toEqual({ ours: [3, 3], peer: [] });
});

test('a section shows no number that is not one', () => {
  const table = (cell: string) => ({ columns: ['what', 'rate'], rows: [['ours', cell]] });
  expect(impossibleValues(section({ tables: [table('12 ms')], ratios: [{ name: 'drain', value: 1.5 }] }))).toEqual([]);
  expect(impossibleValues(section({ tables: [table(`${median([])} MB/s`)] }))).toEqual(['NaN MB/s']);
  expect(impossibleValues(section({ ratios: [{ name: 'drain', value: 1 / 0 }] }))).toEqual(['drain is Infinity']);
});

test('a goal that is not reached keeps what was reached', () => {
  const speed = notYet('at least', { goal: 1, reached: 0.5 });
  expect(speed).toEqual({ goal: 1, floor: 0.4, kind: 'at least', reached: 0.5 });
  expect(isBelowFloor({ name: 'speed', value: 0.39, bounds: speed })).toBe(true);
  const cost = notYet('at most', { goal: 80, reached: 88 });
  expect(cost.floor).toBe(110);
  expect(isBelowFloor({ name: 'cost', value: 109, bounds: cost })).toBe(false);
});
