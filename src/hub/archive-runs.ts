// Puts the runs of a data folder that have ended into the archive, unless they did so themselves, newest first, one at a time. A task of
// the supervisor; src/readers/archive does the work for each run. A live run archives itself, and an adopted one has ended.
import type { RunId } from '../core/ids.ts';
import { createTimeSlice } from '../core/time-slice.ts';
import { type DataFolder, lockHolder, runLockPath } from '../journal/index.ts';
import {
  type ArchiveReader,
  type ArchiveTarget,
  archiveLock,
  isArchived,
  leftText,
  startArchiveReader,
} from '../readers/archive/index.ts';
import { add, type Measure, metrics } from '../readers/measure/index.ts';
import type { RunTask } from './supervisor.ts';

export type ArchiveRunsOptions = {
  readonly data: DataFolder;
  readonly target: ArchiveTarget;
  readonly measure: Pick<Measure, 'apply'>;
  readonly onError: (runId: RunId, error: unknown) => void;
};

export type ArchiveRuns = RunTask & { readonly stop: () => Promise<void> };

/** A run that the store has not taken is tried again so much later, after the others. */
const retryMs = 60_000;

/** Half the time of one core at most, so that runs on few cores keep theirs. */
const duty = 0.5;

/** So long one run has its turn; a large one comes again after the others. */
const turnMs = 10 * 60_000;

export function createArchiveRuns({ data, target, measure, onError }: ArchiveRunsOptions): ArchiveRuns {
  const tryAgainAt = new Map<RunId, number>();
  let current: { readonly runId: RunId; readonly reader: ArchiveReader; readonly done: Promise<void> } | undefined;
  let isStopped = false;

  async function start(runId: RunId): Promise<void> {
    const begun = await startArchiveReader({ folder: data.runDir(runId), target, duty });
    if (begun.kind === 'held') return;
    const { reader } = begun;
    const done = finish(runId, reader).finally(() => {
      current = undefined;
    });
    current = { runId, reader, done };
    if (isStopped) await reader.stop();
  }

  async function finish(runId: RunId, reader: ArchiveReader): Promise<void> {
    const drained = await reader.drain(turnMs, 'early');
    await reader.stop();
    const { segments, bytes } = reader.status();
    measure.apply(add(metrics.archivePutSegments, {}, segments), add(metrics.archivePutBytes, {}, bytes));
    if (drained.kind === 'drained' || isStopped) return;
    tryAgainAt.set(runId, Date.now() + retryMs);
    onError(runId, new Error(leftText(data.runDir(runId), drained)));
  }

  return {
    name: 'archive',
    async look({ runs, nowMs, settle }) {
      const slice = createTimeSlice();
      for (const { runId, kind, nextSeq } of runs) {
        if (isStopped) return;
        await slice();
        if (kind === 'live' || current?.runId === runId) continue;
        const folder = data.runDir(runId);
        if (isArchived(folder, target, nextSeq)) settle(runId);
        else if (current === undefined && (tryAgainAt.get(runId) ?? 0) <= nowMs) {
          if (lockHolder(runLockPath(folder, archiveLock)) === undefined)
            await start(runId).catch((error: unknown) => {
              tryAgainAt.set(runId, nowMs + retryMs);
              onError(runId, error);
            });
        }
      }
    },
    async stop() {
      isStopped = true;
      await current?.reader.stop();
      await current?.done;
    },
  };
}
