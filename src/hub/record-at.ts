// One record of a journal by its number. Knows nothing of what is done with it.
import type { RunId } from '../core/ids.ts';
import type { JournalRecord } from '../core/record.ts';
import { type DataFolder, openJournal } from '../journal/index.ts';

/** The first record from this number on; undefined where there is none that can be read. */
export async function recordAt(data: DataFolder, runId: RunId, seq: number): Promise<JournalRecord | undefined> {
  const reader = openJournal(data.runDir(runId));
  for await (const [record] of reader.read({ from: seq, maxBatchBytes: 1, onProblem: () => undefined })) return record;
  return undefined;
}
