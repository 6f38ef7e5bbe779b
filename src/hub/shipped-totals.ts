// Counts what is shipped of the runs of a data folder, by any shipper: the hub, the run itself, `stepspan ship`. It reads the totals
// that shippers keep beside their cursors; src/readers/measure counts each only once. Called at each look and each scrape.
import { statSync } from 'node:fs';
import { type RunId, startedMsOf } from '../core/ids.ts';
import type { DataFolder } from '../journal/index.ts';
import type { Measure } from '../readers/measure/index.ts';
import { savedCounted } from '../readers/ship/index.ts';

/**
 * A folder that was changed this recently is looked into again, whatever its time says: two changes within one tick of the file
 * system's clock (10 ms at most on Linux, 2 s on FAT) leave the same time.
 */
const settledAfterMs = 2_000;

export type ShippedTotals = {
  /** Counts what has come since the last look. One call to the disk for a run of which nothing has. */
  readonly look: (runIds: readonly RunId[], nowMs: number) => void;
};

export function createShippedTotals(
  data: DataFolder,
  measure: Pick<Measure, 'takeShipped' | 'sinceMs'>,
): ShippedTotals {
  /** Time of the folder of cursors, of runs whose totals were read when it was long past. */
  const settled = new Map<RunId, number>();

  function lookAt(runId: RunId, nowMs: number): void {
    const folder = data.runDir(runId);
    const changedMs = statSync(folder.cursorsDir, { throwIfNoEntry: false })?.mtimeMs;
    if (changedMs === undefined || changedMs === settled.get(runId)) return;
    measure.takeShipped(runId, savedCounted(folder), startedMsOf(runId) >= measure.sinceMs);
    if (nowMs - changedMs > settledAfterMs) settled.set(runId, changedMs);
  }

  return {
    look(runIds, nowMs) {
      for (const runId of runIds) {
        try {
          lookAt(runId, nowMs);
        } catch {
          // A run that cannot be read is reported by the reader that follows it.
        }
      }
    },
  };
}
