// Counts what was shipped, from totals that the runs themselves keep: each shipper adds to the totals of its run, and what they have
// grown by since the last look is counted. The totals that were seen are stored with the counters, so each record counts once.
import type { RunId } from '../../core/ids.ts';
import { metrics } from './catalogue.ts';
import { add, type Change } from './metric.ts';

const signals = ['logs', 'traces'] as const;
const names = ['sent', 'bytes', 'refused', 'rejected', 'retried'] as const;

/** Totals of one signal of a run, over all who have shipped it. */
type Shipped = Readonly<Record<(typeof names)[number], number>>;

/** Undefined if the totals of a signal cannot be read: then nothing of it is counted. */
export type ShippedRun = Readonly<Record<(typeof signals)[number], Shipped | undefined>>;

export type StoredShipped = { readonly runId: RunId } & Partial<Record<(typeof signals)[number], Shipped>>;

type ShippedRuns = {
  /**
   * Takes the totals of a run as they are now.
   * @param fromStart of a run that is seen for the first time: whether all that it has is to be counted, or only what comes
   * @returns undefined when nothing has changed
   */
  readonly take: (runId: RunId, now: ShippedRun, fromStart: boolean) => readonly Change[] | undefined;
  /** Whether any was forgotten. */
  readonly keepOnly: (runIds: ReadonlySet<RunId>) => boolean;
  readonly stored: () => readonly StoredShipped[];
};

export function createShippedRuns(stored: readonly StoredShipped[] = []): ShippedRuns {
  const seen = new Map(stored.map((run) => [run.runId, run]));
  return {
    take(runId, now, fromStart) {
      const before = seen.get(runId);
      // Seen in part it would be taken for one whose other totals are new.
      if (before === undefined && signals.some((signal) => now[signal] === undefined)) return undefined;
      let next: StoredShipped | undefined = before ?? (fromStart ? undefined : { runId });
      const changes: Change[] = [];
      for (const signal of signals) {
        const totals = now[signal];
        if (totals === undefined || same(totals, before?.[signal])) continue;
        next = { runId, ...next, [signal]: totals };
        // A run that was seen with nothing yet counts from 0; for one that was not seen, `fromStart` decides.
        const base = before === undefined && !fromStart ? totals : (before?.[signal] ?? nothing);
        changes.push(...grown(signal, base, totals));
      }
      // An old run is kept also while it is at 0: what is shipped of it later is to be counted from there.
      if (next === undefined || next === before) return undefined;
      seen.set(runId, next);
      return changes;
    },
    keepOnly(runIds) {
      const before = seen.size;
      for (const runId of [...seen.keys()]) if (!runIds.has(runId)) seen.delete(runId);
      return seen.size !== before;
    },
    stored: () => [...seen.values()],
  };
}

const nothing: Shipped = { sent: 0, bytes: 0, refused: 0, rejected: 0, retried: 0 };

/** Totals that went down were put back, as a power cut may do to a file: what comes again was sent again, and counts from there. */
function grown(signal: (typeof signals)[number], from: Shipped, to: Shipped): Change[] {
  const counter = {
    sent: metrics.sent,
    bytes: metrics.sentBytes,
    refused: metrics.refused,
    rejected: metrics.rejected,
    retried: metrics.retried,
  };
  return names.flatMap((name) => {
    const more = to[name] - from[name];
    return more > 0 ? [add(counter[name], { signal }, more)] : [];
  });
}

function same(now: Shipped, before: Shipped = nothing): boolean {
  return names.every((name) => now[name] === before[name]);
}
