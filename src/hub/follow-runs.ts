// Has every run of a data folder counted: follows those that go on, reads those that have ended, passes over those that
// are too old. Knows neither what is counted nor who serves it.
import { type RunId, startedMsOf } from '../core/ids.ts';
import { type DataFolder, openJournal } from '../journal/index.ts';
import type { Measure } from '../readers/measure/index.ts';
import { add, metrics } from '../readers/measure/index.ts';
import { recordAt } from './record-at.ts';

export type Followers = {
  /** Takes in what is new of these runs. Returns at once; finished runs are read one after the other. */
  readonly look: (runIds: readonly RunId[]) => void;
  /** The runs that are being followed: those that have not finished. */
  readonly active: () => readonly RunId[];
  /** Resolves when every finished run that was looked at has been counted. */
  readonly caughtUp: () => Promise<void>;
  readonly stop: () => Promise<void>;
};

export type FollowOptions = {
  readonly data: DataFolder;
  readonly measure: Measure;
  /** Runs that started earlier (Unix ms) and have finished are not counted; see `countedBeforeMs`. */
  readonly sinceMs: number;
  readonly onError: (runId: RunId, error: Error) => void;
};

export function createFollowers({ data, measure, sinceMs, onError }: FollowOptions): Followers {
  const stopping = new AbortController();
  const following = new Map<RunId, Promise<void>>();
  const queued = new Set<RunId>();
  /** Not tried again in this life: a later stepspan wrote it, or its files cannot be read. */
  const unreadable = new Set<RunId>();
  let queue: Promise<void> = Promise.resolve();

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

  async function takeIn(runId: RunId): Promise<void> {
    const { nextSeq, finished } = await readerOf(runId).head();
    if (!finished) {
      if (nextSeq > 0) start(runId);
      return;
    }
    if (measure.position(runId) === 0 && startedMsOf(runId) < sinceMs) {
      measure.passOver(runId, await recordAt(data, runId, 0), await recordAt(data, runId, nextSeq - 1));
      return;
    }
    await read(runId, false);
    // All that there is was read; a journal that is damaged at its very end has no more to give.
    measure.close(runId);
  }

  function start(runId: RunId): void {
    if (stopping.signal.aborted) return;
    const done = read(runId, true)
      .catch((error: unknown) => failed(runId, error))
      .finally(() => following.delete(runId));
    following.set(runId, done);
  }

  function failed(runId: RunId, error: unknown): void {
    if (stopping.signal.aborted) return;
    unreadable.add(runId);
    onError(runId, error as Error);
  }

  return {
    look(runIds) {
      for (const runId of runIds) {
        const known = following.has(runId) || queued.has(runId) || unreadable.has(runId);
        if (known || measure.position(runId) === undefined || stopping.signal.aborted) continue;
        queued.add(runId);
        queue = queue
          .then(() => (stopping.signal.aborted ? undefined : takeIn(runId)))
          .catch((error: unknown) => failed(runId, error))
          .finally(() => void queued.delete(runId));
      }
    },
    active: () => [...following.keys()],
    async caughtUp() {
      await queue;
    },
    async stop() {
      stopping.abort();
      await Promise.all([queue, ...following.values()]);
    },
  };
}
