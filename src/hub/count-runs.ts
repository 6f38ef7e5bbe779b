// Counts every run of a data folder for the metrics: follows live runs, reads ended ones one after the other, and skips those that are
// too old. A task of the supervisor; what is counted is measure's.
import { type RunId, startedMsOf } from '../core/ids.ts';
import { createTimeSlice } from '../core/time-slice.ts';
import { type DataFolder, openJournal, readersOf } from '../journal/index.ts';
import { add, type Measure, metrics, pushCursor } from '../readers/measure/index.ts';
import type { Catalogue } from '../runs/index.ts';
import type { ReadableRun, RunTask } from './supervisor.ts';

export type RunCounter = RunTask & {
  /** Runs that have ended and are not counted yet. */
  readonly uncounted: () => number;
  readonly stop: () => Promise<void>;
};

export type CountOptions = {
  readonly data: DataFolder;
  readonly measure: Measure;
  readonly endedRunOf: Catalogue['endedRunOf'];
  /** Runs that started earlier (Unix ms) and have finished are not counted; see `countedBeforeMs`. */
  readonly sinceMs: number;
  readonly onError: (runId: RunId, error: unknown) => void;
};

export function createRunCounter({ data, measure, endedRunOf, sinceMs, onError }: CountOptions): RunCounter {
  const stopping = new AbortController();
  const following = new Map<RunId, Promise<void>>();
  /** Its journal is damaged in a way that reading does not get past; it is not tried again. */
  const failed = new Set<RunId>();
  let present: ReadonlySet<RunId> | undefined;
  let uncounted = 0;

  /** Its metrics come to Prometheus over OTLP; scraped as well, they would be there twice. */
  const sendsItself = (runId: RunId): boolean => readersOf(data.runDir(runId)).includes(pushCursor);

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

  async function countEnded({ runId }: ReadableRun): Promise<void> {
    if (measure.position(runId) === 0 && (startedMsOf(runId) < sinceMs || sendsItself(runId))) {
      const ended = (await endedRunOf(runId))?.summary;
      const succeededMs = ended?.state === 'success' && ended.endedAt !== null ? Date.parse(ended.endedAt) : undefined;
      measure.skipRun(runId, ended?.workflow, succeededMs);
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
    async look({ runs, present: now, settle }) {
      if (now !== present) measure.keepOnly(now);
      present = now;
      const slice = createTimeSlice();
      uncounted = runs.filter(({ kind }) => kind === 'ended').length;
      for (const run of runs) {
        const { runId } = run;
        if (stopping.signal.aborted) return;
        if (following.has(runId)) continue;
        if (run.kind === 'ended') {
          if (measure.position(runId) !== undefined && !failed.has(runId))
            await countEnded(run).catch((error: unknown) => fail(runId, error));
          settle(runId);
          uncounted -= 1;
          await slice();
          continue;
        }
        if (failed.has(runId) || measure.position(runId) === undefined) continue;
        if (measure.position(runId) === 0 && sendsItself(runId)) continue;
        const done = read(runId, true)
          .catch((error: unknown) => fail(runId, error))
          .finally(() => following.delete(runId));
        following.set(runId, done);
      }
    },
    uncounted: () => uncounted,
    async stop() {
      stopping.abort();
      await Promise.all(following.values());
    },
  };
}
