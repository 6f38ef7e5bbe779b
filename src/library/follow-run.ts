// What the journal of a run folds to, kept by whoever follows the run: its end then reads what came since and not all of it
// again, which of a run of 1 GB is 1 GB. Knows nobody who watches.
import type { JournalRecord } from '../core/record.ts';
import type { JournalReader, ReadOptions } from '../journal/index.ts';
import { emptyRunState, foldAll, type RunState } from '../runs/index.ts';

export type RunFollower = {
  /**
   * Reads the journal from its start as it grows, to the end of the run. Resolves with what it folds to; rejects with what
   * `onBatch` or the reading throws. Without `onBatch` it ends where it is when the run has ended.
   * @param onBatch is given each batch with the state behind it, and is waited for
   */
  readonly follow: (onBatch?: OnBatch) => Promise<RunState>;
  /** To be called when nobody writes any more. Waits for no follower. */
  readonly finish: () => Promise<RunState>;
};

export type OnBatch = (records: readonly JournalRecord[], state: RunState) => Promise<void> | void;

export function createRunFollower(reader: JournalReader): RunFollower {
  /** Of the reading that has come the furthest. */
  let latest = emptyRunState();
  // Following ends with the last record, which a full disk may not have taken: then it ends with the writer. A reader that
  // lags, or whose folder is removed meanwhile, then comes to an end as well.
  const written = new AbortController();

  async function read(from: RunState, options: Partial<ReadOptions>, onBatch?: OnBatch): Promise<RunState> {
    let state = from;
    // Damage is told by whoever reads the run later; the one who writes it must come to its end.
    const batches = reader.read({ ...options, from: from.nextSeq, onProblem: () => undefined });
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
