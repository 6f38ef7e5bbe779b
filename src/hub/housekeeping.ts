// Keeps the data folder small: compresses the journals of ended runs, removes what is too old or too much, and measures the disk. A task
// of the supervisor that does something once a minute.
import { readdir, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunId } from '../core/ids.ts';
import { applyRetention, archiveSealed, type DataFolder, segmentForm } from '../journal/index.ts';
import { add, type GaugeSample, gauge, type Measure, metrics } from '../readers/measure/index.ts';
import type { ReadableRun, RunTask } from './supervisor.ts';

export type HousekeepingOptions = {
  readonly data: DataFolder;
  readonly measure: Measure;
  readonly archive: boolean;
  /** Undefined keeps everything. */
  readonly retention: { readonly maxAgeMs: number | undefined; readonly maxBytes: number | undefined } | undefined;
  readonly onError: (task: 'archive' | 'retention', error: unknown) => void;
  readonly everyMs: number;
  readonly signal: AbortSignal;
};

export type Housekeeping = RunTask & {
  /** As of the last time that it was done. */
  readonly gauges: () => readonly GaugeSample[];
};

/** Half the time of one core at most, so that runs on few cores keep theirs. */
const archiveDuty = 0.5;

export function createHousekeeping(options: HousekeepingOptions): Housekeeping {
  const { data, measure, signal, everyMs } = options;
  /** Finished and archived, as far as it can be: nothing changes there any more. */
  const done = new Set<RunId>();
  let gauges: readonly GaugeSample[] = [];
  let doneAt = Number.NEGATIVE_INFINITY;

  async function archive(runs: readonly ReadableRun[]): Promise<void> {
    for (const { runId, kind } of runs) {
      if (signal.aborted) return;
      // A live run is archived by its own writer, when it is quiet.
      if (kind === 'live' || done.has(runId)) continue;
      try {
        const report = await archiveSealed(data.runDir(runId), { signal, duty: archiveDuty });
        measure.apply(
          add(metrics.archivedSegments, {}, report.archived),
          add(metrics.archiveSaved, {}, report.rawBytes - report.archivedBytes),
        );
        for (const { file, reason } of report.left)
          options.onError('archive', new Error(`${file} stays uncompressed: ${reason}`));
        if (!signal.aborted) done.add(runId);
      } catch (error) {
        options.onError('archive', error);
      }
    }
  }

  async function removeOld(nowMs: number): Promise<void> {
    if (options.retention === undefined) return;
    const { removedRuns } = await applyRetention(data, { ...options.retention, now: nowMs });
    for (const { runId, bytes, unread } of removedRuns) {
      done.delete(runId);
      measure.apply(
        add(metrics.removedRuns, {}),
        add(metrics.removedBytes, {}, bytes),
        ...unread.map(({ reader, lines, events }) => add(metrics.removedUnread, { reader }, lines + events)),
      );
    }
  }

  return {
    name: 'housekeeping',
    async look({ runs, nowMs }) {
      if (performance.now() - doneAt < everyMs) return;
      if (options.archive) await archive(runs);
      if (signal.aborted) return;
      await removeOld(nowMs).catch((error: unknown) => options.onError('retention', error));
      gauges = await diskUse(data);
      doneAt = performance.now();
    },
    gauges: () => gauges,
  };
}

async function diskUse(data: DataFolder): Promise<GaugeSample[]> {
  const runIds = data.listRunIds();
  const count = { raw: 0, archived: 0 };
  let bytes = 0;
  for (const runId of runIds) {
    const { journalDir } = data.runDir(runId);
    for (const name of await readdir(journalDir).catch(() => [])) {
      bytes += (await stat(join(journalDir, name)).catch(() => undefined))?.size ?? 0;
      const form = segmentForm(name);
      if (form !== undefined) count[form] += 1;
    }
  }
  return [
    ...(await diskSpace(data)),
    gauge(metrics.journalBytes, {}, bytes),
    gauge(metrics.journalSegments, { form: 'raw' }, count.raw),
    gauge(metrics.journalSegments, { form: 'archived' }, count.archived),
  ];
}

/** Of a file system that cannot be asked nothing is said: 0 would be an alarm. */
async function diskSpace(data: DataFolder): Promise<GaugeSample[]> {
  const found = await statfs(data.root).catch(() => undefined);
  if (found === undefined) return [];
  return [
    // `bavail` leaves out what is reserved for root.
    gauge(metrics.dataFolderFree, {}, found.bavail * found.bsize),
    gauge(metrics.dataFolderSize, {}, found.blocks * found.bsize),
  ];
}
