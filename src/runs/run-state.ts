// What is known of a run after any number of its records: the shape that every reader shares. No IO, no folding (fold-run.ts).
// One union holds the phase of the run, of a step or of an attempt; no two booleans can disagree.
// Times are Unix nanoseconds as in the journal, so that spans made from this state carry the journal's own times.
import type { ModelUsage } from '../core/claude-event.ts';
import type { CostBasis } from '../core/cost.ts';
import type {
  CiJob,
  EventOf,
  PlannedStep,
  ProcessIdentity,
  StallAction,
  StallCause,
  VersionControl,
} from '../core/event.ts';
import { type Findings, noFindings } from '../core/finding.ts';
import type { Labels } from '../core/labels.ts';
import type { Outcome } from '../core/outcome.ts';
import type { Question } from '../core/question-event.ts';
import type { Stream } from '../core/record.ts';
import type { OpenLine } from './last-line.ts';

export type RunPhase =
  /** No `run.started` was seen: nothing was folded yet, or retention removed the head of the journal. */
  | { readonly kind: 'unknown' }
  | { readonly kind: 'running' }
  | { readonly kind: 'paused'; readonly by: string; readonly now: boolean; readonly sinceNs: bigint }
  | { readonly kind: 'cancelling'; readonly by: string; readonly sinceNs: bigint }
  | { readonly kind: 'finished'; readonly outcome: Outcome; readonly durationMs: number; readonly endedNs: bigint };

export type StepPhase =
  | { readonly kind: 'planned' }
  | { readonly kind: 'running' }
  /** Between two attempts. `untilNs` is when the next one is due. */
  | {
      readonly kind: 'retrying';
      readonly nextAttempt: number;
      readonly sinceNs: bigint;
      readonly untilNs: bigint;
      readonly outcome: Outcome;
    }
  /** For the end of a rate or usage limit, at `untilNs`; then comes the next attempt. */
  | {
      readonly kind: 'waiting';
      readonly reason: 'rate_limit';
      readonly nextAttempt: number;
      readonly sinceNs: bigint;
      readonly untilNs: bigint;
      readonly outcome: Outcome;
    }
  | {
      readonly kind: 'finished';
      readonly outcome: Outcome;
      readonly tolerated: boolean;
      /** How many were made, also those of which nothing could be started. */
      readonly attempts: number;
      readonly durationMs: number;
      readonly endedNs: bigint;
    };

export type AttemptPhase =
  | { readonly kind: 'running' }
  | {
      readonly kind: 'finished';
      readonly outcome: Outcome;
      readonly durationMs: number;
      readonly pausedMs: number;
      readonly endedNs: bigint;
    };

/** Where the cost of an attempt comes from. `live` sums up model calls and is replaced as soon as the final sum is known. */
export type AttemptCost =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'live';
      /** The newest messages, whose usage may be reported again. */
      readonly byMessage: Readonly<Record<string, ModelUsage>>;
      /** The sum of older ones; absent if there are none. */
      readonly settled?: TokensByModel;
      readonly models: TokensByModel;
    }
  | {
      readonly kind: 'final';
      readonly costUsd: number;
      readonly basis: CostBasis;
      /** Why a part of it is unknown; undefined for any other basis. */
      readonly why: string | undefined;
      readonly models: TokensByModel;
    };

/** Tokens and cost by model name. */
export type TokensByModel = Readonly<Record<string, ModelUsage>>;

export type LineCounts = Readonly<Record<Stream, number>>;

export type LossCause = EventOf<'journal.lost'>['reason'];

export type LostCounts = { readonly lines: number; readonly events: number; readonly bytes: number };

/** What a step is doing just now, for one line on a screen. */
export type Activity =
  | { readonly kind: 'none' }
  | { readonly kind: 'tool'; readonly toolUseId: string; readonly tool: string; readonly sinceNs: bigint }
  | { readonly kind: 'model'; readonly sinceNs: bigint }
  | { readonly kind: 'api_retry'; readonly attempt: number; readonly error: string; readonly sinceNs: bigint }
  | {
      readonly kind: 'rate_limited';
      readonly status: string;
      readonly resetsAt: string | undefined;
      readonly sinceNs: bigint;
    };

