// Reading with memory that is used again: what a reader sees while it holds a batch is what was appended.
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { JournalRecord } from '../../src/core/record.ts';
import { createJournal, openJournal, type RunFolder } from '../../src/journal/index.ts';
import { readRecords } from '../support/journal.ts';
import { output, stepStarted, tempRun } from './journal-rig.ts';

const MEBIBYTE = 1024 * 1024;

/** A record with a checksum for its bytes, taken while they are there. */
function summed(record: JournalRecord) {
  return record.kind === 'output' ? { ...record, bytes: crc32(record.bytes) } : record;
}

async function readReusing(folder: RunFolder, maxBatchBytes: number) {
  const records: ReturnType<typeof summed>[] = [];
  const memories = new Set<ArrayBufferLike>();
  for await (const batch of openJournal(folder).read({ from: 0, reuseMemory: true, maxBatchBytes })) {
    for (const record of batch) if (record.kind === 'output') memories.add(record.bytes.buffer);
    // Others may run in between, as in a real reader.
    await new Promise((resolve) => setImmediate(resolve));
    records.push(...batch.map(summed));
  }
  return { records, memories };
}

test('it returns what reading into fresh memory returns, over segments, large frames and batches of any size', async () => {
  const size = fc.oneof(
    fc.integer({ min: 1, max: 2_000 }),
    fc.constantFrom(60_000, 400_000, MEBIBYTE - 1, MEBIBYTE + 7),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(size, { minLength: 1, maxLength: 12 }),
      fc.constantFrom(300_000, 4 * MEBIBYTE),
      fc.constantFrom(1, 5_000, MEBIBYTE),
      async (sizes, segmentBytes, maxBatchBytes) => {
        const folder = tempRun();
        const journal = createJournal(folder, { segmentBytes, durability: 'none', archive: false });
        for (const [index, bytes] of sizes.entries()) {
          journal.event(stepStarted);
          journal.output(output(`${String.fromCharCode(97 + index).repeat(bytes)}\n`));
        }
        await journal.close();
        expect((await readReusing(folder, maxBatchBytes)).records).toEqual((await readRecords(folder)).map(summed));
      },
    ),
    { numRuns: 40 },
  );
});

test('it takes memory for one block, however long the journal is', async () => {
  const folder = tempRun();
  const journal = createJournal(folder, { segmentBytes: 4 * MEBIBYTE, durability: 'none', archive: false });
  for (let index = 0; index < 300; index++) journal.output(output(`${'x'.repeat(65_535)}\n`));
  await journal.close();
  const { records, memories } = await readReusing(folder, MEBIBYTE);
  expect(records).toHaveLength(300);
  expect(memories.size).toBe(1);
});
