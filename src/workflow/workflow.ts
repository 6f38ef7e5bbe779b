// A workflow in its normal form: checked, every default filled in, durations in milliseconds. Types and defaults only;
// how it is written in YAML is schema.ts's, how it is read is parse.ts's.

import type { StallAction, StallCause } from '../core/event.ts';
import type { OutcomeKind } from '../core/outcome.ts';
import type { ClaudeKeys } from './claude-keys.ts';

export type { OnRateLimit } from './claude-keys.ts';

export type ParamValue = string | number | boolean;

export type Param = {
  readonly name: string;
  readonly type: 'string' | 'number' | 'boolean';
  readonly description: string;
  /** `undefined`: the value must be given when the workflow is started. */
  readonly default: ParamValue | undefined;
};

export type Budget = { readonly usd: number | undefined; readonly tokens: number | undefined };

/** Which outcomes of an attempt are worth another attempt. */
export type RetryableOutcome = Extract<OutcomeKind, 'failure' | 'error' | 'timeout'>;

export type Retries = {
  /** Attempts after the first; 0 for none. */
  readonly max: number;
  /** Wait before the second attempt; each later wait is `factor` times the last, up to `maxDelayMs`. */
  readonly delayMs: number;
  readonly factor: number;
  readonly maxDelayMs: number;
  readonly on: readonly RetryableOutcome[];
  /** Of a Claude step: whether the next attempt starts afresh or continues in the session of the one that failed. */
  readonly session: 'new' | 'continue';
};

/** What happens on a stall of each cause, and after how long without a sign of life it is one. */
export type StallRule = { readonly afterMs: number; readonly action: StallAction };
export type StallRules = Readonly<Record<StallCause, StallRule>>;

/** When a step runs. `success`: all needs succeeded (or were tolerated); `expression` in addition to that. */
export type When =
  | { readonly kind: 'success' }
  | { readonly kind: 'always' }
  | { readonly kind: 'failure' }
  | { readonly kind: 'expression'; readonly expression: Expression };

/** A `when` expression such as `steps.lint.outcome == 'failure' && params.deep`. */
export type Expression =
  | { readonly kind: 'literal'; readonly value: ParamValue }
  | { readonly kind: 'reference'; readonly path: readonly string[] }
  | { readonly kind: 'not'; readonly operand: Expression }
  | {
      readonly kind: 'binary';
      readonly operator: '==' | '!=' | '<' | '<=' | '>' | '>=' | '&&' | '||';
      readonly left: Expression;
      readonly right: Expression;
    };

/** What must hold when an attempt has succeeded by itself; see `expect` in docs/workflow.md. Empty lists ask for nothing. */
export type Expectations = {
  /** Globs from the folder of the step, of which each must match a file that changed; with `!`, files that do not count. */
  readonly changed: readonly string[];
  /** Globs of files that must be as they were. */
  readonly unchanged: readonly string[];
  readonly command: { readonly script: string; readonly timeoutMs: number } | undefined;
  /** Regular expression that must match somewhere in the output. */
  readonly output: string | undefined;
  /** JSON Schema that the output must meet. */
  readonly schema: Readonly<Record<string, unknown>> | undefined;
  readonly noDenials: boolean;
};

type StepBase = {
  readonly id: string;
  readonly name: string;
  readonly needs: readonly string[];
  readonly when: When;
  readonly env: Readonly<Record<string, string>>;
  /** Relative to the workflow's `cwd`; `undefined` for that folder itself. */
  readonly cwd: string | undefined;
  readonly timeoutMs: number;
  readonly retries: Retries;
  readonly continueOnFailure: boolean;
  /** The step writes nothing in its working folder, so it needs no lock on it. */
  readonly readOnly: boolean;
  readonly stalls: StallRules;
  readonly claudeTelemetry: ClaudeTelemetry;
  readonly expect: Expectations | undefined;
};

/**
 * How Claude Code that a step starts by itself is made to report to the run: by a `claude` that stands first on the PATH,
 * by variables for every program of the step, or not at all.
 */
export type ClaudeTelemetry = 'path' | 'env' | 'off';

export type ShellStep = StepBase & {
  readonly kind: 'run';
  /** The command, handed to `shell` as one script. Params and outputs reach it by the environment only. */
  readonly command: string;
  /**
   * Program and flags that take the command as their last argument. For a command given as a list, which needs no
   * shell, all of the list but its last word, so that `[...shell, command]` is what to start in every case.
   */
  readonly shell: readonly string[];
  /** `join`: stderr comes in the stream of stdout, in the order in which it was written. */
  readonly stderr: 'separate' | 'join';
  /** Set by `exec` alone: the command reads what is piped into stepspan. */
  readonly inheritsStdin?: boolean;
};

export type ClaudeStep = StepBase & ClaudeKeys;

export type Step = ShellStep | ClaudeStep;

export type Workflow = {
  readonly name: string;
  readonly description: string;
  /** The path as the user gave it; '' for a workflow that came from no file. */
  readonly file: string;
  readonly params: readonly Param[];
  /** Values for this run: given ones over defaults. */
  readonly paramValues: Readonly<Record<string, ParamValue>>;
  readonly env: Readonly<Record<string, string>>;
  /** Absolute. */
  readonly cwd: string;
  /** `undefined`: the run has no limit of its own. */
  readonly timeoutMs: number | undefined;
  readonly concurrency: number;
  readonly budget: Budget;
  /** Names of environment variables whose values are secrets besides those that look like it. */
  readonly secrets: readonly string[];
  /** In the order of the file. */
  readonly steps: readonly Step[];
};
