// What the success of a run means for the runs of its workflow before it: their failures are no longer news. It changes
// the files of those runs; the caller has their ends sent. Both the one that failed and the one that succeeded look
// for the other after they have written their own file, so the one that is evaluated later finds what the earlier one wrote.

import { type RunId, startedMsOf } from '../../core/ids.ts';
import { acquireLock, type DataFolder } from '../../journal/index.ts';
import { awaitsSuccess, resolveBySuccess } from '../../runs/alerts/index.ts';
import { msOfNs } from '../../runs/index.ts';
import { hasEndToSend, loadNotifierState, saveNotifierState } from './notifier-state.ts';

/** Failures that are older have ended by themselves (`keepFor`, a day unless set), or are too old to matter. */
export const resolvedForMs = 14 * 24 * 3_600_000;
/** Each costs a small file. */
const lookedAtRuns = 300;

export type ResolvedEarlier = {
  /** Runs whose alerts have got an end that is to be sent. */
  readonly changed: readonly RunId[];
  /** Another process works on one of them: to be tried again. */
  readonly isBusy: boolean;
};

/**
 * @param openHere resolves in the notifier that this process has of a run; false if it has none
 */
export async function resolveEarlier(
  data: DataFolder,
  success: { readonly runId: RunId; readonly workflow: string; readonly atMs: number },
  openHere: (runId: RunId, atMs: number) => boolean,
): Promise<ResolvedEarlier> {
  const changed: RunId[] = [];
  let isBusy = false;
  const earlier = data.listRunIds().filter((runId) => runId < success.runId);
  for (const runId of earlier.slice(0, lookedAtRuns)) {
    if (success.atMs - startedMsOf(runId) > resolvedForMs) break;
    const folder = data.runDir(runId);
    const seen = loadNotifierState(folder);
    if (seen === undefined || seen.rules.run.workflow !== success.workflow) continue;
    // An earlier success may have been in no position to say it: no hub ran, and the failure had just been sent.
    if (!awaitsSuccess(seen.rules.alerts) && !hasEndToSend(seen)) continue;
    if (openHere(runId, success.atMs)) continue;
    const lock = await acquireLock(folder, 'notify', `resolves alerts of run ${runId}`);
    if (lock.kind === 'held') {
      isBusy = true;
      continue;
    }
    try {
      const state = loadNotifierState(folder);
      if (state === undefined) continue;
      const alerts = resolveBySuccess(state.rules.alerts, success.atMs);
      await saveNotifierState(folder, { ...state, rules: { ...state.rules, alerts } });
      changed.push(runId);
    } finally {
      lock.release();
    }
  }
  return { changed, isBusy };
}

/** When a later run of the workflow succeeded, in Unix ms; undefined if none is known to have. */
export function laterSuccess(data: DataFolder, failed: { readonly runId: RunId; readonly workflow: string }) {
  const later = data.listRunIds().filter((runId) => runId > failed.runId);
  for (const runId of later.slice(-lookedAtRuns).reverse()) {
    const run = loadNotifierState(data.runDir(runId))?.rules.run;
    if (run?.workflow !== failed.workflow || run.phase.kind !== 'finished') continue;
    if (run.phase.outcome.kind === 'success') return msOfNs(run.phase.endedNs);
  }
  return undefined;
}
