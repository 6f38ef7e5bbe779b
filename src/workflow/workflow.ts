// A workflow in its normal form: checked, every default filled in, durations in milliseconds. The schemas are those of a stored
// workflow (`run.started`), and the types are theirs. How it is written in YAML is in schema.ts.
//
// A stored workflow can be of an earlier version: what that did not have is `optional` or has a default here. Keys that this
// version does not know are left out, as a later version may add some without a new number.
import { z } from 'zod';
import type { StallCause } from '../core/event.ts';
import { storedApprove } from './approve.ts';
import { storedAsk } from './ask.ts';
import { type ClaudeKeys, storedClaude } from './claude-keys.ts';
import { object, optional } from './schema-fields.ts';

type Frozen<T> = T extends readonly (infer Item)[]
  ? readonly Frozen<Item>[]
  : T extends object
    ? { readonly [K in keyof T]: Frozen<T[K]> }
    : T;
type Normal<T extends z.ZodType> = Frozen<z.output<T>>;

const texts = z.array(z.string());
const paramValue = z.union([z.string(), z.number(), z.boolean()]);

export type ParamValue = z.output<typeof paramValue>;

const param = z.object({
  name: z.string(),
  type: z.enum(['string', 'number', 'boolean']),
  description: z.string(),
  /** `undefined`: the value must be given when the workflow is started. */
  default: optional(paramValue),
});

export type Param = Normal<typeof param>;

const budget = z.object({ usd: optional(z.number()), tokens: optional(z.number()) });

export type Budget = Normal<typeof budget>;

const retries = z.object({
  /** Attempts after the first; 0 for none. */
  max: z.number(),
  /** Wait before the second attempt; each later wait is `factor` times the last, up to `maxDelayMs`. */
  delayMs: z.number(),
  factor: z.number(),
  maxDelayMs: z.number(),
  /** Which outcomes of an attempt are worth another attempt. */
  on: z.array(z.enum(['failure', 'error', 'timeout'])),
  /** Of a Claude step: whether the next attempt starts a session or continues that of the attempt that failed. */
  session: z.enum(['new', 'continue']).default('new'),
});

export type Retries = Normal<typeof retries>;

/** What happens on a stall, and after how long without a sign of life it is one. */
const stall = z.object({ afterMs: z.number(), action: z.enum(['none', 'kill', 'retry']) });

const stalls = z.object({
  no_output: stall,
  output_closed: stall,
  no_exit_after_result: stall,
  rate_limited: stall,
  waiting_for_permission: stall,
} satisfies Record<StallCause, unknown>);

export type StallRule = Normal<typeof stall>;
export type StallRules = Normal<typeof stalls>;

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

const expression: z.ZodType<Expression> = z.lazy(() =>
  z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('literal'), value: paramValue }),
    z.object({ kind: z.literal('reference'), path: texts }),
    z.object({ kind: z.literal('not'), operand: expression }),
    z.object({
      kind: z.literal('binary'),
      operator: z.enum(['==', '!=', '<', '<=', '>', '>=', '&&', '||']),
      left: expression,
      right: expression,
    }),
  ]),
);

/** When a step runs. `success`: all needs succeeded (or were tolerated); `expression` in addition to that. */
const when = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('success') }),
  z.object({ kind: z.literal('always') }),
  z.object({ kind: z.literal('failure') }),
  z.object({ kind: z.literal('expression'), expression }),
]);

export type When = Normal<typeof when>;

/** What must hold when an attempt has succeeded by itself; see `expect` in docs/workflow.md. Empty lists ask for nothing. */
const expectations = z.object({
  /** Globs from the folder of the step, of which each must match a file that changed; with `!`, files that do not count. */
  changed: texts,
  /** Globs of files that must be as they were. */
  unchanged: texts,
  command: optional(z.object({ script: z.string(), timeoutMs: z.number() })),
  /** Regular expression that must match somewhere in the output. */
  output: optional(z.string()),
  /** JSON Schema that the output must meet. */
  schema: optional(object),
  noDenials: z.boolean(),
});

export type Expectations = Normal<typeof expectations>;

/**
 * How Claude Code that a step starts by itself is made to report to the run: by a `claude` that comes first on the PATH, by
 * variables for every program of the step, or not at all.
 */
const claudeTelemetry = z.enum(['path', 'env', 'off']);

export type ClaudeTelemetry = z.output<typeof claudeTelemetry>;

const base = z.object({
  id: z.string(),
  name: z.string(),
  needs: texts,
  when,
  env: z.record(z.string(), z.string()),
  /** Relative to the workflow's `cwd`; `undefined` for that folder itself. */
  cwd: optional(z.string()),
  timeoutMs: z.number(),
  retries,
  continueOnFailure: z.boolean(),
  /** The step writes nothing in its working folder, so it needs no lock on it. */
  readOnly: z.boolean(),
  stalls,
  claudeTelemetry: claudeTelemetry.default('path'),
  expect: optional(expectations),
});

const shellStep = z.object({
  kind: z.literal('run'),
  /** The command, given to `shell` as one script. Params and outputs reach it by the environment only. */
  command: z.string(),
  /**
   * Program and flags that take the command as their last argument. For a command given as a list, which needs no
   * shell, all of the list but its last word, so that `[...shell, command]` is what to start in every case.
   */
  shell: texts,
  /** `join`: stderr comes in the stream of stdout, in the order in which it was written. */
  stderr: z.enum(['separate', 'join']).default('separate'),
  /** Whether a person can type the lines that the command reads. Its rules are empty. */
  ask: storedAsk,
});

export type ShellStep = Normal<typeof base> &
  Normal<typeof shellStep> & {
    /** Set by `exec` alone: the command reads what is piped into stepspan. It is not stored. */
    readonly inheritsStdin?: boolean;
  };
export type ClaudeStep = Normal<typeof base> & ClaudeKeys;
export type ApproveStep = Normal<typeof base> & Normal<typeof storedApprove>;
export type Step = ShellStep | ClaudeStep | ApproveStep;

/** A stored step has null for a key that is not set. */
const step = z.preprocess(
  (value) =>
    typeof value === 'object' && value !== null
      ? Object.fromEntries(Object.entries(value).filter(([, item]) => item !== null))
      : value,
  // A key that is not set is undefined, and not absent.
  base
    .transform((keys) => ({ ...keys, cwd: keys.cwd, expect: keys.expect }))
    .and(z.discriminatedUnion('kind', [shellStep, storedApprove, storedClaude])),
);

export const storedWorkflow = z.object({
  name: z.string(),
  description: z.string(),
  /** The path as the user gave it; '' for a workflow that came from no file. */
  file: z.string(),
  params: z.array(param),
  /** Values for this run: given ones over defaults. */
  paramValues: z.record(z.string(), paramValue),
  /** As written, with `{{ params.NAME }}` in them. Those of a run are in `run.started`. */
  labels: z.record(z.string(), z.string()).default({}),
  env: z.record(z.string(), z.string()),
  /** Absolute. */
  cwd: z.string(),
  /** `undefined`: the run has no limit of its own. */
  timeoutMs: optional(z.number()),
  concurrency: z.number(),
  budget,
  /** Names of environment variables whose values are secrets besides those that look like it. */
  secrets: texts,
  /** In the order of the file. */
  steps: z.array(step),
});

export type Workflow = Omit<Normal<typeof storedWorkflow>, 'steps'> & { readonly steps: readonly Step[] };
