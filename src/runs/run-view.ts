// `RunView`: what everybody who looks at a run is shown of it, as plain JSON, and its parts. Pages, lists, commands and the API show
// its fields as they are. Times are ISO 8601 with nanoseconds; what is unknown is null. A run is folded once (fold-run.ts) into a
// `RunState`, which is exact and internal; make-view.ts makes the view from it. Types only, so that the page can import them.
import type { Answer } from '../core/answer.ts';
import type { CiSystem } from '../core/ci.ts';
import type { ModelUsage } from '../core/claude-event.ts';
import type { CostBasis } from '../core/cost.ts';
import type { Findings } from '../core/finding.ts';
import type { Labels } from '../core/labels.ts';
import { type Outcome, type OutcomeKind, outcomeKinds } from '../core/outcome.ts';
import type { QuestionKind } from '../core/question.ts';
import type { StepCounts } from '../core/units.ts';
import type { Stream } from '../text/stream.ts';

/** The states of a run that has not ended. */
export const activeStatuses = [
  /** At least one step makes progress, or the next one is about to start. */
  'running',
  /** A step waits for the answer of a person, whatever other steps do. */
  'waiting_for_you',
  /** Every active step waits for the end of a limit, or for a permission that nobody is asked for. */
  'waiting',
  /** No active step makes progress, and at least one of them hangs. */
  'stuck',
  'paused',
  'cancelling',
  /** It ends because its budget is used up. */
  'over_budget',
  /** The stepspan that ran it is gone, and nobody has closed it yet. */
  'abandoned',
] as const;

/** Every state, in the order in which people are shown them. */
export const runStateNames = [...activeStatuses, ...outcomeKinds] as const satisfies readonly RunStateName[];

type ActiveState = (typeof activeStatuses)[number];
export type RunStateName = ActiveState | OutcomeKind;

/** What a step, or a whole run, waits for. Times are ISO 8601. */
export type Wait = {
  readonly kind: 'limit' | 'pause' | 'question' | 'stall' | 'retry';
  readonly since: string | null;
  /** When it ends, as far as that is known. */
  readonly until: string | null;
  /** A phrase such as `rate or usage limit` or `no output`. */
  readonly cause: string;
};

export type RunStatus = {
  readonly state: RunStateName;
  readonly since: string | null;
  /** Why: a phrase while the run is active, the sentence of its outcome after its end; '' if there is nothing to say. */
  readonly cause: string;
  /** When it is expected to continue; null if nothing is waited for or its end is not known. */
  readonly until: string | null;
};

/** Whether a run in this state may still change. */
export function isActive(state: RunStateName): state is ActiveState {
  return activeStatuses.some((active) => active === state);
}

/** A cost as scripts read it: no number where a part of it is unknown, so that nobody adds up what is too little. */
export type Cost = {
  /** In USD; null if a part of the cost is unknown. */
  readonly costUsd: number | null;
  readonly costBasis: CostBasis;
  /** What is known of it, in USD. */
  readonly costAtLeastUsd: number;
};

/** An alert that fires. Which ones there are is decided by the rules of alerts.yaml, never by who shows it. */
export type ActiveAlert = {
  /** Name of the rule, such as `StepspanRunStuck`. */
  readonly rule: string;
  readonly severity: 'critical' | 'warning' | 'info';
  /** Null for what is about the run as a whole. */
  readonly step: string | null;
  readonly since: string;
  readonly summary: string;
  readonly description: string;
  /** The record of the run to look at first. */
  readonly seq: number;
};

/** What a run does now, for one line: its oldest active step. */
export type RunActivity = {
  readonly step: string;
  readonly stepName: string;
  /** The tool with its argument, the last sentence or the last line; '' if nothing is known. */
  readonly text: string;
  readonly since: string | null;
  /** What that step has cost up to now. */
  readonly cost: Cost;
  readonly waitsFor: Wait | null;
};

/** A question that a person can answer. */
export type QuestionView = {
  readonly questionId: string;
  readonly kind: QuestionKind;
  readonly attempt: number;
  /** '' for a step that asks by itself. */
  readonly tool: string;
  /** One line, such as `Bash(npm test)`. */
  readonly summary: string;
  readonly since: string;
  /** When stepspan answers in the place of a person. */
  readonly until: string;
  readonly onTimeout: 'deny' | 'fail';
  /** What can be answered. */
  readonly answers: readonly Answer['kind'][];
  /** What `allow_always` allows from then on. */
  readonly suggestions: readonly string[];
  /** The record with the whole input. */
  readonly seq: number;
};

