// One record of a journal by its number, for tasks of the hub that need only its time or its event.
import type { RunId } from '../core/ids.ts';
import type { JournalRecord } from '../core/record.ts';
import { type DataFolder, openJournal } from '../journal/index.ts';

/** The first record from this number on; undefined if none can be read. */
export async function recordAt(data: DataFolder, runId: RunId, seq: number): Promise<JournalRecord | undefined> {
  const reader = openJournal(data.runDir(runId));
  for await (const [record] of reader.read({ from: seq, maxBatchBytes: 1, onProblem: () => undefined })) return record;
  return undefined;
}
