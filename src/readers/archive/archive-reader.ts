// Archives one run beside whatever else happens to it: looks for closed segments, puts them, and tries again what the store did not take.
// It has a cursor and a lock of its own. Used for the run that is being written, for one that has ended, and by the hub.
import { crc32 } from 'node:zlib';
import {
  type ArchiveLocation,
  type ArchiveStore,
  archivedSeq,
  isArchiveError,
  type KnownManifest,
  locationText,
  openStore,
  type S3Options,
} from '../../archive/index.ts';
import { backoffMs, withJitter } from '../../core/backoff.ts';
import { toError } from '../../core/errors.ts';
import { createSignal } from '../../core/signal.ts';
import { formatCount } from '../../core/units.ts';
import {
  acquireLock,
  hasClosedSegment,
  type LockHolder,
  openCursor,
  openJournal,
  type RunFolder,
  savedCounters,
  savedPosition,
} from '../../journal/index.ts';
import { putRun, type Stored } from './put-run.ts';

/** Where an archive is, and what its store needs to know. */
export type ArchiveTarget = S3Options & { readonly location: ArchiveLocation };

export type ArchiveOptions = {
  readonly folder: RunFolder;
  readonly target: ArchiveTarget;
  /** Share of the time that is spent compressing. Default: all of it. */
  readonly duty?: number;
};

export type ArchiveStart =
  | { readonly kind: 'archiving'; readonly reader: ArchiveReader }
  /** Another process archives this run. */
  | { readonly kind: 'held'; readonly by: LockHolder };

export type ArchiveReader = {
  readonly status: () => ArchiveStatus;
  /**
   * Waits until the archive has all of the run. Nobody may write to the journal by then.
   * @param giveUp `early`: not longer than it takes to learn that the store does not answer, or refuses
   */
  readonly drain: (ms: number, giveUp: 'early' | 'never') => Promise<Drained>;
  /** Resolves when the archive has all of a run that has ended, or the reader was stopped. */
  readonly done: Promise<void>;
  readonly stop: () => Promise<void>;
};

export type ArchiveStatus = {
  /** The first number that is not in the archive. */
  readonly nextSeq: number;
  readonly isWhole: boolean;
  /** Put by this reader. */
  readonly segments: number;
  readonly bytes: number;
  readonly lastError: Error | undefined;
};

export type Drained =
  | { readonly kind: 'drained' }
  /** How many lines and events are left, and why. */
  | { readonly kind: 'left'; readonly records: number; readonly why: string };

/** The name of its cursor, and of the label of metrics. */
export const archiveCursor = 'archive';

/** Not `archive`, which is for compressing segments in the data folder. */
export const archiveLock = 'upload';

/** Names are read so often; a segment takes longer to fill, but for the loudest of children. */
const lookEveryMs = 2_000;

/** A store that is away is asked again soon at first, so that the end of a run meets one that is back. */
const retry = { firstMs: 500, maxMs: 60_000 };

/** At the end of a run somebody waits. */
const drainRetryMs = 1_000;

export async function startArchiveReader({ folder, target, duty = 1 }: ArchiveOptions): Promise<ArchiveStart> {
  const lock = await acquireLock(
    folder,
    archiveLock,
    `archiving run ${folder.runId} to ${locationText(target.location)}`,
  );
  if (lock.kind === 'held') return { kind: 'held', by: lock.by };
  const stopping = new AbortController();
  const wakeUp = createSignal();
  const passed = createSignal();
  /** Passes that have begun, and which of them has ended last. */
  let begun = 0;
  let ended = 0;
  let isDraining = false;
  // Steps that have ended need no processor.
  const dutyNow = (): number => (isDraining ? 1 : duty);
  const work = await createWork({ folder, target, signal: stopping.signal, dutyNow });

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      const seen = wakeUp.count();
      begun += 1;
      const waitMs = await work.pass();
      ended = begun;
      passed.raise();
      if (work.isWhole()) return;
      await wakeUp.wait(seen, isDraining ? Math.min(waitMs, drainRetryMs) : waitMs);
    }
  }

  const done = run().finally(async () => {
    await work.close();
    lock.release();
  });
  const reader: ArchiveReader = {
    status: work.status,
    done,
    async drain(ms, giveUp) {
      const deadlineMs = performance.now() + ms;
      // A pass that has begun before might not have seen the end of the journal.
      const asked = begun;
      isDraining = true;
      wakeUp.raise();
      for (;;) {
        const seen = passed.count();
        if (work.isWhole()) return { kind: 'drained' };
        if (ended > asked && isHopeless(work.status(), giveUp)) break;
        if (!(await passed.wait(seen, Math.max(0, deadlineMs - performance.now())))) break;
      }
      return leftOf(folder, work.status(), locationText(target.location));
    },
    async stop() {
      stopping.abort();
      wakeUp.raise();
      await done;
    },
  };
  return { kind: 'archiving', reader };
}