export type Stall = {
  readonly cause: StallCause;
  readonly action: StallAction;
  readonly forMs: number;
  readonly sinceNs: bigint;
};

/** A question of Claude Code, or of the step itself, that nobody has answered yet. */
export type OpenQuestion = Pick<
  Question,
  'questionId' | 'kind' | 'tool' | 'toolUseId' | 'isCut' | 'suggestions' | 'onTimeout'
> & {
  /** The call on one line, such as `Bash(npm test)`; the first question, or what a plan begins with. */
  readonly summary: string;
  readonly attempt: number;
  /** Of the event that asked it, which has the whole input. */
  readonly seq: number;
  readonly sinceNs: bigint;
  /** When stepspan answers in the place of a person. */
  readonly untilNs: bigint;
};

export type Resources = {
  readonly cpuSeconds: number;
  readonly cpuCores: number;
  readonly rssBytes: number;
  readonly maxRssBytes: number;
  readonly processes: number;
};

export type Session = {
  readonly sessionId: string;
  readonly model: string;
  readonly version: string;
  /** The folder that it works in; undefined in journals from before it was recorded. */
  readonly cwd: string | undefined;
};

/** Whether Claude's own spans were found below the attempt's span, and how many were derived in their place. */
export type Nesting = { readonly ownSpans: number; readonly derivedSpans: number };

export type AttemptState = {
  readonly number: number;
  readonly phase: AttemptPhase;
  readonly command: string;
  readonly pid: number | undefined;
  readonly startedNs: bigint;
  /** Of its `attempt.started`, and of its `attempt.finished` once there is one: where in the journal its lines are. */
  readonly firstSeq: number;
  readonly lastSeq: number | undefined;
  readonly cost: AttemptCost;
  readonly lines: LineCounts;
  readonly resources: Resources | undefined;
  readonly session: Session | undefined;
  readonly nesting: Nesting | undefined;
  readonly turns: number | undefined;
  /** What its outcome rests on besides the result line. */
  readonly findings: Findings;
};

export type StepState = PlannedStep & {
  /** False for a step that records speak of but no plan named: the head of the journal is gone. */
  readonly planned: boolean;
  readonly phase: StepPhase;
  readonly startedNs: bigint | undefined;
  readonly attempts: readonly AttemptState[];
  readonly costUsd: number;
  readonly costBasis: CostBasis;
  readonly lines: LineCounts;
  readonly activity: Activity;
  /**
   * What the step did or printed last: of a Claude step the tool call or the last sentence, else the last line that was not
   * blank, of its own streams, as it was seen; cut at `lastLineLength`.
   */
  readonly lastLine: string;
  /** What was printed of a line that is not ended. */
  readonly openLine: OpenLine | undefined;
  /** In the order in which they were asked. */
  readonly questions: readonly OpenQuestion[];
  /** How many were asked, and how long the answers took together, also those that nobody gave. */
  readonly asked: { readonly count: number; readonly waitedMs: number };
  readonly stall: Stall | undefined;
  readonly stalls: Readonly<Partial<Record<StallCause, number>>>;
  readonly hidden: number;
  readonly toolCalls: number;
  readonly toolErrors: number;
  readonly permissionDenials: number;
  readonly orphaned: number;
  /** When the first of them was found. */
  readonly orphanedNs: bigint | undefined;
};

/** What the workflow was started with, by name. */
export type RunParams = EventOf<'run.started'>['params'];

