// What evaluating the rules of one run carries from record to record: its state, what is watched, and the alerts so far.
// As JSON it is what a notifier goes on from after a restart.
import { emptyRunState, type RunState, stateFromJson, stateToJson } from '../index.ts';
import type { Alerts } from './alert.ts';
import type { AlertSettings } from './alerts-file.ts';
import type { RunRuleName } from './catalogue.ts';
import type { RuleSettings } from './rule.ts';
import type { StepWatch } from './step-watch.ts';

/** How long a step took when it succeeded in earlier runs. */
export type Usual = { readonly medianMs: number; readonly runs: number };
/** By step id. */
export type StepHistory = Readonly<Record<string, Usual>>;

export type AlertEvaluation = {
  readonly run: RunState;
  readonly alerts: Alerts;
  readonly watches: Readonly<Record<string, StepWatch>>;
  /** The largest share of the budget that was seen used. */
  readonly budgetShare: number;
  /** Since when all processes of the run stand still. */
  readonly frozenSinceMs: number | undefined;
  readonly history: StepHistory;
};

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

/** What is kept for a step; a step may be called `constructor` or `__proto__`, which every object has. */
export function stepEntry<T>(kept: Readonly<Record<string, T>>, step: string | undefined): T | undefined {
  return step !== undefined && Object.hasOwn(kept, step) ? kept[step] : undefined;
}

/** A rule's settings with its thresholds by their names. */
export function ruleSettings<T extends string>(
  settings: AlertSettings,
  name: RunRuleName,
): RuleSettings & { readonly thresholds: Readonly<Record<T, number>> } {
  const found = settings.rules[name];
  if (found === undefined) throw new Error(`the settings of alerts hold no rule ${name}`);
  return found as RuleSettings & { readonly thresholds: Readonly<Record<T, number>> };
}

/** For the file of a notifier. */
export type StoredEvaluation = Omit<AlertEvaluation, 'run'> & { readonly run: string };

export function storeEvaluation(state: AlertEvaluation): StoredEvaluation {
  return { ...state, run: stateToJson(state.run) };
}

/** @returns undefined where another version has stored it: then the journal is read again from its start */
export function restoreEvaluation(stored: StoredEvaluation): AlertEvaluation | undefined {
  const run = stateFromJson(stored.run);
  return run === undefined ? undefined : { ...stored, frozenSinceMs: stored.frozenSinceMs, run };
}
