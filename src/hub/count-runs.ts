// Counts every run of a data folder for the metrics: follows live runs, reads ended ones one after the other, and skips those that are
// too old. A task of the supervisor; what is counted is measure's.
import { type RunId, startedMsOf } from '../core/ids.ts';
import { type DataFolder, openJournal } from '../journal/index.ts';
import type { Measure } from '../readers/measure/index.ts';
import { add, metrics } from '../readers/measure/index.ts';
import { recordAt } from './record-at.ts';
import type { ReadableRun, RunTask } from './supervisor.ts';

export type RunCounter = RunTask & { readonly stop: () => Promise<void> };

export type CountOptions = {
  readonly data: DataFolder;
  readonly measure: Measure;
  /** Runs that started earlier (Unix ms) and have finished are not counted; see `countedBeforeMs`. */
  readonly sinceMs: number;
  readonly onError: (runId: RunId, error: unknown) => void;
};

export function createRunCounter({ data, measure, sinceMs, onError }: CountOptions): RunCounter {
  const stopping = new AbortController();
  const following = new Map<RunId, Promise<void>>();
  /** Its journal is damaged in a way that reading does not get past; it is not tried again. */
  const failed = new Set<RunId>();

  const readerOf = (runId: RunId) => openJournal(data.runDir(runId));

  async function read(runId: RunId, follow: boolean): Promise<void> {
    const from = measure.position(runId);
    if (from === undefined) return;
    const batches = readerOf(runId).read({
      from,
      follow,
      signal: stopping.signal,
      onProblem: ({ kind }) => measure.apply(add(metrics.journalProblems, { kind })),
    });
    for await (const records of batches) measure.take(runId, records);
  }

  async function countEnded({ runId, nextSeq }: ReadableRun): Promise<void> {
    if (measure.position(runId) === 0 && startedMsOf(runId) < sinceMs) {
      measure.skipRun(runId, await recordAt(data, runId, 0), await recordAt(data, runId, nextSeq - 1));
      return;
    }
    await read(runId, false);
    // All records were read; a journal that is damaged at its very end has no more.
    measure.close(runId);
  }

  function fail(runId: RunId, error: unknown): void {
    if (stopping.signal.aborted) return;
    failed.add(runId);
    onError(runId, error);
  }

  return {
    name: 'follow',
    async look({ runs, present }) {
      measure.keepOnly(present);
      for (const run of runs) {
        const { runId } = run;
        if (stopping.signal.aborted) return;
        if (following.has(runId) || failed.has(runId) || measure.position(runId) === undefined) continue;
        if (run.kind === 'ended') {
          await countEnded(run).catch((error: unknown) => fail(runId, error));
          continue;
        }
        const done = read(runId, true)
          .catch((error: unknown) => fail(runId, error))
          .finally(() => following.delete(runId));
        following.set(runId, done);
      }
    },
    async stop() {
      stopping.abort();
      await Promise.all(following.values());
    },
  };
}
