// How far readers with a cursor are behind, over the runs of a data folder, for the hub's metrics. It reads the cursors on disk, so that
// it sees a run that ships itself as well as one that the hub ships.
import { type RunId, startedMsOf } from '../core/ids.ts';
import type { JournalRecord } from '../core/record.ts';
import { createTimeSlice } from '../core/time-slice.ts';
import { type DataFolder, readersOf, savedPosition } from '../journal/index.ts';
import { type GaugeSample, gauge, metrics } from '../readers/measure/index.ts';
import { type Catalogue, msOfNs } from '../runs/index.ts';
import { shippedForMs } from './ship-runs.ts';
import type { ReadableRun } from './supervisor.ts';

/** Runs that are looked at for one answer, oldest first: more that lag at once say no more than that shipping is down. */
const lookedAt = 200;

/** Runs whose oldest unshipped record is read for its time: that costs a read of the journal. */
const timed = 20;

export type ReaderLag = {
  readonly gauges: (runs: readonly ReadableRun[], nowMs: number) => Promise<readonly GaugeSample[]>;
};

const signals = ['logs', 'traces'] as const;

/** @param expected readers that are to have every run: one that nobody has begun for them is behind by all that it has */
export function createReaderLag(
  data: DataFolder,
  catalogue: Pick<Catalogue, 'readerOf' | 'problemsOf'>,
  expected: readonly string[],
): ReaderLag {
  /** Finished, and every reader has had all of it. */
  const settled = new Set<RunId>();

  function lagOf({ runId, kind, nextSeq }: ReadableRun): ReadonlyMap<string, { lag: number; position: number }> {
    const folder = data.runDir(runId);
    const lags = new Map(
      [...new Set([...readersOf(folder), ...expected])].map((reader) => {
        const position = savedPosition(folder, reader) ?? 0;
        return [reader, { lag: Math.max(0, nextSeq - position), position }];
      }),
    );
    if (kind === 'ended' && [...lags.values()].every(({ lag }) => lag === 0)) settled.add(runId);
    return lags;
  }

  function oldestUnsettled(runs: readonly ReadableRun[], nowMs: number): readonly ReadableRun[] {
    const found: ReadableRun[] = [];
    for (let index = runs.length - 1; index >= 0 && found.length < lookedAt; index--) {
      const run = runs[index];
      if (run === undefined || settled.has(run.runId)) continue;
      // What is too old for the hub to ship would be behind for ever.
      if (nowMs - startedMsOf(run.runId) <= shippedForMs) found.push(run);
      else if (run.kind === 'ended') settled.add(run.runId);
    }
    return found;
  }

  return {
    async gauges(runs, nowMs) {
      const samples: GaugeSample[] = [];
      for (const signal of signals) {
        samples.push(gauge(metrics.shipperLag, { signal }, 0), gauge(metrics.shipperPending, { signal }, 0));
      }
      const slice = createTimeSlice();
      let reads = 0;
      for (const run of oldestUnsettled(runs, nowMs)) {
        await slice();
        for (const [reader, { lag, position }] of lagOf(run)) {
          samples.push(gauge(metrics.cursorLag, { reader }, lag));
          const signal = signals.find((each) => reader === `ship-${each}`);
          if (signal === undefined || lag === 0) continue;
          samples.push(gauge(metrics.shipperPending, { signal }, lag));
          if (reads >= timed) continue;
          reads += 1;
          const oldest = await recordAt(catalogue, run.runId, position);
          const ageMs = oldest === undefined ? 0 : Math.max(0, nowMs - msOfNs(oldest.timeNs));
          samples.push(gauge(metrics.shipperLag, { signal }, ageMs / 1000));
        }
      }
      return samples;
    },
  };
}

/** The first record from this number on; undefined if none can be read. */
async function recordAt(
  { readerOf, problemsOf }: Pick<Catalogue, 'readerOf' | 'problemsOf'>,
  runId: RunId,
  seq: number,
): Promise<JournalRecord | undefined> {
  const reading = readerOf(runId).read({ from: seq, maxBatchBytes: 1, onProblem: problemsOf(runId).note });
  for await (const [record] of reading) return record;
  return undefined;
}
