// Sends the alerts of the runs of a data folder: one notifier for each run that is live or has something left to send. A task of the
// supervisor; src/readers/notify decides and delivers the alerts of each run.
import { type RunId, startedMsOf } from '../core/ids.ts';
import { createTimeSlice } from '../core/time-slice.ts';
import { type DataFolder, JournalError, lockHolder, runLockPath } from '../journal/index.ts';
import { add, type GaugeSample, gauge, type Measure, metrics } from '../readers/measure/index.ts';
import {
  loadNotifierState,
  type Notifier,
  type NotifySettings,
  nextWorkMs,
  startNotifier,
} from '../readers/notify/index.ts';
import type { Catalogue } from '../runs/index.ts';
import type { ReadableRun, RunTask } from './supervisor.ts';

/**
 * Runs at once: active ones, and those whose alerts the receiver has not taken. Of an ended run a notifier holds some
 * 20 KB and no open file, and asks a dead receiver twice a minute.
 */
const notifiedAtOnce = 500;

/**
 * A run that has ended, and that no notifier has ever looked at, is news for so long: a hub that is new to a data folder,
 * or that is given its first receiver, must not send the failures of last week. A run that is adopted ends when it is.
 */
const newsForMs = 3_600_000;

/** What a notifier has left to send is sent by a hub that comes back within so long. */
const remembersForMs = 14 * 24 * 3_600_000;

/** A run whose notifier has failed (a full disk, a defect) is tried again so much later. */
const retryMs = 60_000;

export type NotifyRuns = RunTask & {
  readonly gauges: () => readonly GaugeSample[];
  readonly stop: () => Promise<void>;
};

export type NotifyRunsOptions = {
  readonly data: DataFolder;
  readonly settings: NotifySettings;
  readonly measure: Pick<Measure, 'apply'>;
  readonly catalogue: Pick<Catalogue, 'historyOf' | 'endedRunOf' | 'problemsOf'>;
  readonly onError: (runId: RunId, error: unknown) => void;
};

export function createNotifyRuns({ data, settings, measure, catalogue, onError }: NotifyRunsOptions): NotifyRuns {
  const { kind: receiver } = settings.receiver;
  const open = new Map<RunId, Notifier>();
  /** Nothing to do before that time (Unix ms), or ever if it is infinite. */
  const quietUntil = new Map<RunId, number>();
  /** Settled runs for which something has come all the same: a later run resolves their alerts. */
  const reopened = new Set<RunId>();
  let stopped = false;

  async function start(runId: RunId): Promise<void> {
    const begun = await startNotifier({
      data,
      runId,
      settings,
      historyOf: catalogue.historyOf,
      onProblem: catalogue.problemsOf(runId).note,
      onSent: (result, count) => measure.apply(add(metrics.alertsSent, { receiver, result }, count)),
      openHere: (other, atMs) => open.get(other)?.resolve(atMs) ?? false,
      onResolvedEarlier(changed) {
        for (const other of changed) {
          quietUntil.delete(other);
          reopened.add(other);
        }
      },
    });
    if (begun.kind === 'held') return;
    const { notifier } = begun;
    open.set(runId, notifier);
    void notifier.done.then((end) => {
      open.delete(runId);
      if (end.kind === 'settled') quietUntil.set(runId, end.nextMs ?? Number.POSITIVE_INFINITY);
      if (end.kind === 'failed' && !stopped) failed(runId, end.error);
    });
    if (stopped) await notifier.stop();
  }

  function failed(runId: RunId, error: unknown): void {
    // Retention may remove a run at any time.
    if (!data.listRunIds().includes(runId)) return;
    // A journal that cannot be read stays so; who follows it for the metrics has said so, too.
    quietUntil.set(runId, error instanceof JournalError ? Number.POSITIVE_INFINITY : Date.now() + retryMs);
    onError(runId, error);
  }

  return {
    name: 'notify',
    async look({ runs, present, nowMs, settle, find }) {
      for (const runId of quietUntil.keys()) if (!present.has(runId)) quietUntil.delete(runId);
      const more = [...reopened].map(find).filter((run) => run !== undefined && !runs.includes(run));
      const slice = createTimeSlice();
      for (const run of [...runs, ...more]) {
        await slice();
        if (run === undefined || open.has(run.runId)) continue;
        if (stopped || open.size >= notifiedAtOnce) return;
        const dueMs = await workDueMs(run, nowMs, { data, settings, catalogue, quietUntil, start, failed });
        if (run.kind === 'live' || dueMs !== Number.POSITIVE_INFINITY) continue;
        quietUntil.delete(run.runId);
        reopened.delete(run.runId);
        settle(run.runId);
      }
    },
    gauges: () => [
      gauge(
        metrics.alertsWaiting,
        {},
        [...open.values()].reduce((sum, notifier) => sum + notifier.waiting(), 0),
      ),
    ],
    async stop() {
      stopped = true;
      await Promise.all([...open.values()].map((notifier) => notifier.stop()));
    },
  };
}

type Work = Pick<NotifyRunsOptions, 'data' | 'settings' | 'catalogue'> & {
  readonly quietUntil: Map<RunId, number>;
  readonly start: (runId: RunId) => Promise<void>;
  readonly failed: (runId: RunId, error: unknown) => void;
};

/** Starts a notifier if there is work for one. @returns when there is some again, infinite for never; undefined if that is not known */
async function workDueMs(run: ReadableRun, nowMs: number, work: Work): Promise<number | undefined> {
  const { runId } = run;
  const quietMs = work.quietUntil.get(runId) ?? 0;
  if (quietMs > nowMs) return quietMs;
  if (nowMs - startedMsOf(runId) > remembersForMs) return Number.POSITIVE_INFINITY;
  try {
    const dueMs = await firstNewsMs(run, work, nowMs);
    if (dueMs !== undefined && dueMs <= nowMs) await work.start(runId);
    else if (dueMs !== undefined) work.quietUntil.set(runId, dueMs);
    return dueMs;
  } catch (error) {
    work.failed(runId, error);
    return undefined;
  }
}

/** When there is something to do for a run: Unix ms, infinite for never; undefined while another process does it. */
async function firstNewsMs(
  { runId, kind, nextSeq }: ReadableRun,
  { data, settings, catalogue }: Pick<NotifyRunsOptions, 'data' | 'settings' | 'catalogue'>,
  nowMs: number,
): Promise<number | undefined> {
  const folder = data.runDir(runId);
  if (lockHolder(runLockPath(folder, 'notify')) !== undefined) return undefined;
  if (kind === 'live') return nowMs;
  const state = loadNotifierState(folder);
  if (state !== undefined) {
    if (state.rules.run.nextSeq < nextSeq) return nowMs;
    return nextWorkMs(state, settings, nowMs) ?? Number.POSITIVE_INFINITY;
  }
  const { endedAt } = (await catalogue.endedRunOf(runId))?.summary ?? { endedAt: null };
  const isNews = endedAt !== null && nowMs - Date.parse(endedAt) <= newsForMs;
  return isNews ? nowMs : Number.POSITIVE_INFINITY;
}
