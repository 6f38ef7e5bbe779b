// What the evaluation of a run's alerts carries from record to record: the state of the run, what is watched of each step, and
// the alerts so far. As JSON it is where a notifier continues after a restart.
import { type History, median } from '../estimate.ts';
import { emptyRunState, type RunState } from '../run-state.ts';
import { stateFromJson, stateToJson } from '../stored-state.ts';
import type { Alerts } from './alert.ts';
import type { StepWatch } from './step-watch.ts';

export type AlertEvaluation = {
  readonly run: RunState;
  readonly alerts: Alerts;
  /** By step id. */
  readonly watches: Readonly<Record<string, StepWatch>>;
  /** The largest share of the budget that was used so far. */
  readonly budgetShare: number;
  /** Since when all processes of the run are frozen. */
  readonly frozenSinceMs: number | undefined;
  /** How long each step took when it succeeded in earlier runs, by step id. */
  readonly history: Readonly<Record<string, UsualDuration>>;
};

export type UsualDuration = { readonly medianMs: number; readonly runs: number };

export function emptyEvaluation(): AlertEvaluation {
  return {
    run: emptyRunState(),
    alerts: {},
    watches: {},
    budgetShare: 0,
    frozenSinceMs: undefined,
    history: {},
  };
}

/** Sets what "slow" is compared with. */
export function withHistory(evaluation: AlertEvaluation, history: History): AlertEvaluation {
  const usual = [...history].map(([step, all]) => [step, { medianMs: median(all) ?? 0, runs: all.length }] as const);
  return { ...evaluation, history: Object.fromEntries(usual) };
}

/** The entry of a step. A step may be called `constructor` or `__proto__`, which every object has. */
export function stepEntry<T>(entries: Readonly<Record<string, T>>, step: string | undefined): T | undefined {
  return step !== undefined && Object.hasOwn(entries, step) ? entries[step] : undefined;
}

export type StoredEvaluation = Omit<AlertEvaluation, 'run'> & { readonly run: string };

export function storeEvaluation(evaluation: AlertEvaluation): StoredEvaluation {
  return { ...evaluation, run: stateToJson(evaluation.run) };
}

/** @returns undefined if another version has stored it: then the journal is read again from its start */
export function restoreEvaluation(stored: StoredEvaluation): AlertEvaluation | undefined {
  const run = stateFromJson(stored.run);
  return run === undefined ? undefined : { ...stored, frozenSinceMs: stored.frozenSinceMs, run };
}
