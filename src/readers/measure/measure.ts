// The measuring of any number of runs: takes their records, keeps their counters, answers scrapes. Its state is one value,
// counters and positions together, so that every record is counted exactly once, also over restarts, if it is kept whole. Called by the hub and
// by the server of one run.
import type { RunId } from '../../core/ids.ts';
import type { JournalRecord } from '../../core/record.ts';
import { catalogue, keptGauges, metrics } from './catalogue.ts';
import { type Exposition, type Format, writeMetrics } from './exposition.ts';
import { foldMetrics } from './fold-metrics.ts';
import { type Change, type GaugeSample, gauge, type Metric } from './metric.ts';
import { idleGauges, runGauges } from './run-gauges.ts';
import { createRunLabels, type RunLabels } from './run-labels.ts';
import { newRunMemory, type RunMemory, type StoredRun, storeRun, unstoreRun } from './run-memory.ts';
import type { Series } from './series.ts';
import { createSeriesStore, type HeldSeries, type SeriesStore } from './series-store.ts';
import { createShippedRuns, type ShippedRun, type StoredShipped } from './shipped-runs.ts';
import type { StoredSeries } from './stored-series.ts';

export type Measure = {
  /** The sequence number from which on a run is to be read; undefined when all of it was counted. */
  readonly position: (runId: RunId) => number | undefined;
  /** Counts the next records of a run. Synchronous: what is stored is never half of a record. */
  readonly take: (runId: RunId, records: readonly JournalRecord[]) => void;
  /**
   * Counts what was shipped of a run since it was last asked, from its totals as they are now.
   * @param fromStart of a run that was never asked of: whether what it has counts, or only what comes
   */
  readonly takeShipped: (runId: RunId, now: ShippedRun, fromStart: boolean) => void;
  /** Says that all of a run was counted, or that it is not to be. */
  readonly close: (runId: RunId) => void;
  /**
   * As `close`, for a run that is too old to be counted: its workflow is known from then on, and when it succeeded.
   * @param succeededMs when it ended with success, as Unix ms
   */
  readonly skipRun: (runId: RunId, workflow: string | undefined, succeededMs: number | undefined) => void;
  /** Forgets runs that no longer exist. What they counted stays. */
  readonly keepOnly: (runIds: ReadonlySet<RunId>) => void;
  /** Counts what is in no journal: what the hub itself does. */
  readonly apply: (...changes: readonly Change[]) => void;
  /** Of the first hub that had this state: finished runs that started earlier (Unix ms) are skipped. */
  readonly sinceMs: number;
  readonly scrape: (format: Format, gauges?: Iterable<GaugeSample>) => Promise<Scrape>;
  /** What a scrape shows, as data. */
  readonly snapshot: (gauges?: Iterable<GaugeSample>) => Snapshot;
  /** Goes up with every change of what `stored` returns. */
  readonly version: () => number;
  readonly stored: () => StoredMeasure;
};

export type Snapshot = {
  readonly seriesOf: (metric: Metric) => readonly Series[];
} & Pick<Scrape, 'held' | 'seen'>;

export type Scrape = Exposition & {
  /** How many series it shows at 0 for the first time; what they count shows from the next scrape on. */
  readonly held: number;
  /** To be called when the scraper has it: series that it saw at 0 for the first time count from then on. */
  readonly seen: () => void;
};

/** The cursor of a run that sends its metrics itself. A hub does not count a run that has it: it would count twice. */
export const pushCursor = 'push-metrics';

/** Raised with every change of the shape below. */
export const storedVersion = 1;

export type StoredMeasure = {
  readonly stepspanMetrics: typeof storedVersion;
  readonly sinceMs: number;
  readonly series: StoredSeries;
  readonly active: readonly StoredRun[];
  readonly closed: readonly RunId[];
  /** Missing if an earlier version stored it, which counted only what the hub itself shipped. */
  readonly shipped?: readonly StoredShipped[];
};

export type MeasureOptions = {
  /** `run`: without the metrics that only a hub has. */
  readonly scope: Metric['scope'];
  readonly version: string;
  /** If nothing is stored: how old a finished run may be to be counted, as the Unix ms of its start. */
  readonly sinceMs: number;
  readonly stored?: StoredMeasure | undefined;
  /** Keys of labels of runs that metrics have too. Default: none. */
  readonly labels?: readonly string[];
};

