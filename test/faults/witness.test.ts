// The judges of the fault matrix are judged themselves: each kind of wrong is found, and the same seed chooses the same.
import { expect, test } from 'vitest';
import { checkRun, type Kept } from './support/check-run.ts';
import { randomOf } from './support/random.ts';
import { isKept } from './support/tally.ts';
import { judge } from './support/witness.ts';
import { witnessLines } from './support/witness-lines.ts';

const texts = witnessLines('a.1', 0, 6, 4).bytes.toString().trimEnd().split('\n');
const lines = texts.map((text) => ({ text }));

test('lines that all came once and in order are without fault', () => {
  expect(judge([{ text: 'not a line of a witness' }, ...lines])).toEqual({
    distinct: 6,
    missing: 0,
    duplicated: 0,
    disordered: 0,
    damaged: 0,
  });
});

test('a line that is missing, came twice, came late or was changed is counted as that', () => {
  const [one, two, three, four, five, six] = lines as [Line, Line, Line, Line, Line, Line];
  expect(judge([one, two, four, six])).toMatchObject({ distinct: 4, missing: 2 });
  expect(judge([one, two, two, three])).toMatchObject({ distinct: 3, duplicated: 1 });
  expect(judge([one, three, two])).toMatchObject({ distinct: 3, missing: 0, disordered: 1 });
  expect(judge([one, { text: two.text.replace('p', 'q') }, three, four, five, six])).toMatchObject({
    damaged: 1,
    missing: 1,
  });
});
type Line = (typeof lines)[number];

test('names are counted apart, as nothing orders two streams', () => {
  const other = witnessLines('a.2', 0, 2, 4)
    .bytes.toString()
    .trimEnd()
    .split('\n')
    .map((text) => ({ text }));
  expect(judge([...other, ...lines])).toMatchObject({ distinct: 8, missing: 0, disordered: 0 });
});

test('a run keeps its promises only where what was seen stays, what was journaled is shipped, and loss is admitted', () => {
  const kept: Kept[] = texts.map((text, seq) => ({ seq, timeNs: BigInt(seq), text, stream: 'stdout' }));
  const run = { lines: kept, pieces: kept, events: ['run.finished'], lost: 0, problems: [] };
  const logOf = ({ seq, timeNs, text }: Kept) =>
    ({ attributes: { 'stepspan.seq': BigInt(seq) }, timeNs, body: text }) as never;
  const shipped = kept.map(logOf);
  expect(checkRun({ run, seen: kept, shipped: [...shipped, ...shipped] })).toMatchObject({ missing: 0, duplicated: 0 });
  expect(isKept(checkRun({ run, seen: kept, shipped }))).toBe(true);

  const seen = [...kept, { ...kept[0]!, seq: 99, text: 'seen and taken back' }];
  expect(checkRun({ run, seen })).toMatchObject({ missing: 1, unaccounted: 1 });
  expect(checkRun({ run: { ...run, lost: 1 }, seen })).toMatchObject({ missing: 1, unaccounted: 0 });
  expect(checkRun({ run, seen: [], shipped: shipped.slice(1) })).toMatchObject({ missing: 1, unaccounted: 1 });
  const changed = logOf({ ...kept[0]!, timeNs: 77n });
  expect(checkRun({ run, seen: [], shipped: [changed, ...shipped] })).toMatchObject({ duplicated: 1 });
  expect(isKept(checkRun({ run: { ...run, events: ['run.started'] }, seen: [] }))).toBe(false);
});

test('the same seed makes the same choices, and each fault has choices of its own', () => {
  const draw = (seed: number, name: string) => Array.from({ length: 5 }, randomOf(seed).fork(name).next);
  expect(draw(7, 'a')).toEqual(draw(7, 'a'));
  expect(draw(7, 'a')).not.toEqual(draw(7, 'b'));
  expect(draw(7, 'a')).not.toEqual(draw(8, 'a'));
});
