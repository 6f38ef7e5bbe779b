// Runs as the views ask about them: how far, how long, in which words. The run itself is what the server sends. Pure.

import type { RunAnswer, RunList } from '../../src/api/tail/client.ts';
import { outcomeWord } from '../../src/core/outcome.ts';

export type Run = RunAnswer;
export type RunRow = RunList['runs'][number];
export type Step = Run['steps'][number];
export type Attempt = Step['attempts'][number];
export type RunAlert = Run['alerts'][number];
export type RunState = RunRow['state'];
/** A step that has ended is in the state of its outcome. */
export type StepState = Exclude<Step['state'], 'finished'> | ReturnType<typeof outcomeWord>;

export function stepState({ state, outcome }: Pick<Step, 'state' | 'outcome'>): StepState {
  if (state !== 'finished') return state;
  return outcome === null ? 'success' : outcomeWord(outcome);
}

/** Whether a run can still be steered. */
export function isOpen(state: RunState): boolean {
  return ['running', 'waiting_for_you', 'waiting', 'stuck', 'paused', 'cancelling', 'over_budget'].includes(state);
}

export function isBad(state: RunState | StepState): boolean {
  return state === 'failure' || state === 'error' || state === 'timeout' || state === 'abandoned';
}

const failures: readonly StepState[] = ['failure', 'error', 'timeout', 'cancellation'];

/** The step for which the run ended: the first that failed and was not allowed to. */
export function failedStep(run: Run): Step | undefined {
  return run.steps.find((step) => failures.includes(stepState(step)) && !step.tolerated);
}

/** The word for a person; the colour is never the only sign. */
export function stateWord(state: RunState | StepState): string {
  return words[state];
}

const words: Readonly<Record<RunState | StepState, string>> = {
  planned: 'planned',
  running: 'running',
  retrying: 'retrying',
  waiting_for_you: 'waiting for you',
  waiting: 'waiting',
  stuck: 'stuck',
  paused: 'paused',
  cancelling: 'cancelling',
  over_budget: 'over budget',
  abandoned: 'abandoned',
  success: 'succeeded',
  failure: 'failed',
  error: 'error',
  timeout: 'timed out',
  cancellation: 'cancelled',
  skip: 'skipped',
  reused: 'reused',
};

/** Unix milliseconds. */
export function msOf(iso: string | null): number | undefined {
  return iso === null ? undefined : Date.parse(iso);
}

/** How long it took, or takes up to now; undefined before its start. */
export function elapsedMs(of: Pick<RunRow, 'startedAt' | 'durationMs'>, nowMs: number): number | undefined {
  const startedMs = msOf(of.startedAt);
  return of.durationMs ?? (startedMs === undefined ? undefined : Math.max(0, nowMs - startedMs));
}

export function nameOf(run: RunRow): string {
  return run.workflow === '' ? '(no name)' : run.workflow;
}

/** Of what is shown until somebody chooses otherwise: the raw protocol of Claude Code says the same again. */
export function lineCount({ lines }: Pick<Run, 'lines'>): number {
  return lines.stdout + lines.stderr + lines.system;
}

/** Undefined if nobody reported how many were used, although a Claude step ran. */
export function tokensOf(run: Run): number | undefined {
  const isUnknown =
    run.tokens === 0 && run.steps.some((step) => step.kind === 'claude' && step.costBasis === 'unknown');
  return isUnknown ? undefined : run.tokens;
}

/** Unix nanoseconds, in digits. */
export function nsOf(iso: string): string {
  const [, digits = ''] = /\.(\d+)Z$/.exec(iso) ?? [];
  return `${Math.floor(Date.parse(iso) / 1000)}${digits.padEnd(9, '0')}`;
}
