// Keeps the index for searches over all runs: adds the runs whose journals are archived, some at each look. A task of the supervisor;
// what the index holds is src/runs's.
import type { RunId } from '../core/ids.ts';
import { createTimeSlice } from '../core/time-slice.ts';
import type { DataFolder } from '../journal/index.ts';
import { createSearchIndexer, type SearchIndexer } from '../runs/search-index.ts';
import type { RunTask } from './supervisor.ts';

/** Of each look, so that other tasks are not kept waiting: a run takes 1 ms, ten thousand a minute. */
const indexedForMs = 300;

export type RunIndexerOptions = {
  readonly data: DataFolder;
  /** Whether journals are archived at all. */
  readonly archive: boolean;
  /** Whether all of the journal of an ended run is archived, and nothing will change there. */
  readonly isArchived: (runId: RunId) => boolean;
  readonly signal: AbortSignal;
};

export function createRunIndexer({ data, archive, isArchived, signal }: RunIndexerOptions): RunTask {
  let indexer: SearchIndexer | undefined;
  return {
    name: 'index',
    async look({ runs, settle }) {
      indexer ??= createSearchIndexer(data);
      const startedAt = performance.now();
      const slice = createTimeSlice();
      for (const { runId, kind } of runs) {
        if (signal.aborted || performance.now() - startedAt > indexedForMs) break;
        if (kind === 'live') continue;
        if (!archive || indexer.has(runId)) settle(runId);
        else if (isArchived(runId)) {
          await slice();
          await indexer.add(runId);
          // Also if it cannot be indexed: it is read by each search.
          settle(runId);
        }
      }
      indexer.save();
    },
  };
}