type Work = {
  /** Puts what is closed. @returns how long to wait before the next pass; never rejects */
  readonly pass: () => Promise<number>;
  readonly isWhole: () => boolean;
  readonly status: () => ArchiveStatus;
  readonly close: () => Promise<void>;
};

type WorkOptions = Pick<ArchiveOptions, 'folder' | 'target'> & {
  readonly signal: AbortSignal;
  readonly dutyNow: () => number;
};

/** How far the archive of the run is, and what is done to bring it further. */
async function createWork({ folder, target, signal, dutyNow }: WorkOptions): Promise<Work> {
  const cursor = openCursor(folder, archiveCursor);
  const place = placeOf(target.location);
  const isSamePlace = cursor.counters.place === place;
  const before = isSamePlace ? cursor.counters : {};
  let store: ArchiveStore | undefined;
  let known: KnownManifest | undefined;
  let put = { segments: 0, bytes: 0 };
  let failures = 0;
  let lastError: Error | undefined;
  const isWhole = (): boolean => known?.manifest.ended === true;

  const save = (seq: number): Promise<void> =>
    cursor.save(seq, {
      place,
      segments: (before.segments ?? 0) + put.segments,
      bytes: (before.bytes ?? 0) + put.bytes,
    });
  const onStored = ({ manifest, segments, bytes }: Stored): void => {
    put = { segments: put.segments + segments, bytes: put.bytes + bytes };
    void save(archivedSeq(manifest));
  };
  // From now on retention knows that somebody is to have this run.
  await save(isSamePlace ? cursor.position : 0);

  async function putClosed(): Promise<void> {
    if (!hasClosedSegment(folder)) return;
    store ??= await openStore(target.location, target);
    known = await putRun(folder, store, known, { signal, onStored, dutyNow });
  }

  return {
    isWhole,
    status: () => ({ nextSeq: cursor.position, isWhole: isWhole(), ...put, lastError }),
    async pass() {
      try {
        await putClosed();
        failures = 0;
        lastError = undefined;
        return lookEveryMs;
      } catch (error) {
        // Another process may have written more than this one knows of.
        known = undefined;
        failures += 1;
        if (!isArchiveError(error) || error.kind !== 'aborted') lastError = toError(error);
        return withJitter(backoffMs(failures, retry));
      }
    },
    async close() {
      await cursor.save(cursor.position, cursor.counters);
      store?.close();
    },
  };
}

/** Whether another pass before the deadline would do no better than the last one. */
function isHopeless({ lastError }: ArchiveStatus, giveUp: 'early' | 'never'): boolean {
  // Nothing failed and it is not whole: the journal has no end.
  if (lastError === undefined) return true;
  return giveUp === 'early' && !(isArchiveError(lastError) && lastError.kind === 'busy');
}

async function leftOf(
  folder: RunFolder,
  { nextSeq: position, lastError }: ArchiveStatus,
  where: string,
): Promise<Extract<Drained, { kind: 'left' }>> {
  const { nextSeq, finished } = await openJournal(folder).head();
  const why =
    lastError?.message ??
    (finished ? `${where} did not take all of it in time` : 'the end of the run was not recorded');
  return { kind: 'left', records: Math.max(nextSeq - position, 0), why };
}

/**
 * One sentence about what is left, with the remedy before the reason, which is long: a summary is cut at the width of the terminal.
 */
export function leftText({ runId }: RunFolder, { records, why }: Extract<Drained, { kind: 'left' }>): string {
  const what = `${formatCount(records)} ${records === 1 ? 'line or event is' : 'lines and events are'} not archived yet`;
  return `${what}; \`stepspan archive ${runId}\` continues, and so does a hub (${why})`;
}

/** Distinguishes the cursor of one archive from that of another, as a counter of the cursor's file. */
function placeOf(location: ArchiveLocation): number {
  return crc32(locationText(location));
}

/** Whether the archive is known to have everything before `nextSeq`, by the cursor of the run. */
export function isArchived(folder: RunFolder, { location }: Pick<ArchiveTarget, 'location'>, nextSeq: number): boolean {
  if ((savedPosition(folder, archiveCursor) ?? 0) < nextSeq) return false;
  return savedCounters(folder, archiveCursor)?.place === placeOf(location);
}
