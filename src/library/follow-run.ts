// Follows the journal of a run and keeps its folded state, so that the end of the run reads only what came since: of a run of 1 GB,
// reading all of it again would be another 1 GB. Made by run-workflow.ts; the terminal and callers of the library watch through it.
import type { JournalRecord } from '../core/record.ts';
import type { JournalProblem, JournalReader, ReadOptions } from '../journal/index.ts';
import { emptyRunState, foldAll, type RunState } from '../runs/index.ts';

export type RunFollower = {
  /**
   * Reads the journal from its start as it grows, to the end of the run. Resolves with what it folds to; rejects with what
   * `onBatch` or the reading throws. Without `onBatch` it ends where it is when the run has ended.
   * @param onBatch is given each batch with the state behind it, and is waited for
   */
  readonly follow: (onBatch?: OnBatch) => Promise<RunState>;
  /** To be called after the last record was written. Waits for no follower. */
  readonly finish: () => Promise<RunState>;
};

export type OnBatch = (records: readonly JournalRecord[], state: RunState) => Promise<void> | void;

/** @param onProblem is called with damage and gaps; the process that writes the journal comes to its end all the same */
export function createRunFollower(reader: JournalReader, onProblem: (problem: JournalProblem) => void): RunFollower {
  /** Of the reading that has come the furthest. */
  let latest = emptyRunState();
  // Following ends with the last record, which a full disk might not have taken: then it ends with the writer. A reader that
  // lags, or whose folder is removed meanwhile, then comes to an end as well.
  const written = new AbortController();

  async function read(from: RunState, options: Partial<ReadOptions>, onBatch?: OnBatch): Promise<RunState> {
    let state = from;
    const batches = reader.read({ ...options, from: from.nextSeq, onProblem });
    for await (const batch of batches) {
      state = foldAll(batch, state);
      if (state.nextSeq > latest.nextSeq) latest = state;
      await onBatch?.(batch, state);
    }
    return state;
  }

  return {
    async follow(onBatch) {
      const reuseMemory = onBatch === undefined;
      const options = { follow: true, signal: written.signal, reuseMemory };
      const state = await read(emptyRunState(), options, onBatch);
      if (!written.signal.aborted) return state;
      // What nobody is shown is read by `finish` already.
      return onBatch === undefined ? latest : read(state, {}, onBatch);
    },
    finish() {
      written.abort();
      return read(latest, { reuseMemory: true });
    },
  };
}
