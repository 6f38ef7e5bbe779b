// What the engine asks of one attempt of a step, whether it is a shell command or Claude Code. Types only.
import type { Outcome } from '../../core/outcome.ts';
import type { Append } from '../../core/record.ts';
import type { StepOutput } from '../../core/step-output.ts';
import type { RateLimit } from '../claude/index.ts';
import type { Identity } from '../process/index.ts';
import type { Redactor } from '../redact/index.ts';
import type { Answerer, AnswerResult } from './questions.ts';
import type { SystemLog } from './system-log.ts';

/** A conversation of Claude Code, and the folder that it belongs to, if that is known. */
export type SessionRef = {
  readonly sessionId: string;
  readonly cwd: string | undefined;
  /** What it had cost by the last result: old versions continue that sum; undefined if unknown. */
  readonly totalCostUsd?: number | undefined;
};

/** The session of an earlier attempt, in which an attempt continues instead of starting a new one. */
export type Continuation = SessionRef & {
  /** Why it was interrupted, in one phrase. */
  readonly because: string;
};

/** How an attempt of a step differs from its first one. */
export type AttemptPlan = {
  readonly continuation: Continuation | undefined;
  /** What is left of the timeout of the step, in milliseconds; undefined for all of it. */
  readonly timeLeftMs?: number | undefined;
};

/** How an attempt ended, and what later steps and the totals need of it. */
export type AttemptResult = StepOutput & {
  readonly outcome: Outcome;
  /** What is known of the cost. */
  readonly costUsd: number;
  readonly costUnknown: boolean;
  /** Of a Claude step: the session that a later step or attempt may continue. */
  readonly session: SessionRef | undefined;
  /** It was to continue in a session that Claude Code does not have. */
  readonly isSessionLost: boolean;
  /** Of a Claude step: a rate or usage limit with a known end has ended it. */
  readonly limit: RateLimit | undefined;
  /** How long its process ran, without the time for which the timeout does not count. */
  readonly ranMs: number;
  /** A stall whose rule asks for another attempt ended this one. */
  readonly retryAsked: boolean;
};

export type Attempt = {
  /** Never rejects: a defect of ours is an outcome `error/internal`. */
  readonly done: Promise<AttemptResult>;
  /** Ends the process tree, politely first. The first call's outcome is the attempt's; later ones are ignored. */
  readonly stop: (outcome: Outcome, why: string) => void;
  /** Cuts the grace periods of a stop short. */
  readonly killNow: () => void;
  /** Freezes the process tree; its timeout and stall clocks are stopped until `thaw`. */
  readonly freeze: () => void;
  readonly thaw: () => void;
  /** Of Claude Code with `ask`: its turns can be steered. */
  readonly turns?: AttemptTurns | undefined;
};

/** What people do to a session of Claude Code that runs. */
export type AttemptTurns = {
  /** Sends a message, which Claude Code takes up within its turn or after it. */
  readonly sendMessage: (text: string, who: Answerer) => AnswerResult;
  /** Ends its turn, and asks how to continue. */
  readonly interrupt: (who: Answerer) => AnswerResult;
  /** The run is paused: the turn ends when the calls that run have their results, and continues with the run. */
  readonly pause: (by: Answerer) => void;
  readonly resume: () => void;
};

/** What an attempt of either kind writes to, and through what. */
export type AttemptPorts = {
  readonly append: Append;
  readonly log: SystemLog;
  readonly redactor: Redactor;
  readonly onStarted: (process: Identity) => void;
};
