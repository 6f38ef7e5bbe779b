// What the HTTP API answers, as types: shared by its routes, its callers and the live page. No behaviour.
// Nanoseconds are decimal strings, since JSON's numbers lose them; times of day are ISO 8601; unknown is null, never left out.

import type { ClaudeEvent, ModelUsage } from '../../core/claude-event.ts';
import type { CostBasis } from '../../core/cost.ts';
import type { Findings } from '../../core/finding.ts';
import type { Outcome, OutcomeKind } from '../../core/outcome.ts';
import type { OutputFields } from '../../core/step-output.ts';
import type { Severity, Stream } from '../../text/stream.ts';

/** How a run stands: its outcome, or what it is doing. `abandoned`: its wrapper is gone and nobody has closed it yet. */
export type Standing =
  | 'running'
  | 'paused'
  | 'cancelling'
  | 'abandoned'
  | 'success'
  | 'failure'
  | 'error'
  | 'timeout'
  | 'cancellation'
  | 'skip';

export type ErrorAnswer = {
  /** `fix` says what to do or to write instead. */
  readonly error: { readonly code: string; readonly message: string; readonly fix: string };
};

export type RunSummary = {
  readonly runId: string;
  readonly traceId: string;
  readonly workflow: string;
  readonly state: Standing;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  readonly durationMs: number;
  readonly totalSteps: number;
  readonly completedSteps: number;
  /** 0 to 100. */
  readonly progress: number;
  readonly currentStep: string | null;
  /** When the run continues, if all that is active waits for the end of a rate or usage limit. */
  readonly waitingUntil: string | null;
  /** Null if a part of the cost is unknown. */
  readonly costUsd: number | null;
  readonly costBasis: CostBasis;
  readonly costAtLeastUsd: number;
  readonly costEstimated: boolean;
  readonly tokens: number;
  /** Why it did not succeed; '' otherwise. */
  readonly message: string;
  /** Denied tool calls, failed hooks and the like over all steps: a success can rest on them. */
  readonly warnings: number;
  readonly resumedFrom: string | null;
  readonly alerts: number;
};

export type RunList = {
  readonly runs: readonly RunSummary[];
  /** Ask for `before=` this for what comes next; not there at the end. */
  readonly next?: string;
};

export type Alert = {
  readonly kind: 'stall' | 'budget' | 'left_over' | 'lost' | 'hidden' | 'abandoned' | 'warnings';
  readonly severity: Severity;
  readonly message: string;
  readonly step: string | null;
  /** When it arose; of what is counted, when the first came. */
  readonly ns: string;
};

export type ResourceNow = {
  readonly cpuSeconds: number;
  readonly cpuCores: number;
  readonly rssBytes: number;
  readonly maxRssBytes: number;
  readonly processes: number;
};

export type AttemptDetail = {
  readonly number: number;
  readonly state: 'running' | 'finished';
  readonly outcome: Outcome | null;
  readonly command: string;
  readonly pid: number | null;
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly durationMs: number | null;
  readonly pausedMs: number;
  /** Where its lines are in the journal. */
  readonly firstSeq: number;
  readonly lastSeq: number | null;
  readonly lines: Readonly<Record<Stream, number>>;
  readonly costUsd: number | null;
  readonly costBasis: CostBasis;
  readonly costAtLeastUsd: number;
  readonly costEstimated: boolean;
  /** Why a part of the cost is unknown. */
  readonly costUnknownWhy: string | null;
  readonly resources: ResourceNow | null;
  readonly sessionId: string | null;
  readonly model: string | null;
  readonly turns: number | null;
};

export type StepDetail = {
  readonly id: string;
  readonly name: string;
  readonly kind: 'run' | 'claude';
  readonly needs: readonly string[];
  readonly state: 'planned' | 'running' | 'retrying' | 'waiting' | 'finished';
  readonly outcome: Outcome | null;
  /** It failed and the workflow lets it. */
  readonly tolerated: boolean;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  readonly durationMs: number;
  readonly costUsd: number | null;
  readonly costBasis: CostBasis;
  readonly costAtLeastUsd: number;
  readonly lines: Readonly<Record<Stream, number>>;
  /** What it does now, in a few words; '' where nothing is known. */
  readonly activity: string;
  readonly lastLine: string;
  readonly toolCalls: number;
  readonly toolErrors: number;
  /** What its last attempt rests on besides its result, counted and the first ones named; and the same as a sentence. */
  readonly findings: Findings;
  readonly warning: string;
  readonly resources: ResourceNow | null;
  /** How many were made; `attempts` lacks those of which nothing could be started. */
  readonly attemptCount: number;
  readonly attempts: readonly AttemptDetail[];
};

