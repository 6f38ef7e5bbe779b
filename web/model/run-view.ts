// What the page knows of a run, in the form its views draw: milliseconds and plain unions. Types, and small questions to them.
import type { CostBasis } from '../../src/core/cost.ts';
import type { OutcomeKind } from '../../src/core/outcome.ts';

export type RunStatus =
  | 'running'
  | 'waiting'
  | 'stuck'
  | 'paused'
  | 'cancelling'
  | 'over_budget'
  | 'abandoned'
  | OutcomeKind;
export type StepStatus = 'planned' | 'running' | 'retrying' | 'waiting' | OutcomeKind;

export type RunRow = {
  readonly id: string;
  readonly workflow: string;
  readonly status: RunStatus;
  readonly message: string;
  /** Denied tool calls and the like: a success with some of them is not all green. */
  readonly warnings: number;
  /** 0 to 100. */
  readonly progress: number;
  readonly steps: { readonly done: number; readonly total: number };
  readonly currentStep: string | undefined;
  /** When it continues, if all that is active waits for the end of a limit. */
  readonly waitingUntilMs: number | undefined;
  /** What is known of the cost. */
  readonly costUsd: number;
  readonly costBasis: CostBasis;
  readonly startedMs: number | undefined;
  readonly durationMs: number;
};

export type AttemptView = {
  readonly number: number;
  readonly status: StepStatus;
  readonly command: string;
  readonly startedMs: number | undefined;
  readonly durationMs: number | undefined;
  readonly firstSeq: number;
  /** Of its end; undefined while it runs. */
  readonly lastSeq: number | undefined;
};

export type StepView = {
  readonly id: string;
  readonly name: string;
  readonly kind: 'run' | 'claude';
  readonly needs: readonly string[];
  readonly status: StepStatus;
  readonly message: string;
  /** What was denied, cut or missing; '' where nothing was. */
  readonly warning: string;
  readonly tolerated: boolean;
  readonly startedMs: number | undefined;
  readonly durationMs: number | undefined;
  readonly attempts: readonly AttemptView[];
  readonly costUsd: number;
  readonly costBasis: CostBasis;
  readonly lines: number;
  readonly activity: string;
};

export type AlertView = {
  readonly severity: 'critical' | 'warning' | 'info';
  readonly kind: string;
  readonly step: string | undefined;
  readonly message: string;
  readonly timeMs: number;
  /** The same, to the nanosecond. */
  readonly ns: string;
};

export type RunView = RunRow & {
  readonly traceId: string;
  readonly description: string;
  readonly cwd: string;
  readonly stepList: readonly StepView[];
  readonly tokens: number;
  readonly lines: number;
  readonly budgetUsd: number | undefined;
  readonly budgetTokens: number | undefined;
  readonly etaMs: number | undefined;
  /** By whom it was paused, and whether what runs was frozen too. */
  readonly paused: { readonly by: string; readonly now: boolean } | undefined;
  /** Newest first. */
  readonly alerts: readonly AlertView[];
  readonly links: readonly { readonly label: string; readonly url: string }[];
  /** The number that the next record of the journal gets. */
  readonly headSeq: number;
};

export function isOpen(status: RunStatus): boolean {
  return ['running', 'waiting', 'stuck', 'paused', 'cancelling', 'over_budget'].includes(status);
}

export function isBad(status: RunStatus | StepStatus): boolean {
  return status === 'failure' || status === 'error' || status === 'timeout' || status === 'abandoned';
}

/** The word for a person; the colour is never the only sign. */
export function statusWord(status: RunStatus | StepStatus): string {
  return words[status];
}

const words: Readonly<Record<RunStatus | StepStatus, string>> = {
  planned: 'waiting',
  running: 'running',
  retrying: 'retrying',
  waiting: 'waiting for a limit',
  stuck: 'stuck',
  over_budget: 'over budget',
  paused: 'paused',
  cancelling: 'cancelling',
  abandoned: 'abandoned',
  success: 'succeeded',
  failure: 'failed',
  error: 'error',
  timeout: 'timed out',
  cancellation: 'cancelled',
  skip: 'skipped',
};