export function createMeasure({ scope, version, stored, ...options }: MeasureOptions): Measure {
  const sinceMs = stored?.sinceMs ?? options.sinceMs;
  const runLabels = createRunLabels(options.labels ?? []);
  const served = catalogue.filter((metric) => scope === 'hub' || metric.scope === 'run').map(runLabels.extend);
  const kept = served.filter((metric) => metric.type !== 'gauge' || keptGauges.has(metric));
  const store = createSeriesStore(kept, metrics.labelOverflow, stored?.series);
  const shipped = createShippedRuns(stored?.shipped);
  const runs = createRunCounts(store, runLabels, stored);
  let changes = 0;

  const workflows = (): string[] => store.seriesOf(metrics.runsStarted).map(({ labels }) => labels.workflow ?? '');

  function snapshot(gauges: Iterable<GaugeSample> = []): Snapshot {
    const held: readonly HeldSeries[] = store.held();
    const now = store.merge([
      gauge(metrics.info, { version }, 1),
      ...idleGauges(workflows()),
      ...runGauges(runs.active()),
      ...gauges,
    ]);
    return {
      seriesOf: (metric) => now.get(metric) ?? store.seriesOf(metric),
      held: held.length,
      seen: () => {
        if (held.length > 0) store.release(held);
      },
    };
  }

  return {
    position: runs.position,
    take: runs.take,
    close: runs.close,
    takeShipped(runId, now, fromStart) {
      const grown = shipped.take(runId, now, fromStart);
      if (grown === undefined) return;
      store.apply(grown);
      changes += 1;
    },
    skipRun(runId, workflow, succeededMs) {
      if (workflow !== undefined)
        store.apply(changesOfSkipped(workflow, succeededMs).map((change) => runLabels.label(change, {})));
      runs.close(runId);
    },
    sinceMs,
    keepOnly(runIds) {
      if (shipped.keepOnly(runIds)) changes += 1;
      runs.keepOnly(runIds);
    },
    apply: (...more) => store.apply(more),
    snapshot,
    async scrape(format, gauges) {
      const { seriesOf, ...rest } = snapshot(gauges);
      return { ...(await writeMetrics(format, served, seriesOf)), ...rest };
    },
    version: () => changes + runs.version() + store.version(),
    stored: () => ({
      stepspanMetrics: storedVersion,
      sinceMs,
      series: store.stored(),
      ...runs.stored(),
      shipped: shipped.stored(),
    }),
  };
}

/** How far each run is counted. */
function createRunCounts(store: Pick<SeriesStore, 'apply'>, runLabels: RunLabels, stored: StoredMeasure | undefined) {
  const active = new Map<RunId, RunMemory>();
  const closed = new Set<RunId>(stored?.closed);
  let version = 0;
  for (const run of stored?.active ?? []) {
    const memory = unstoreRun(run);
    // A run that cannot be continued is left uncounted from here on, rather than counted twice.
    if (memory === undefined) closed.add(run.runId);
    else active.set(run.runId, memory);
  }
  const close = (runId: RunId): void => {
    active.delete(runId);
    closed.add(runId);
    version += 1;
  };

  return {
    position: (runId: RunId) => (closed.has(runId) ? undefined : (active.get(runId)?.state.nextSeq ?? 0)),
    take(runId: RunId, records: readonly JournalRecord[]): void {
      if (closed.has(runId)) return;
      let memory = active.get(runId) ?? newRunMemory(runId);
      version += 1;
      for (const record of records) {
        const folded = foldMetrics(memory, record);
        memory = folded.memory;
        const { labels } = memory.state;
        store.apply(folded.changes.map((change) => runLabels.label(change, labels)));
        active.set(runId, memory);
        // The last record of every journal.
        if (memory.state.phase.kind !== 'finished') continue;
        close(runId);
        return;
      }
    },
    close,
    keepOnly(runIds: ReadonlySet<RunId>): void {
      for (const runId of [...closed, ...active.keys()]) {
        if (runIds.has(runId)) continue;
        closed.delete(runId);
        active.delete(runId);
        version += 1;
      }
    },
    active: () => [...active.values()].map(({ state }) => state),
    version: () => version,
    stored: () => ({ active: [...active.values()].map(storeRun), closed: [...closed] }),
  };
}

/** Of all that an old run says, only its workflow and its success are still true. */
function changesOfSkipped(workflow: string, succeededMs: number | undefined): readonly Change[] {
  const touch: Change = { kind: 'touch', labels: { workflow } };
  if (succeededMs === undefined) return [touch];
  return [touch, { kind: 'raise', metric: metrics.lastSuccess, labels: { workflow }, value: succeededMs / 1000 }];
}
