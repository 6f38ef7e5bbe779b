// The index for searches over all runs must never say no wrongly, whatever was printed and whatever is searched for.
import { appendFileSync, mkdirSync, readFileSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { archiveSealed } from '../../src/journal/index.ts';
import { askSearchIndex, createSearchIndexer } from '../../src/runs/search-index.ts';
import { createTrigramCollector, mayHoldAll, trigramsOf } from '../../src/runs/trigrams.ts';
import { seenLine } from '../../src/text/seen.ts';
import { beginRun, nextRunId, tempData } from '../hub/hub-rig.ts';
import { output } from '../journal/journal-rig.ts';
import { runFinished } from './journal-of.ts';

const subject = { step: 'build', attempt: 1 };

/** Text with all that changes how a line is seen, or how it is divided into pieces. */
const printed = fc
  .array(
    fc.oneof(
      { weight: 4, arbitrary: fc.string({ maxLength: 12 }) },
      fc.string({ unit: 'binary', maxLength: 6 }),
      fc.constantFrom('\u001b[31m', '\u001b[0m', '\r', '\b', '\n', '\r\n', '\u001b[2K', '\t', 'Grüße', 'ECONNREFUSED'),
    ),
    { maxLength: 20 },
  )
  .map((parts) => parts.join(''));

test('a table holds every part of every line that was added, in any case', () => {
  const collector = createTrigramCollector();
  fc.assert(
    fc.property(fc.array(printed, { maxLength: 8 }), fc.nat(), fc.nat({ max: 20 }), (texts, from, length) => {
      const lines = texts.flatMap((text) => text.split('\n')).map(seenLine);
      for (const line of lines) collector.add(Buffer.from(line));
      const table = collector.take();
      for (const line of lines) {
        const at = line.length === 0 ? 0 : from % line.length;
        for (const part of [line, line.slice(at, at + length), line.toUpperCase().slice(at, at + length)])
          if (line.toLowerCase().includes(part.toLowerCase()) && part.length <= line.length)
            expect(mayHoldAll(table, trigramsOf(line.includes(part) ? part : line))).toBe(true);
      }
    }),
  );
});

test('a table says no of texts that are not there, for most of them', () => {
  const collector = createTrigramCollector();
  for (let index = 0; index < 200; index++)
    collector.add(Buffer.from(`request ${index} of /api/v1/items took ${index * 7} ms`));
  const table = collector.take();
  const absent = Array.from({ length: 100 }, (_, index) => `needle-${index}-zq`);
  expect(absent.filter((text) => mayHoldAll(table, trigramsOf(text)))).toEqual([]);
  expect(mayHoldAll(table, trigramsOf('REQUEST 17 of'))).toBe(true);
  expect(trigramsOf('é')).toEqual([]);
  expect(collector.take().bits.every((byte) => byte === 0)).toBe(true);
});

async function archivedRun(data: ReturnType<typeof tempData>, pieces: readonly string[]) {
  const { runId, journal } = beginRun(data, nextRunId());
  for (const [index, piece] of pieces.entries())
    if (piece !== '')
      journal.output({ ...output(piece, { subject }), continues: index > 0 && !pieces[index - 1]?.endsWith('\n') });
  journal.event(runFinished());
  await journal.close();
  const folder = data.runDir(runId);
  await archiveSealed(folder);
  const longAgo = new Date(Date.now() - 60_000);
  utimesSync(folder.journalDir, longAgo, longAgo);
  return runId;
}

test('of a run that was indexed, only texts that no line of it holds are denied, and only as long as its journal stays', async () => {
  const data = tempData();
  mkdirSync(data.hub.dir, { recursive: true });
  // A word over two pieces, one with a colour in it, and one that was drawn over.
  const runId = await archivedRun(data, [
    'first nee',
    'dle\n',
    'a \u001b[31mcol\u001b[0moured word\n',
    'Zzzzz\rplain\n',
    'Grüße ans Ende',
  ]);
  const other = await archivedRun(data, ['nothing\n']);
  const indexer = createSearchIndexer(data);
  expect(indexer.has(runId)).toBe(false);
  for (const each of [runId, other]) await indexer.add(each);
  indexer.save();
  expect(indexer.has(runId)).toBe(true);
  const mayHold = (text: string) => askSearchIndex(data, text)(runId);
  for (const text of ['needle', 'coloured', 'plain', 'Grüße', 'Ende', 'ü', '', 'one\n', 'x'])
    expect([text, mayHold(text)]).toEqual([text, true]);
  for (const text of ['haystack', 'Zzzzz', 'needles']) expect([text, mayHold(text)]).toEqual([text, false]);
  expect(askSearchIndex(data, 'needle')(other)).toBe(false);

  writeFileSync(path.join(data.runDir(runId).journalDir, 'new'), '');
  expect(mayHold('haystack')).toBe(true);
  expect(createSearchIndexer(data).has(runId)).toBe(false);
  expect(createSearchIndexer(data).has(other)).toBe(true);
});

test('a torn or damaged record says nothing, and is written again', async () => {
  const data = tempData();
  mkdirSync(data.hub.dir, { recursive: true });
  const [first, second] = [await archivedRun(data, ['one\n']), await archivedRun(data, ['two\n'])];
  const indexer = createSearchIndexer(data);
  for (const runId of [first, second]) await indexer.add(runId);
  indexer.save();
  const bytes = readFileSync(data.hub.searchIndex);
  const denies = () => [first, second].map((runId) => !askSearchIndex(data, 'haystack')(runId));
  expect(denies()).toEqual([true, true]);
  truncateSync(data.hub.searchIndex, bytes.length - 3);
  expect(denies()).toEqual([true, false]);
  // As a power cut can leave it: the right size, and zeros for what was not written.
  appendFileSync(data.hub.searchIndex, Buffer.alloc(3));
  writeFileSync(data.hub.searchIndex, Buffer.concat([bytes.subarray(0, bytes.length - 40), Buffer.alloc(40)]));
  expect(denies()).toEqual([true, false]);
  const again = createSearchIndexer(data);
  expect([again.has(first), again.has(second)]).toEqual([true, false]);
  await again.add(second);
  again.save();
  expect(denies()).toEqual([true, true]);
});