export type Link = { readonly label: string; readonly url: string };

export type RunDetail = RunSummary & {
  readonly description: string;
  readonly file: string;
  readonly cwd: string;
  readonly concurrency: number;
  readonly budgetUsd: number | null;
  readonly budgetTokens: number | null;
  /** Set while it is paused. */
  readonly paused: { readonly by: string; readonly now: boolean; readonly since: string } | null;
  readonly pausedMs: number;
  readonly averageStepDurationMs: number | null;
  readonly estimatedCompletion: string | null;
  /** The first sequence number that is still there, and the one that comes next. */
  readonly firstSeq: number;
  readonly headSeq: number;
  readonly lines: Readonly<Record<Stream, number>>;
  readonly hidden: number;
  readonly lostLines: number;
  readonly models: readonly ModelUsage[];
  readonly steps: readonly StepDetail[];
  readonly alertList: readonly Alert[];
  readonly links: readonly Link[];
};

/** What a step gave. The outcome is null, and the rest empty, while it has not ended. */
export type ResultAnswer = OutputFields & { readonly step: string; readonly outcome: OutcomeKind | null };

export type TimelineAnswer = {
  readonly spans: readonly {
    readonly id: string;
    readonly parentId: string | null;
    /** `claude`: of Claude Code's own telemetry, with its own ids; they come after all others. */
    readonly kind: 'run' | 'step' | 'attempt' | 'retry_wait' | 'pause' | 'stall' | 'tool' | 'model' | 'claude';
    readonly name: string;
    readonly step: string | null;
    readonly attempt: number | null;
    readonly startNs: string;
    readonly endNs: string | null;
    readonly outcome: string | null;
  }[];
  /** Spans over the bound, which were left out. */
  readonly dropped: number;
};

export type LineAnswer = {
  readonly seq: number;
  readonly ns: string;
  readonly step: string | null;
  readonly attempt: number | null;
  readonly stream: Stream;
  readonly severity: Severity;
  /** UTF-8 with replacements, escape sequences kept, no line end. */
  readonly text: string;
  /** Continues the line before it of this step and stream, which had no line end. */
  readonly continues?: true;
  /** Has no line end: the next line of this step and stream continues it, or the output ended there. */
  readonly unterminated?: true;
};

export type OutputAnswer = {
  readonly lines: readonly LineAnswer[];
  /** Go on with `from=` this. Not above `headSeq`; equal to it when everything up to the end was looked at. */
  readonly nextSeq: number;
  /** Everything from here on was looked at: go back with `anchor=` this and `before=`. */
  readonly prevSeq: number;
  readonly firstSeq: number;
  readonly headSeq: number;
  /** The run has ended and nothing comes after `headSeq`. */
  readonly finished: boolean;
};

/** One line of the answer to a search. */
export type SearchAnswer =
  | { readonly hit: LineAnswer }
  | { readonly progress: { readonly seq: number; readonly headSeq: number } }
  | { readonly done: { readonly hits: number; readonly nextSeq: number; readonly headSeq: number } }
  /** The last line of a search that could not go on. */
  | ErrorAnswer;

export type ConversationAnswer = {
  readonly turns: readonly {
    readonly seq: number;
    readonly ns: string;
    readonly step: string;
    readonly attempt: number;
    readonly event: ClaudeEvent;
  }[];
  readonly nextSeq: number;
  readonly headSeq: number;
};

export type ResourcesAnswer = {
  readonly samples: readonly {
    readonly ns: string;
    readonly step: string | null;
    readonly attempt: number | null;
    readonly cpuCores: number;
    readonly rssBytes: number;
    readonly processes: number;
  }[];
};

export type WorkflowsAnswer = {
  readonly workflows: readonly {
    /** What `POST /runs` takes as `workflow`. */
    readonly file: string;
    readonly name: string;
    readonly description: string;
    readonly steps: number;
    readonly params: readonly {
      readonly name: string;
      readonly type: string;
      readonly required: boolean;
      readonly default: string | number | boolean | null;
      readonly description: string;
    }[];
    /** Why it cannot be started; '' where it can. */
    readonly problem: string;
  }[];
};

export type SessionAnswer = {
  readonly scope: 'read' | 'control';
  readonly version: string;
  /** Whether this session may start workflows: it may act, and there are folders that they can be started from. */
  readonly canStart: boolean;
  /** Whether links to traces and logs are set up. */
  readonly links: readonly string[];
};

/** What a control or a start answers. */
export type DoneAnswer = { readonly ok: true; readonly runId: string; readonly message: string };
