// Counts what is shipped of the runs of a data folder, by any shipper: the hub, the run itself, `stepspan ship`. It reads the totals
// that shippers keep beside their cursors; src/readers/measure counts each only once. Called at each look and each scrape.
import { statSync } from 'node:fs';
import { type RunId, startedMsOf } from '../core/ids.ts';
import { createTimeSlice } from '../core/time-slice.ts';
import { settledAfterMs } from '../data/data-folder.ts';
import type { DataFolder } from '../journal/index.ts';
import type { Measure } from '../readers/measure/index.ts';
import { savedCounted } from '../readers/ship/index.ts';

/** So many runs of which nothing is expected are looked at each time, in turn: ten thousand take 100 s and 0.5 ms of each second. */
const sweptAtOnce = 200;

/** So many runs are caught up with for one scrape; a hub that starts has more, and its looks take them one after the other. */
const caughtUpAtOnce = 500;

export type ShippedTotals = {
  /**
   * Counts what has come since the last look: of runs whose totals have changed recently, of `active` ones, and of some of the others.
   * @param active runs that somebody may be shipping now
   */
  readonly look: (runIds: readonly RunId[], nowMs: number, active?: Iterable<RunId>) => Promise<void>;
  /** As `look`, and only of runs of which something is expected. */
  readonly catchUp: (nowMs: number, active: Iterable<RunId>) => Promise<void>;
  /** Something was shipped of the run: it is looked at until its totals stay as they are. */
  readonly expect: (runId: RunId) => void;
};

export function createShippedTotals(
  data: DataFolder,
  measure: Pick<Measure, 'takeShipped' | 'sinceMs'>,
): ShippedTotals {
  /** Time of the folder of cursors, of runs whose totals were read when it was long past. */
  const settled = new Map<RunId, number>();
  const expected = new Set<RunId>();
  let known: readonly RunId[] = [];
  let swept = 0;

  function lookAt(runId: RunId, nowMs: number): void {
    const folder = data.runDir(runId);
    const changedMs = statSync(folder.cursorsDir, { throwIfNoEntry: false })?.mtimeMs;
    if (changedMs === undefined || changedMs === settled.get(runId)) {
      expected.delete(runId);
      return;
    }
    measure.takeShipped(runId, savedCounted(folder), startedMsOf(runId) >= measure.sinceMs);
    if (nowMs - changedMs > settledAfterMs) {
      settled.set(runId, changedMs);
      expected.delete(runId);
    } else expected.add(runId);
  }

  async function lookAtEach(runIds: Iterable<RunId>, nowMs: number): Promise<void> {
    const slice = createTimeSlice();
    for (const runId of runIds) {
      try {
        lookAt(runId, nowMs);
      } catch {
        // A run that cannot be read is reported by the reader that follows it.
      }
      await slice();
    }
  }

  function list(runIds: readonly RunId[]): void {
    if (runIds === known) return;
    const before = new Set(known);
    for (const runId of runIds) if (!before.delete(runId)) expected.add(runId);
    for (const gone of before) {
      expected.delete(gone);
      settled.delete(gone);
    }
    known = runIds;
  }

  function nextSwept(): readonly RunId[] {
    const count = Math.min(sweptAtOnce, known.length);
    const from = swept >= known.length ? 0 : swept;
    swept = from + count;
    return known.slice(from, swept);
  }

  return {
    async look(runIds, nowMs, active = []) {
      list(runIds);
      await lookAtEach(new Set([...expected, ...active, ...nextSwept()]), nowMs);
    },
    async catchUp(nowMs, active) {
      await lookAtEach(new Set([...active, ...(expected.size > caughtUpAtOnce ? [] : expected)]), nowMs);
    },
    expect: (runId) => void expected.add(runId),
  };
}
