// What a hub does now and then: compresses the journals of runs that have ended, removes what is too old or too much, and
// measures what is on the disk.
import { readdir, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunId } from '../core/ids.ts';
import { applyRetention, archiveSealed, type DataFolder, openJournal } from '../journal/index.ts';
import { add, type GaugeSample, gauge, type Measure, metrics } from '../readers/measure/index.ts';

export type HousekeepingOptions = {
  readonly data: DataFolder;
  readonly measure: Measure;
  readonly archive: boolean;
  /** Undefined keeps everything. */
  readonly retention: { readonly maxAgeMs: number | undefined; readonly maxBytes: number | undefined } | undefined;
  readonly onError: (task: 'archive' | 'retention', error: Error) => void;
  readonly signal: AbortSignal;
};

export type Housekeeping = {
  readonly run: (nowMs: number) => Promise<void>;
  /** As of the last `run`. */
  readonly gauges: () => readonly GaugeSample[];
};

/** Half the time of one core at most, so that runs on few cores keep theirs. */
const archiveDuty = 0.5;

export function createHousekeeping(options: HousekeepingOptions): Housekeeping {
  const { data, measure, signal } = options;
  /** Finished and archived, as far as it can be: nothing changes there any more. */
  const done = new Set<RunId>();
  let gauges: readonly GaugeSample[] = [];

  async function archive(): Promise<void> {
    for (const runId of data.listRunIds()) {
      if (signal.aborted) return;
      if (done.has(runId)) continue;
      const folder = data.runDir(runId);
      try {
        // Its own writer archives a run that goes on, when it is quiet.
        const { finished } = await openJournal(folder).head();
        if (!finished) continue;
        const report = await archiveSealed(folder, { signal, duty: archiveDuty });
        measure.apply(
          add(metrics.archivedSegments, {}, report.archived),
          add(metrics.archiveSaved, {}, report.rawBytes - report.archivedBytes),
        );
        for (const { file, reason } of report.left)
          options.onError('archive', new Error(`${file} stays uncompressed: ${reason}`));
        if (!signal.aborted) done.add(runId);
      } catch (error) {
        options.onError('archive', error as Error);
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
    async run(nowMs) {
      if (options.archive) await archive();
      if (signal.aborted) return;
      await removeOld(nowMs).catch((error: unknown) => options.onError('retention', error as Error));
      gauges = await diskUse(data);
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
      if (name.endsWith('.seg')) count.raw += 1;
      else if (name.endsWith('.seg.gz')) count.archived += 1;
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
