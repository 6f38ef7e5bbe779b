// What the engine asks of one attempt of a step, whether it is a shell command or Claude Code. Types only.
import type { Outcome } from '../../event/outcome.ts';
import type { StepOutput } from '../../event/step-output.ts';

/** How an attempt ended, and what later steps and the totals need of it. */
export type AttemptResult = StepOutput & {
  readonly outcome: Outcome;
  /** What is known of the cost. */
  readonly costUsd: number;
  readonly costUnknown: boolean;
  /** Of a Claude step: the session that a later step may go on with. */
  readonly sessionId: string | undefined;
  /** A stall whose rule asks for another attempt ended this one. */
  readonly retryAsked: boolean;
};

export type Attempt = {
  /** Never rejects: a defect of ours is an outcome `error/internal`. */
  readonly done: Promise<AttemptResult>;
  /** Ends the process tree, politely first. The first call's outcome is the attempt's; later ones are ignored. */
  readonly stop: (outcome: Outcome, why: string) => void;
  /** Cuts the grace periods of a stop short. */
  readonly hurry: () => void;
  /** Freezes the process tree; its timeout and stall clocks stand still until `thaw`. */
  readonly freeze: () => void;
  readonly thaw: () => void;
};
