// Ships the runs of a data folder that nobody else ships, newest first, a few at a time. A task of the supervisor;
// src/readers/ship ships each run.
import { type RunId, startedMsOf } from '../core/ids.ts';
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
  readonly gauges: () => readonly GaugeSample[];
  readonly stop: () => Promise<void>;
};

export type ShipOptions = {
  readonly data: DataFolder;
  readonly env: NodeJS.ProcessEnv;
  readonly onError: (runId: RunId, error: unknown) => void;
};

export function createShipRuns({ data, env, onError }: ShipOptions): ShipRuns {
  const signals = signalsOf(env);
  const shipping = new Map<RunId, { readonly active: boolean; readonly shipper: Shipper | undefined }>();
  const firstSeen = new Map<RunId, number>();
  const tryAgainAt = new Map<RunId, number>();
  const shipped = new Set<RunId>();
  let waiting = 0;
  let stopped = false;

  /** Whether the hub is to ship the run now. */
  function isWanted(run: ReadableRun, nowMs: number): boolean {
    const { runId, nextSeq } = run;
    if (shipped.has(runId) || shipping.has(runId) || (tryAgainAt.get(runId) ?? 0) > nowMs) return false;
    if (nowMs - startedMsOf(runId) > shippedForMs) return false;
    const folder = data.runDir(runId);
    if (signals.every((signal) => (savedPosition(folder, `ship-${signal}`) ?? 0) >= nextSeq)) {
      if (run.kind === 'ended') shipped.add(runId);
      return false;
    }
    if (lockHolder(runLockPath(folder, 'ship')) !== undefined) return false;
    if (run.kind === 'ended' || run.writer === undefined) return true;
    const seen = firstSeen.get(runId) ?? nowMs;
    firstSeen.set(runId, seen);
    return nowMs - seen >= headStartMs;
  }

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
        firstSeen.delete(runId);
        tryAgainAt.set(runId, Date.now() + retryMs);
        const failed = [shipper.status().logs, shipper.status().traces].find(({ state }) => state.kind === 'failed');
        if (failed !== undefined) onError(runId, new Error(`${failed.signal}: ${failed.lastError ?? 'failed'}`));
      });
      if (stopped) await shipper.stop();
    } catch (error) {
      shipping.delete(runId);
      tryAgainAt.set(runId, Date.now() + retryMs);
      onError(runId, error);
    }
  }

  return {
    name: 'ship',
    async look({ runs, nowMs }) {
      let left = 0;
      for (const run of runs) {
        if (stopped) return;
        if (signals.length === 0 || !isWanted(run, nowMs)) continue;
        const active = run.kind === 'live';
        const alike = [...shipping.values()].filter((other) => other.active === active).length;
        if (alike >= (active ? followedAtOnce : shippedAtOnce)) left += 1;
        else await start(run.runId, active);
      }
      waiting = left;
    },
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

function signalsOf(env: NodeJS.ProcessEnv): readonly Signal[] {
  const settings = readSettings(env);
  if (!settings.ok) return [];
  return (['logs', 'traces'] as const).filter((signal) => settings[signal].kind === 'on');
}
