// The measuring of any number of runs: takes their records, keeps their counters, answers scrapes. Its state is one value,
// counters and positions together, so that who keeps it whole counts every record exactly once over restarts.
import type { RunId } from '../../core/ids.ts';
import type { JournalRecord } from '../../core/record.ts';
import { foldAll, msOfNs } from '../../runs/index.ts';
import { catalogue, keptGauges, metrics } from './catalogue.ts';
import { type Exposition, type Format, writeMetrics } from './exposition.ts';
import { foldMetrics } from './fold-metrics.ts';
import { type Change, type GaugeSample, gauge, type Metric } from './metric.ts';
import { idleGauges, runGauges } from './run-gauges.ts';
import { newRunMemory, type RunMemory, type StoredRun, storeRun, unstoreRun } from './run-memory.ts';
import { createSeriesStore, type HeldSeries } from './series-store.ts';
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
  /** As `close`, for a run that is too old to be counted: its workflow is known from then on, and when it succeeded. */
  readonly skipRun: (runId: RunId, first: JournalRecord | undefined, last: JournalRecord | undefined) => void;
  /** Forgets runs that are not there any more. What they counted stays. */
  readonly keepOnly: (runIds: ReadonlySet<RunId>) => void;
  /** Counts what is in no journal: what the hub itself does. */
  readonly apply: (...changes: readonly Change[]) => void;
  /** Of the first hub that had this state: finished runs that started earlier (Unix ms) are passed over. */
  readonly sinceMs: number;
  readonly scrape: (format: Format, gauges?: Iterable<GaugeSample>) => Promise<Scrape>;
  /** Goes up with every change of what `stored` gives. */
  readonly version: () => number;
  readonly stored: () => StoredMeasure;
};

export type Scrape = Exposition & {
  /** How many series it shows at 0 for the first time; what they count shows from the next scrape on. */
  readonly held: number;
  /** To be called when the scraper has it: series that it saw at 0 for the first time count from then on. */
  readonly seen: () => void;
};

/** Raised with every change of the shape below. */
export const storedVersion = 1;

export type StoredMeasure = {
  readonly stepspanMetrics: typeof storedVersion;
  readonly sinceMs: number;
  readonly series: StoredSeries;
  readonly active: readonly StoredRun[];
  readonly closed: readonly RunId[];
  /** Not there where a version stored it that counted what the hub itself shipped. */
  readonly shipped?: readonly StoredShipped[];
};

export type MeasureOptions = {
  /** `run`: without the metrics that only a hub has. */
  readonly scope: Metric['scope'];
  readonly version: string;
  /** Where nothing is stored: how old a finished run may be to be counted, as the Unix ms of its start. */
  readonly sinceMs: number;
  readonly stored?: StoredMeasure | undefined;
};

export function createMeasure({ scope, version, stored, ...options }: MeasureOptions): Measure {
  const sinceMs = stored?.sinceMs ?? options.sinceMs;
  const served = catalogue.filter((metric) => scope === 'hub' || metric.scope === 'run');
  const kept = served.filter((metric) => metric.type !== 'gauge' || keptGauges.has(metric));
  const store = createSeriesStore(kept, metrics.labelOverflow, stored?.series);
  const active = new Map<RunId, RunMemory>();
  const closed = new Set<RunId>(stored?.closed);
  const shipped = createShippedRuns(stored?.shipped);
  let changes = 0;
  for (const run of stored?.active ?? []) {
    const memory = unstoreRun(run);
    // A run that cannot be gone on with is left uncounted from here on, rather than counted twice.
    if (memory === undefined) closed.add(run.runId);
    else active.set(run.runId, memory);
  }

  const workflows = (): string[] => store.seriesOf(metrics.runsStarted).map(({ labels }) => labels.workflow ?? '');

  return {
    position: (runId) => (closed.has(runId) ? undefined : (active.get(runId)?.state.nextSeq ?? 0)),
    take(runId, records) {
      if (closed.has(runId)) return;
      let memory = active.get(runId) ?? newRunMemory(runId);
      changes += 1;
      for (const record of records) {
        const folded = foldMetrics(memory, record);
        memory = folded.memory;
        store.apply(folded.changes);
        active.set(runId, memory);
        if (memory.state.phase.kind !== 'finished') continue;
        // The last record of every journal.
        active.delete(runId);
        closed.add(runId);
        return;
      }
    },
    takeShipped(runId, now, fromStart) {
      const grown = shipped.take(runId, now, fromStart);
      if (grown === undefined) return;
      store.apply(grown);
      changes += 1;
    },
    close(runId) {
      active.delete(runId);
      closed.add(runId);
      changes += 1;
    },
    skipRun(runId, first, last) {
      // Folded apart from the counters: of all that these records say only this is still true.
      const { workflow } = foldAll([first, last].filter((record) => record !== undefined));
      store.apply([{ kind: 'touch', labels: { workflow } }]);
      const end = last?.kind === 'event' && last.event.type === 'run.finished' ? last.event.outcome.kind : undefined;
      if (last !== undefined && end === 'success') {
        store.apply([
          { kind: 'raise', metric: metrics.lastSuccess, labels: { workflow }, value: msOfNs(last.timeNs) / 1000 },
        ]);
      }
      this.close(runId);
    },
    sinceMs,
    keepOnly(runIds) {
      if (shipped.keepOnly(runIds)) changes += 1;
      for (const runId of [...closed, ...active.keys()]) {
        if (runIds.has(runId)) continue;
        closed.delete(runId);
        active.delete(runId);
        changes += 1;
      }
    },
    apply: (...more) => store.apply(more),
    async scrape(format, gauges = []) {
      const held: readonly HeldSeries[] = store.held();
      const now = store.merge([
        gauge(metrics.info, { version }, 1),
        ...idleGauges(workflows()),
        ...runGauges([...active.values()].map(({ state }) => state)),
        ...gauges,
      ]);
      const exposition = await writeMetrics(format, served, (metric) => now.get(metric) ?? store.seriesOf(metric));
      return {
        ...exposition,
        held: held.length,
        seen: () => {
          if (held.length > 0) store.release(held);
        },
      };
    },
    version: () => changes + store.version(),
    stored: () => ({
      stepspanMetrics: storedVersion,
      sinceMs,
      series: store.stored(),
      active: [...active.values()].map(storeRun),
      closed: [...closed],
      shipped: shipped.stored(),
    }),
  };
}
