// Ships the runs of a data folder that nobody else ships: so many at once, newest first. How one run is shipped is ship's.
import { type RunId, startedMsOf } from '../core/ids.ts';
import { type DataFolder, lockHolder, openJournal, runLockPath, savedPosition } from '../journal/index.ts';
import { type GaugeSample, gauge, metrics } from '../readers/measure/index.ts';
import { readSettings, type Shipper, type Signal } from '../readers/ship/index.ts';

/** Runs that have ended: each has some 16 MiB of batches at most (see ship/deliver/pipeline.ts), and they are sent at full speed. */
export const shippedAtOnce = 4;

/** Runs that go on: mostly they wait for the next line, and must not keep the others waiting. */
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

/** Shippers are stopped within it; what they have not been told of is sent again by the next. */
const stopWithinMs = 5_000;

export type ShipRuns = {
  /** Starts shippers for what is not shipped, as far as there is room. @param runIds newest first */
  readonly look: (runIds: readonly RunId[], nowMs: number) => Promise<void>;
  readonly gauges: () => readonly GaugeSample[];
  readonly stop: () => Promise<void>;
};

export type ShipOptions = {
  readonly data: DataFolder;
  readonly env: NodeJS.ProcessEnv;
  readonly onError: (runId: RunId, error: Error) => void;
};

export function createShipRuns({ data, env, onError }: ShipOptions): ShipRuns {
  const signals = signalsOf(env);
  const shipping = new Map<RunId, { readonly active: boolean; readonly shipper: Shipper | undefined }>();
  const firstSeen = new Map<RunId, number>();
  const tryAgainAt = new Map<RunId, number>();
  const shipped = new Set<RunId>();
  let waiting = 0;
  let stopped = false;

  /** Whether the hub is to ship the run now, and whether that goes on. */
  async function wants(runId: RunId, nowMs: number): Promise<'ended' | 'active' | undefined> {
    if (shipped.has(runId) || shipping.has(runId) || (tryAgainAt.get(runId) ?? 0) > nowMs) return undefined;
    if (nowMs - startedMsOf(runId) > shippedForMs) return undefined;
    const folder = data.runDir(runId);
    const { nextSeq, finished } = await openJournal(folder).head();
    if (nextSeq === 0) return undefined;
    if (signals.every((signal) => (savedPosition(folder, `ship-${signal}`) ?? 0) >= nextSeq)) {
      if (finished) shipped.add(runId);
      return undefined;
    }
    if (lockHolder(runLockPath(folder, 'ship')) !== undefined) return undefined;
    if (finished) return 'ended';
    if (lockHolder(runLockPath(folder, 'writer')) === undefined) return 'active';
    const seen = firstSeen.get(runId) ?? nowMs;
    firstSeen.set(runId, seen);
    return nowMs - seen >= headStartMs ? 'active' : undefined;
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
      onError(runId, error as Error);
    }
  }

  return {
    async look(runIds, nowMs) {
      if (signals.length === 0) return;
      let left = 0;
      for (const runId of runIds) {
        // A run that cannot be read is told of by who follows it.
        const wanted = await wants(runId, nowMs).catch(() => undefined);
        if (stopped) return;
        if (wanted === undefined) continue;
        const active = wanted === 'active';
        const alike = [...shipping.values()].filter((other) => other.active === active).length;
        if (alike >= (active ? followedAtOnce : shippedAtOnce)) left += 1;
        else await start(runId, active);
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
