// Everything that can happen in a run: the one vocabulary of writers and readers. No IO and no behaviour.
// The record has the step and the attempt that an event is about (see record.ts); the event does not.
// Times of day are those of the record. Durations end in Ms (milliseconds), sizes in Bytes, money in Usd.

import type { Stream } from '../text/stream.ts';
import type { CiSystem } from './ci.ts';
import type { AnswerGiven, AnswerSource, ClaudeEvent } from './claude-event.ts';
import type { Findings } from './finding.ts';
import type { Labels } from './labels.ts';
import type { Outcome } from './outcome.ts';
import type { StepQuestionKind } from './question.ts';
import type { StepOutput } from './step-output.ts';

/** A step as it was planned, for readers that draw it before it has run. */
export type PlannedStep = {
  readonly id: string;
  readonly name: string;
  readonly kind: 'run' | 'claude' | 'approve';
  readonly needs: readonly string[];
  /** When it runs, as the workflow says it; absent if it runs after its needs have succeeded, and in older journals. */
  readonly when?: string;
  /** How often it is tried at most; absent if that is once, and in older journals. */
  readonly maxAttempts?: number;
};

/** Which process writes the journal: enough to distinguish it from a later process with the same pid. */
export type ProcessIdentity = {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat (clock ticks since boot), or the start time as `ps` prints it; '' if unknown. */
  readonly startTime: string;
  readonly host: string;
};

/** What was checked out in the working folder of a run when it started. */
export type VersionControl = {
  /** Where the repository is on the web, without credentials; absent if it has no remote. */
  readonly url?: string;
  /** The branch; absent for a checkout of a commit. */
  readonly branch?: string;
  /** The commit; absent in a repository that has none yet. */
  readonly revision?: string;
  /** Whether tracked files differ from that commit. Absent if git gave no answer, and in journals of older versions. */
  readonly isDirty?: boolean;
};

/** The job of a CI system in which a run was started, as its environment says it. */
export type CiJob = {
  readonly system: CiSystem;
  /** The page of the job, or of what it is part of. */
  readonly url?: string;
  /** `owner/name`. */
  readonly repository?: string;
  readonly branch?: string;
  readonly commit?: string;
  /** Who or what started it. */
  readonly actor?: string;
  /** The number of the pull request, merge request or change. */
  readonly change?: string;
};

/** A span of another program, and whether the run is below it, in its trace, or has a trace of its own and a link. */
export type StartedBy = { readonly traceId: string; readonly spanId: string; readonly as: 'child' | 'link' };

