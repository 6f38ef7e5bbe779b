// Ships the runs of a data folder that nobody else ships, newest first, a few at a time. A task of the supervisor;
// src/readers/ship ships each run.
import { type RunId, startedMsOf } from '../core/ids.ts';
import { createTimeSlice } from '../core/time-slice.ts';
import { type DataFolder, lockHolder, runLockPath, savedPosition } from '../journal/index.ts';
import { type GaugeSample, gauge, metrics } from '../readers/measure/index.ts';
import { readSettings, type Shipper, type Signal } from '../readers/ship/index.ts';
import type { ReadableRun, RunTask } from './supervisor.ts';

/** Runs that have ended: each has some 16 MiB of batches at most (see ship/deliver/pipeline.ts), and they are sent at full speed. */
export const shippedAtOnce = 4;

/** Active runs: mostly they wait for the next line, and must not keep the others waiting. */
export const followedAtOnce = 16;

/**
 * Older runs are left to `stepspan ship RUN`: Loki refuses lines older than 7 days by default (reject_old_samples_max_age),
 * and a hub that is given an endpoint for the first time must not send a month of runs there to be refused.
 */
export const shippedForMs = 7 * 24 * 3_600_000;

/** A run that has just started gets so long to take its lock and ship itself, SDK start included. */
const headStartMs = 5_000;

/** A run whose shipping has ended before its end (a damaged journal, a defect) is tried again so much later. */
const retryMs = 60_000;

/** Shippers are stopped within it; what was not acknowledged to them is sent again by the next. */
const stopWithinMs = 5_000;

export type ShipRuns = RunTask & {
  /** The runs that the hub ships now. */
  readonly shipping: () => Iterable<RunId>;
  readonly gauges: () => readonly GaugeSample[];
  readonly stop: () => Promise<void>;
};

export type ShipOptions = {
  readonly data: DataFolder;
  readonly env: NodeJS.ProcessEnv;
  /** Called when the shipping of a run has ended: its totals are final then. */
  readonly onShipped: (runId: RunId) => void;
  readonly onError: (runId: RunId, error: unknown) => void;
};

export function createShipRuns({ data, env, onShipped, onError }: ShipOptions): ShipRuns {
  const signals = signalsOf(env);
  const shipping = new Map<RunId, { readonly active: boolean; readonly shipper: Shipper | undefined }>();
  const queue = createQueue(data, signals);
  let waiting = 0;
  let stopped = false;

  const roomFor = (active: boolean): boolean =>
    [...shipping.values()].filter((other) => other.active === active).length <
    (active ? followedAtOnce : shippedAtOnce);

  async function start(runId: RunId, active: boolean): Promise<void> {
    shipping.set(runId, { active, shipper: undefined });
    try {
      // Loads the OpenTelemetry SDK (0.3 s), which a hub that ships nothing does without.
      const { createShipper } = await import('../readers/ship/shipper.ts');
      const begun = await createShipper({ folder: data.runDir(runId), env });
      if (begun.kind !== 'shipping') {
        shipping.delete(runId);
        if (begun.kind === 'invalid') onError(runId, new Error(begun.problems.join(' ')));
        return;
      }
      const { shipper } = begun;
      shipping.set(runId, { active, shipper });
      void shipper.done.then(() => {
        shipping.delete(runId);
        onShipped(runId);
        queue.putBack(runId);
        const failed = [shipper.status().logs, shipper.status().traces].find(({ state }) => state.kind === 'failed');
        if (failed !== undefined) onError(runId, new Error(`${failed.signal}: ${failed.lastError ?? 'failed'}`));
      });
      if (stopped) await shipper.stop();
    } catch (error) {
      shipping.delete(runId);
      queue.putBack(runId);
      onError(runId, error);
    }
  }

  return {
    name: 'ship',
    async look({ runs, nowMs, settle }) {
      const slice = createTimeSlice();
      const room = { live: roomFor(true), ended: roomFor(false) };
      let left = 0;
      for (const run of runs) {
        if (stopped) return;
        await slice();
        if (shipping.has(run.runId)) continue;
        if (queue.isDone(run, nowMs)) settle(run.runId);
        else if (queue.isWanted(run, nowMs, room[run.kind])) {
          if (room[run.kind]) {
            const active = run.kind === 'live';
            await start(run.runId, active);
            room[run.kind] = roomFor(active);
          } else left += 1;
        }
      }
      waiting = left;
    },
    shipping: () => shipping.keys(),
    gauges: () => [gauge(metrics.shippingRuns, {}, shipping.size), gauge(metrics.waitingRuns, {}, waiting)],
    async stop() {
      stopped = true;
      const stops = [...shipping.values()].map(({ shipper }) => shipper?.stop());
      await Promise.race([
        Promise.allSettled(stops),
        new Promise((resolve) => setTimeout(resolve, stopWithinMs).unref()),
      ]);
    },
  };
}

/** Which runs have something to ship, and which of them are the hub's to ship now. */
function createQueue(data: DataFolder, signals: readonly Signal[]) {
  const firstSeen = new Map<RunId, number>();
  const tryAgainAt = new Map<RunId, number>();
  /** Runs that have ended and that were found to have something to ship. They are looked at again when it is their turn. */
  const pending = new Set<RunId>();

  const isShipped = ({ runId, nextSeq }: ReadableRun): boolean =>
    signals.every((signal) => (savedPosition(data.runDir(runId), `ship-${signal}`) ?? 0) >= nextSeq);

  return {
    /** Whether the hub is to ship the run now, if it has the room. */
    isWanted(run: ReadableRun, nowMs: number, hasRoom: boolean): boolean {
      const { runId } = run;
      if (signals.length === 0 || (tryAgainAt.get(runId) ?? 0) > nowMs) return false;
      // Reading the cursors of all that wait would take long, and they can only be shipped by somebody else meanwhile.
      if (!hasRoom && pending.has(runId)) return true;
      const isTooOld = nowMs - startedMsOf(runId) > shippedForMs;
      if (isTooOld || isShipped(run) || lockHolder(runLockPath(data.runDir(runId), 'ship')) !== undefined) {
        pending.delete(runId);
        return false;
      }
      if (run.kind === 'ended') {
        pending.add(runId);
        return true;
      }
      if (run.writer === undefined) return true;
      const seen = firstSeen.get(runId) ?? nowMs;
      firstSeen.set(runId, seen);
      return nowMs - seen >= headStartMs;
    },
    /** Whether nothing of the run will ever be shipped by this hub. */
    isDone(run: ReadableRun, nowMs: number): boolean {
      if (run.kind === 'live' || pending.has(run.runId)) return false;
      return signals.length === 0 || nowMs - startedMsOf(run.runId) > shippedForMs || isShipped(run);
    },
    /** Its shipping has ended, all of it or not. */
    putBack(runId: RunId): void {
      firstSeen.delete(runId);
      pending.delete(runId);
      tryAgainAt.set(runId, Date.now() + retryMs);
    },
  };
}

function signalsOf(env: NodeJS.ProcessEnv): readonly Signal[] {
  const settings = readSettings(env);
  if (!settings.ok) return [];
  return (['logs', 'traces'] as const).filter((signal) => settings[signal].kind === 'on');
}
