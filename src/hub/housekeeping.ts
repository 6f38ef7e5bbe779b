// Keeps the data folder small: compresses the journals of ended runs, removes what is too old or too much, and measures the disk. A task
// of the supervisor that does something once a minute.
import { statfs } from 'node:fs/promises';
import type { RunId } from '../core/ids.ts';
import { createTimeSlice } from '../core/time-slice.ts';
import {
  applyRetention,
  archiveSealed,
  createJournalSizes,
  type DataFolder,
  type JournalSize,
  type RetentionReport,
} from '../journal/index.ts';
import { add, type GaugeSample, gauge, type Measure, metrics } from '../readers/measure/index.ts';
import type { Look, RunTask } from './supervisor.ts';

export type HousekeepingOptions = {
  readonly data: DataFolder;
  readonly measure: Measure;
  readonly archive: boolean;
  /** Readers that are to have every run before it is removed; what they had not is counted. */
  readonly readers: readonly string[];
  /** Undefined keeps everything. */
  readonly retention: { readonly maxAgeMs: number | undefined; readonly maxBytes: number | undefined } | undefined;
  /** Called for an ended run that has no raw segment left, some time after it was archived. */
  readonly onArchived: (runId: RunId) => void;
  readonly onError: (task: 'archive' | 'retention', error: unknown) => void;
  readonly everyMs: number;
  readonly signal: AbortSignal;
};

export type Housekeeping = RunTask & {
  /** As of the last time that it was done. */
  readonly gauges: () => readonly GaugeSample[];
};

/** Of each look, so that other tasks are not kept waiting by ten thousand raw journals. */
const archivedForMs = 1_000;

/** Half the time of one core at most, so that runs on few cores keep theirs. */
const archiveDuty = 0.5;

export function createHousekeeping(options: HousekeepingOptions): Housekeeping {
  const { data, measure, signal, everyMs } = options;
  const sizes = createJournalSizes(data);
  let gauges: readonly GaugeSample[] = [];
  let doneAt = Number.NEGATIVE_INFINITY;

  /**
   * @param archived runs that have no raw segment left: nothing changes there again
   * @returns whether it came to the end of them, and whether it has changed a journal
   */
  async function archive(
    { runs, settle }: Look,
    archived: ReadonlySet<RunId>,
  ): Promise<'unfinished' | 'changed' | 'unchanged'> {
    const slice = createTimeSlice();
    const startedAt = performance.now();
    let end: 'changed' | 'unchanged' = 'unchanged';
    for (const { runId, kind } of runs) {
      if (signal.aborted || performance.now() - startedAt > archivedForMs) return 'unfinished';
      await slice();
      // A live run is archived by its own writer, when it is quiet.
      if (kind === 'live') continue;
      if (archived.has(runId)) {
        options.onArchived(runId);
        settle(runId);
        continue;
      }
      try {
        const report = await archiveSealed(data.runDir(runId), { signal, duty: archiveDuty });
        if (report.archived > 0) end = 'changed';
        measure.apply(
          add(metrics.archivedSegments, {}, report.archived),
          add(metrics.archiveSaved, {}, report.rawBytes - report.archivedBytes),
        );
        for (const { file, reason } of report.left)
          options.onError('archive', new Error(`${file} stays uncompressed: ${reason}`));
        // What could not be archived is not tried again by this hub; the others are settled the next time.
        if (!signal.aborted && report.left.length > 0) settle(runId);
      } catch (error) {
        options.onError('archive', error);
        end = 'changed';
      }
    }
    return end;
  }

  /** @returns what it has removed */
  async function removeOld(nowMs: number, all: readonly JournalSize[]): Promise<ReadonlySet<RunId>> {
    if (options.retention === undefined) return new Set();
    const limits = { ...options.retention, now: nowMs, readers: options.readers };
    const { removedRuns } = await applyRetention(data, limits, all);
    countRemoved(measure, removedRuns);
    return new Set(removedRuns.map(({ runId }) => runId));
  }

  return {
    name: 'housekeeping',
    async look(look) {
      if (performance.now() - doneAt < everyMs) return;
      let all = await sizes.measure();
      const archived = options.archive ? await archive(look, archivedRuns(all)) : 'unchanged';
      if (archived === 'unfinished') return;
      // Measuring ten thousand journals is most of what an idle hub does, so it is not done twice for nothing.
      if (archived === 'changed') all = await sizes.measure();
      const removed = await removeOld(look.nowMs, all).catch((error: unknown) => {
        options.onError('retention', error);
        return new Set<RunId>();
      });
      gauges = [...(await diskSpace(data)), ...sizeGauges(all.filter(({ runId }) => !removed.has(runId)))];
      doneAt = performance.now();
    },
    gauges: () => gauges,
  };
}

function countRemoved(measure: Measure, removedRuns: RetentionReport['removedRuns']): void {
  for (const { bytes, unread } of removedRuns) {
    measure.apply(
      add(metrics.removedRuns, {}),
      add(metrics.removedBytes, {}, bytes),
      ...unread.map(({ reader, lines, events }) => add(metrics.removedUnread, { reader }, lines + events)),
    );
  }
}

function archivedRuns(sizes: readonly JournalSize[]): ReadonlySet<RunId> {
  return new Set(sizes.flatMap(({ runId, segments }) => (segments.raw === 0 ? [runId] : [])));
}

function sizeGauges(sizes: readonly JournalSize[]): GaugeSample[] {
  const sum = (of: (size: JournalSize) => number): number => sizes.reduce((total, size) => total + of(size), 0);
  return [
    gauge(
      metrics.journalBytes,
      {},
      sum(({ bytes }) => bytes),
    ),
    gauge(
      metrics.journalSegments,
      { form: 'raw' },
      sum(({ segments }) => segments.raw),
    ),
    gauge(
      metrics.journalSegments,
      { form: 'archived' },
      sum(({ segments }) => segments.archived),
    ),
  ];
}

/** A file system that cannot be asked has no value: 0 would be an alarm. */
async function diskSpace(data: DataFolder): Promise<GaugeSample[]> {
  const found = await statfs(data.root).catch(() => undefined);
  if (found === undefined) return [];
  return [
    // `bavail` leaves out what is reserved for root.
    gauge(metrics.dataFolderFree, {}, found.bavail * found.bsize),
    gauge(metrics.dataFolderSize, {}, found.blocks * found.bsize),
  ];
}