export type RunEvent =
  | {
      readonly type: 'run.started';
      readonly runId: string;
      readonly traceId: string;
      readonly workflow: string;
      readonly description: string;
      /** The file as the user named it; '' for `exec` and for workflows made by the library. */
      readonly file: string;
      /** The checked workflow in its normal form, as JSON, so that a run can be resumed from its journal alone. */
      readonly definition: unknown;
      readonly params: Readonly<Record<string, string | number | boolean>>;
      readonly steps: readonly PlannedStep[];
      readonly cwd: string;
      readonly concurrency: number;
      readonly budgetUsd: number | undefined;
      readonly budgetTokens: number | undefined;
      readonly writer: ProcessIdentity;
      readonly stepspanVersion: string;
      /** The run that this one continues. */
      readonly resumedFrom: string | undefined;
      /** Absent if it has none, and in journals of older versions. */
      readonly labels?: Labels;
      /** Absent outside a Git repository, and in journals of older versions. */
      readonly versionControl?: VersionControl;
      /** Absent outside of the CI systems that are known, and in journals of older versions. */
      readonly ci?: CiJob;
      /** The address of the hub as people reach it; absent if none was set. */
      readonly publicUrl?: string;
      /** The span that started the run, if the environment named one. */
      readonly startedBy?: StartedBy;
      /** The trace of the run that this one continues; absent in journals of older versions. */
      readonly resumedFromTraceId?: string;
    }
  /** With `now` the running processes were frozen too; without it, only the next step waits. */
  | { readonly type: 'run.paused'; readonly by: string; readonly now: boolean }
  | { readonly type: 'run.resumed'; readonly by: string; readonly pausedMs: number }
  /** stepspan itself did not run for this long: it was stopped, or the machine slept. No timeout and no wait counts it. */
  | { readonly type: 'run.suspended'; readonly suspendedMs: number }
  /** From here on nothing new is started. `by` names the cause: `SIGINT`, `SIGTERM`, `timeout`, `budget`, `api`. */
  | { readonly type: 'run.cancelling'; readonly by: string }
  | {
      readonly type: 'run.budget_warned';
      readonly usedUsd: number;
      readonly usedTokens: number;
      readonly share: number;
    }
  | {
      readonly type: 'run.budget_exceeded';
      readonly unit: 'USD' | 'tokens';
      readonly used: number;
      readonly limit: number;
      readonly estimated: boolean;
    }
  /** Once a run: the cost of this attempt is unknown, so what is left of the budget is unknown too. */
  | { readonly type: 'run.budget_uncertain'; readonly reason: string }
  /** The last record of every journal. If stepspan was killed, the process that adopts the run writes it. */
  | {
      readonly type: 'run.finished';
      readonly outcome: Outcome;
      readonly durationMs: number;
      readonly pausedMs: number;
      /** What is known of it; see `costUnknown`. */
      readonly costUsd: number;
      /** Part of the cost is unknown. Absent in journals of older versions. */
      readonly costUnknown?: boolean;
    };

export type StepEvent =
  /** A step starts for the first time: its needs are met and a place is free. */
  | { readonly type: 'step.started' }
  | {
      readonly type: 'attempt.started';
      /** For people: the shell command, or `claude` with its flags (never the prompt). */
      readonly command: string;
      readonly cwd: string;
      readonly pid: number | undefined;
      readonly pidStartTime: string;
      /** SHA-256 of the files that the workflow passes to the step (prompt, MCP configuration), by path; absent before it was recorded. */
      readonly inputFiles?: Readonly<Record<string, string>>;
    }
  | {
      readonly type: 'attempt.finished';
      readonly outcome: Outcome;
      readonly durationMs: number;
      /** Time frozen by a pause, or in which stepspan was suspended: the timeout did not count it. Part of `durationMs`. */
      readonly pausedMs: number;
      readonly cpuSeconds: number;
      readonly maxRssBytes: number;
      /** Lines per stream of this attempt. */
      readonly lines: Readonly<Partial<Record<Stream, number>>>;
      /** Of a Claude step: denied calls and the like, which a success can have. Absent if nothing was found. */
      readonly findings?: Findings;
      /** Of a Claude step: partial messages that were signs of life and were not recorded. Older journals do not have it. */
      readonly partialMessages?: number;
    }
  /** One expectation of `expect` that the attempt did not meet, although the attempt itself succeeded. */
  | {
      readonly type: 'step.expectation_unmet';
      readonly expectation: Expectation;
      readonly expected: string;
      readonly actual: string;
    }
  | {
      readonly type: 'step.retrying';
      readonly nextAttempt: number;
      readonly delayMs: number;
      readonly outcome: Outcome;
    }
  /** A rate or usage limit has ended an attempt. The step waits until the limit ends; the next attempt continues the session. */
  | {
      readonly type: 'step.waiting';
      readonly reason: 'rate_limit';
      /** Unix nanoseconds, in digits, at which it continues. */
      readonly untilNs: string;
      readonly nextAttempt: number;
      /** Of the attempt that ended. */
      readonly outcome: Outcome;
    }
  /** The step itself asks a person. Closed by one `step.answered` with the same id. What Claude Code asks is `claude.asked`. */
  | {
      readonly type: 'step.asked';
      readonly questionId: string;
      readonly kind: StepQuestionKind;
      /** What a person reads before the answer, by its name, as JSON text: whole, or cut in the middle at its bound. */
      readonly input: string;
      readonly isCut: boolean;
      /** As of `claude.asked`. */
      readonly untilNs: string;
      readonly onTimeout: 'deny' | 'fail';
    }
  | {
      readonly type: 'step.answered';
      readonly questionId: string;
      readonly kind: StepQuestionKind;
      readonly answer: AnswerGiven;
      /** As of `claude.answered`. */
      readonly by: string;
      readonly from: AnswerSource;
      readonly waitedMs: number;
      /** The reason of a denial, or the line that was typed; '' for one that is secret. */
      readonly text: string;
    }
  /** Exactly one for each step of the workflow, before `run.finished`; a skipped step has no `step.started`. */
  | ({
      readonly type: 'step.finished';
      readonly outcome: Outcome;
      readonly attempts: number;
      readonly durationMs: number;
      readonly costUsd: number;
      /** As in `run.finished`. */
      readonly costUnknown?: boolean;
      /** The step failed and `continueOnFailure` keeps the run going. */
      readonly tolerated: boolean;
    } & StepOutput);