export type RunState = {
  readonly runId: string;
  readonly traceId: string;
  readonly workflow: string;
  readonly description: string;
  readonly file: string;
  readonly params: RunParams;
  readonly labels: Labels;
  readonly cwd: string;
  readonly concurrency: number;
  readonly budgetUsd: number | undefined;
  readonly budgetTokens: number | undefined;
  readonly writer: ProcessIdentity | undefined;
  /** The version of stepspan that ran it; '' before its start was read. */
  readonly stepspanVersion: string;
  readonly resumedFrom: string | undefined;
  readonly versionControl: VersionControl | undefined;
  /** Undefined if no CI system started it. */
  readonly ci: CiJob | undefined;
  readonly phase: RunPhase;
  readonly startedNs: bigint | undefined;
  /** Time of the last record (of its last line) that was folded. */
  readonly lastNs: bigint;
  /** The sequence number that comes next. A record below it was folded already and changes nothing. */
  readonly nextSeq: number;
  /** In the order of the plan. */
  readonly steps: readonly StepState[];
  /** Lines of the run: those of its steps and those that stand in no step. */
  readonly lines: LineCounts;
  /** What is known of the cost; `costBasis` says whether that is all of it. */
  readonly costUsd: number;
  readonly costBasis: CostBasis;
  readonly models: TokensByModel;
  /** Secrets replaced, by the name of the rule that found them. */
  readonly hidden: Readonly<Record<string, number>>;
  /** Per cause, as `journal.lost` names them. */
  readonly lost: Readonly<Record<LossCause, LostCounts>>;
  /** How often a journal was opened again after a crash; bytes of torn tails that were cut, and records that were damaged. */
  readonly recovered: { readonly times: number; readonly cutBytes: number; readonly missing: number };
  readonly pauses: { readonly count: number; readonly totalMs: number };
  readonly budget:
    | { readonly kind: 'kept' }
    | { readonly kind: 'warned'; readonly share: number; readonly sinceNs: bigint }
    | {
        readonly kind: 'exceeded';
        readonly unit: 'USD' | 'tokens';
        readonly used: number;
        readonly limit: number;
        readonly sinceNs: bigint;
      };
  /** When the first secret was replaced, and when the first record was lost. */
  readonly hiddenNs: bigint | undefined;
  readonly lostNs: bigint | undefined;
};

export const noLines: LineCounts = { stdout: 0, stderr: 0, system: 0, debug: 0 };

const nothingLost: LostCounts = { lines: 0, events: 0, bytes: 0 };

/** The state of a run of which no record was read yet. */
export function emptyRunState(): RunState {
  return {
    runId: '',
    traceId: '',
    workflow: '',
    description: '',
    file: '',
    params: {},
    labels: {},
    cwd: '',
    concurrency: 1,
    budgetUsd: undefined,
    budgetTokens: undefined,
    writer: undefined,
    stepspanVersion: '',
    resumedFrom: undefined,
    versionControl: undefined,
    ci: undefined,
    phase: { kind: 'unknown' },
    startedNs: undefined,
    lastNs: 0n,
    nextSeq: 0,
    steps: [],
    lines: noLines,
    costUsd: 0,
    costBasis: 'known',
    models: {},
    hidden: {},
    lost: { disk: nothingLost, size: nothingLost, retention: nothingLost },
    recovered: { times: 0, cutBytes: 0, missing: 0 },
    pauses: { count: 0, totalMs: 0 },
    budget: { kind: 'kept' },
    hiddenNs: undefined,
    lostNs: undefined,
  };
}

/** A step that has not come up. */
export function plannedStep(step: PlannedStep, planned: boolean): StepState {
  return {
    ...step,
    planned,
    phase: { kind: 'planned' },
    startedNs: undefined,
    attempts: [],
    costUsd: 0,
    costBasis: 'known',
    lines: noLines,
    activity: { kind: 'none' },
    lastLine: '',
    openLine: undefined,
    questions: [],
    asked: { count: 0, waitedMs: 0 },
    stall: undefined,
    stalls: {},
    hidden: 0,
    toolCalls: 0,
    toolErrors: 0,
    permissionDenials: 0,
    orphaned: 0,
    orphanedNs: undefined,
  };
}

/** Of the attempt that decides how the step ended: the last one. */
export function findingsOfStep(step: StepState): Findings {
  return lastAttempt(step)?.findings ?? noFindings;
}

/** The attempt that runs now or ran last; `undefined` before the first. */
export function lastAttempt(step: StepState): AttemptState | undefined {
  return step.attempts.at(-1);
}