/** What a list of runs shows; small, so that it can be kept of ten thousand runs. */
export type RunSummary = RunStatus &
  StepCounts &
  Cost & {
    readonly runId: string;
    readonly traceId: string;
    readonly workflow: string;
    readonly description: string;
    readonly file: string;
    /** What the workflow was started with. In a list long texts lack their end, and not all of many are there. */
    readonly params: Readonly<Record<string, string | number | boolean>>;
    readonly labels: Labels;
    readonly resumedFrom: string | null;
    readonly startedAt: string | null;
    readonly endedAt: string | null;
    /** Null while the run is active: it is then the time since `startedAt`. */
    readonly durationMs: number | null;
    /** 0 to 100. */
    readonly progress: number;
    readonly currentStep: string | null;
    /** Null between two steps, and for a run that is not active. */
    readonly activity: RunActivity | null;
    /** When the run continues, if every active step waits for the end of a rate or usage limit. */
    readonly waitingUntil: string | null;
    readonly costEstimated: boolean;
    readonly tokens: number;
    /** Why it did not succeed; '' otherwise. */
    readonly message: string;
    /** Denied tool calls, failed hooks and the like over all steps: a success can rest on them. */
    readonly warnings: number;
    readonly alertCount: number;
  };

export type ResourceView = {
  readonly cpuSeconds: number;
  readonly cpuCores: number;
  readonly rssBytes: number;
  readonly maxRssBytes: number;
  readonly processes: number;
};

export type AttemptView = {
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
  readonly costEstimated: boolean;
  /** Why a part of the cost is unknown. */
  readonly costUnknownWhy: string | null;
  readonly resources: ResourceView | null;
  readonly sessionId: string | null;
  readonly model: string | null;
  /** Of Claude Code. */
  readonly claudeVersion: string | null;
  readonly turns: number | null;
} & Cost;

export type StepView = {
  readonly id: string;
  readonly name: string;
  readonly kind: 'run' | 'claude' | 'approve';
  readonly needs: readonly string[];
  /** When it runs, as the workflow says it; '' if it runs after its needs have succeeded. */
  readonly when: string;
  /** How often it is tried at most. */
  readonly maxAttempts: number;
  readonly state: 'planned' | 'running' | 'retrying' | 'waiting' | 'finished';
  /** Null while it makes progress, and while it is not active. */
  readonly waitsFor: Wait | null;
  /** What the step, or Claude Code in it, asks and nobody has answered yet. */
  readonly questions: readonly QuestionView[];
  /** How many questions it has asked, and how long it has waited for answers. */
  readonly askedCount: number;
  readonly askedWaitMs: number;
  readonly outcome: Outcome | null;
  /** It failed and the workflow lets it. */
  readonly tolerated: boolean;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  /** Null until it has ended. */
  readonly durationMs: number | null;
  readonly lines: Readonly<Record<Stream, number>>;
  /** What it does now: the tool with its argument, the last sentence or the last line; '' if nothing is known. */
  readonly activity: string;
  readonly activitySince: string | null;
  readonly lastLine: string;
  readonly toolCalls: number;
  readonly toolErrors: number;
  /** What its last attempt rests on besides its result, counted and the first ones named; and the same as a sentence. */
  readonly findings: Findings;
  readonly warning: string;
  readonly resources: ResourceView | null;
  /** How many were made; `attempts` lacks those of which nothing could be started. */
  readonly attemptCount: number;
  readonly attempts: readonly AttemptView[];
} & Cost;

/** What was checked out in the working folder when the run started. What is not known is null. */
export type VersionControlView = {
  /** Where the repository is on the web. */
  readonly url: string | null;
  /** Null for a checkout of a commit. */
  readonly branch: string | null;
  readonly revision: string | null;
  /** Whether tracked files differed from that commit. */
  readonly isDirty: boolean | null;
};

/** What is not known is null. */
export type CiJobView = {
  readonly system: CiSystem;
  /** The page of the job. */
  readonly url: string | null;
  /** `owner/name`. */
  readonly repository: string | null;
  readonly branch: string | null;
  readonly commit: string | null;
  /** Who or what started it. */
  readonly actor: string | null;
  /** The number of the pull request or merge request. */
  readonly change: string | null;
};

export type RunView = RunSummary & {
  readonly cwd: string;
  /** Null outside a Git repository. */
  readonly versionControl: VersionControlView | null;
  /** The job that started it; null if it was not a job of a CI system that is known. */
  readonly ci: CiJobView | null;
  /** Of stepspan, which ran it; '' for a run whose first records are gone. */
  readonly stepspanVersion: string;
  readonly concurrency: number;
  readonly budgetUsd: number | null;
  readonly budgetTokens: number | null;
  /** Set while it is paused. */
  readonly paused: { readonly by: string; readonly now: boolean; readonly since: string } | null;
  readonly pausedMs: number;
  readonly averageStepDurationMs: number | null;
  /** Null if it cannot be foreseen. */
  readonly estimatedCompletion: string | null;
  readonly estimateBasis: 'history' | 'partial' | 'average' | null;
  /** The number that the next record of the run gets. */
  readonly nextSeq: number;
  readonly lines: Readonly<Record<Stream, number>>;
  readonly hidden: number;
  readonly lostLines: number;
  readonly lostEvents: number;
  /** What could not be read of its journal, as far as it was read: one sentence each, and one for those past the first 20. */
  readonly journalProblems: readonly string[];
  readonly models: readonly ModelUsage[];
  readonly alerts: readonly ActiveAlert[];
  readonly steps: readonly StepView[];
};