/** What `expect` of a step can ask for. */
export type Expectation = 'changed' | 'unchanged' | 'command' | 'output' | 'schema' | 'no_denials';

/** Causes of a stall: the ways in which Claude Code and other children were seen to hang. */
export type StallCause =
  | 'no_output'
  | 'output_closed'
  | 'no_exit_after_result'
  | 'rate_limited'
  | 'waiting_for_permission';

export type ProcessEvent =
  | {
      readonly type: 'resource.sampled';
      /** CPU time of the whole tree since the attempt started, ended children included. */
      readonly cpuSeconds: number;
      /** Share of one core since the last sample: 1 is one core fully used. */
      readonly cpuCores: number;
      readonly rssBytes: number;
      readonly processes: number;
    }
  | {
      readonly type: 'stall.detected';
      readonly cause: StallCause;
      readonly durationMs: number;
      readonly action: StallAction;
      /** What it was doing, in words; older journals do not have it. */
      readonly activity?: string;
    }
  | { readonly type: 'stall.cleared'; readonly cause: StallCause; readonly durationMs: number }
  /** Processes that a step left running; stepspan has ended them. */
  | {
      readonly type: 'process.orphaned';
      readonly processes: readonly { readonly pid: number; readonly command: string }[];
    }
  | { readonly type: 'process.signalled'; readonly signal: string; readonly reason: string };

export type StallAction = 'none' | 'kill' | 'retry';

export type RecordEvent =
  /** Secrets that were replaced in the output or event just before; `kinds` counts them by rule name. */
  | { readonly type: 'secret.redacted'; readonly kinds: Readonly<Record<string, number>> }
  /** The journal was opened again after a crash: a torn tail was cut, or damage amid its last records was skipped. */
  | {
      readonly type: 'journal.recovered';
      readonly cutBytes: number;
      readonly lastSeq: number;
      /** Size of the places amid its last records that are damaged, and how many numbers were in them. */
      readonly damagedBytes?: number;
      readonly missing?: number;
    }
  /** Lines that were printed but could not be kept, or were removed before a reader had them. Never silent. */
  | {
      readonly type: 'journal.lost';
      /** `size`: one event was larger than a frame may be. */
      readonly reason: 'disk' | 'retention' | 'size';
      readonly lines: number;
      readonly events: number;
      readonly bytes: number;
      readonly reader: string | undefined;
    };

export type Event = RunEvent | StepEvent | ProcessEvent | RecordEvent | ClaudeEvent;
export type EventType = Event['type'];
/** The member of the union with the given `type`. */
export type EventOf<T extends EventType> = Extract<Event, { readonly type: T }>;
