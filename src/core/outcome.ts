// How a step, an attempt or a run can end. Pure vocabulary: no IO, no policy of when to retry.
// The seven kinds follow `cicd.pipeline.task.run.result` of the OpenTelemetry semantic conventions.

/** Why something ended in `error`: it did not get to say itself whether it succeeded. */
export type ErrorReason =
  /** The command, or the Claude Code CLI, could not be started. */
  | 'spawn'
  /** A signal that stepspan did not send ended the process. */
  | 'signal'
  /** The USD or token budget of the run or of the step was used up. */
  | 'budget'
  /** Claude Code ended without its result line, so nobody can say whether it did its work. */
  | 'no_result'
  /** A stall was found and the step asked for it to be killed. */
  | 'stalled'
  /** A rate or usage limit that is not waited for; the message says when it ends. */
  | 'rate_limited'
  /** stepspan was killed; another process closed the run afterwards. */
  | 'abandoned'
  /** A prompt file, a template or the working folder was not usable when the step came up. */
  | 'setup'
  /** A defect of stepspan. Never expected; kept apart so that it is not blamed on the workflow. */
  | 'internal';

/** Why something ended in `failure`: it ran to its end and said itself that it did not succeed. */
export type FailureReason =
  /** A shell command returned a non-zero exit code. */
  | 'exit_code'
  /** Claude Code's result line carries `is_error` or an error subtype. */
  | 'claude_error'
  /** The API refused the login or the key of Claude Code, or there was none. Another attempt would be refused as well. */
  | 'not_logged_in'
  /** The account of Claude Code has no credit left, or its spend limit is reached. */
  | 'no_credit'
  /** It succeeded by itself, but not in what `expect` of the step asks for. */
  | 'unmet_expectation'
  /** A tool call of a Claude step was denied, and the step has `onDenied: fail`; or a person has denied an approval. */
  | 'denied'
  /** Nobody answered what the step, or Claude Code in it, asked in time, and the step has `onTimeout: fail`. */
  | 'unanswered'
  /** A person has interrupted Claude Code, and ended the step or not said how it continues. */
  | 'interrupted'
  /** An MCP server that the step requires was not connected. */
  | 'mcp_unavailable'
  /** Of a run only: at least one step did not succeed although it had to. */
  | 'step_failed';

/** Why a step was not run. */
export type SkipReason =
  /** Its `when` was false. */
  | 'when'
  /** A step that it needs did not succeed. */
  | 'need'
  /** The run was ending (cancelled, timed out, out of budget) before the step came up. */
  | 'run_ended'
  /** Of a resumed run: the step had succeeded in the run before. */
  | 'already_done';

/** The one result of a step, an attempt or a run. `message` is one sentence for a person. */
export type Outcome =
  | { readonly kind: 'success' }
  | { readonly kind: 'failure'; readonly reason: FailureReason; readonly message: string; readonly exitCode?: number }
  | {
      readonly kind: 'error';
      readonly reason: ErrorReason;
      readonly message: string;
      readonly exitCode?: number;
      readonly signal?: string;
    }
  | { readonly kind: 'timeout'; readonly message: string; readonly limitMs: number }
  | { readonly kind: 'cancellation'; readonly message: string }
  | { readonly kind: 'skip'; readonly reason: SkipReason; readonly message: string };

export type OutcomeKind = Outcome['kind'];

/** Every kind, in the order in which people are shown them. */
export const outcomeKinds = [
  'success',
  'failure',
  'error',
  'timeout',
  'cancellation',
  'skip',
] as const satisfies readonly OutcomeKind[];

/** The reason of an outcome as a metric label: bounded, lower case, '' for success. */
export function reasonOf(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'success':
      return '';
    case 'failure':
    case 'error':
    case 'skip':
      return outcome.reason;
    case 'timeout':
    case 'cancellation':
      return outcome.kind;
  }
}

/** The sentence that says why, or '' for success. */
export function messageOf(outcome: Outcome): string {
  return outcome.kind === 'success' ? '' : outcome.message;
}

/** Whether a step was not run because its result was taken over from the run before. */
export function isReused(outcome: Outcome): boolean {
  return outcome.kind === 'skip' && outcome.reason === 'already_done';
}

/** The word of an outcome for a person: a result that was taken over is `reused`, and not a `skip`. */
export function outcomeWord(outcome: Outcome): OutcomeKind | 'reused' {
  return isReused(outcome) ? 'reused' : outcome.kind;
}
