// When a run will be done, from how long its steps took in earlier runs. Pure; earlier runs are read by the caller.
// The rest of the run is played through as the engine would: a step starts when its needs have ended and a place is free.
// Retries, pauses and skips to come are not foreseen; it is an estimate, and `basis` says what it is made from.

import { msOfNs } from '../core/time.ts';
import type { StepDurations } from './ended-runs.ts';
import { currentSteps, progressOf } from './progress.ts';
import type { RunState, StepState } from './run-state.ts';

/** Durations in milliseconds of a step in earlier successful runs of the same workflow, by step id. */
export type History = ReadonlyMap<string, readonly number[]>;

export type Estimate = {
  /** Milliseconds from `nowMs` until the run ends. */
  readonly remainingMs: number;
  /** Unix milliseconds. */
  readonly completionMs: number;
  /** `history`: every step to come was seen before. `partial`: some were. `average`: only this run's own steps are known. */
  readonly basis: 'history' | 'partial' | 'average';
};

/** @param runs durations of the steps of each earlier run */
export function historyOf(runs: Iterable<StepDurations>): History {
  const history = new Map<string, number[]>();
  for (const run of runs)
    for (const [step, ms] of Object.entries(run)) history.set(step, [...(history.get(step) ?? []), ms]);
  return history;
}

/**
 * @param nowMs Unix milliseconds, the wall clock of the journal
 * @returns undefined if nothing is known yet, the run has ended, or is paused or ending
 */
export function estimate(state: RunState, history: History, nowMs: number): Estimate | undefined {
  if (state.phase.kind !== 'running') return undefined;
  const open = state.steps.filter((step) => step.planned && step.phase.kind !== 'finished');
  const average = progressOf(state).averageStepDurationMs;
  const known = open.filter((step) => history.has(step.id)).length;
  // Steps that were never seen take as long as the average of those that were, in this run or before.
  const fallback = average ?? meanOfMedians(history);
  if (fallback === undefined) return undefined;
  const basis = known === open.length ? 'history' : known > 0 ? 'partial' : 'average';
  const remainingMs = playThrough(state, open, (step) => median(history.get(step.id)) ?? fallback, nowMs);
  return { remainingMs, completionMs: nowMs + remainingMs, basis };
}

/** Milliseconds until the last of `open` has ended. */
function playThrough(
  state: RunState,
  open: readonly StepState[],
  durationOf: (step: StepState) => number,
  nowMs: number,
): number {
  const endAt = new Map<string, number>();
  const places = Array.from({ length: Math.max(1, Math.min(state.concurrency, open.length)) }, () => 0);
  const take = (from: number, ms: number): number => {
    const place = places.indexOf(Math.min(...places));
    const end = Math.max(places[place] ?? 0, from) + ms;
    places[place] = end;
    return end;
  };
  for (const step of currentSteps(state)) {
    const elapsed = step.startedNs === undefined ? 0 : nowMs - msOfNs(step.startedNs);
    endAt.set(step.id, take(0, Math.max(0, durationOf(step) - elapsed)));
  }
  let waiting = open.filter((step) => !endAt.has(step.id));
  const openIds = new Set(open.map((step) => step.id));
  while (waiting.length > 0) {
    const ready = waiting.filter((step) => step.needs.every((need) => !openIds.has(need) || endAt.has(need)));
    // A plan with a cycle cannot be written, but a journal from elsewhere may hold one: then use the steps that were sorted.
    const batch = ready.length === 0 ? waiting : ready;
    const byReadiness = batch
      .map((step) => ({ step, from: Math.max(0, ...step.needs.map((need) => endAt.get(need) ?? 0)) }))
      .sort((a, b) => a.from - b.from);
    const next = byReadiness[0];
    if (next === undefined) break;
    endAt.set(next.step.id, take(next.from, durationOf(next.step)));
    waiting = waiting.filter((step) => step !== next.step);
  }
  return Math.max(0, ...endAt.values());
}

/** The median, and not the mean: one night in which the API was down must not lengthen every estimate after it. */
export function median(durations: readonly number[] | undefined): number | undefined {
  if (durations === undefined || durations.length === 0) return undefined;
  const sorted = [...durations].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
}

function meanOfMedians(history: History): number | undefined {
  const medians = [...history.values()].flatMap((durations) => median(durations) ?? []);
  return medians.length === 0 ? undefined : medians.reduce((sum, ms) => sum + ms, 0) / medians.length;
}
