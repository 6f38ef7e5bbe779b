// Compares what a child printed, byte by byte, with what the journal has of it. Used by the faults of children and Claude.
import { createHash, type Hash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import type { Stream } from '../../../src/core/record.ts';
import { openJournal, type RunFolder } from '../../../src/journal/index.ts';
import type { Tally } from './tally.ts';

/** @param printed the file with what was printed; hashed and not held, because it may be a gigabyte */
export async function compareBytes(folder: RunFolder, printed: string, step: string, stream: Stream): Promise<Tally> {
  const [wanted, found] = [createHash('sha256'), createHash('sha256')];
  const wantedLines = existsSync(printed) ? await take(createReadStream(printed), wanted) : 0;
  let lines = 0;
  for await (const batch of openJournal(folder).read({ from: 0, reuseMemory: true })) {
    for (const record of batch) {
      if (record.kind !== 'output' || record.stream !== stream || record.subject?.step !== step) continue;
      found.update(record.bytes);
      lines += record.bytes.filter((byte) => byte === 0x0a).length;
    }
  }
  const isSame = wanted.digest('hex') === found.digest('hex');
  const missing = isSame ? 0 : Math.max(1, wantedLines - lines);
  const problems = isSame
    ? []
    : [`the bytes of ${stream} in the journal are not those that were printed (${lines} of ${wantedLines} line ends)`];
  return { runs: 1, lines: Math.max(1, wantedLines), missing, duplicated: 0, unaccounted: missing, problems };
}

async function take(chunks: AsyncIterable<Buffer>, hash: Hash): Promise<number> {
  let lines = 0;
  for await (const chunk of chunks) {
    hash.update(chunk);
    for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, at + 1)) lines++;
  }
  return lines;
}
