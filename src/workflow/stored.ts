// The normal form as JSON and back, for `run.started`, so that a run can be resumed from its journal alone.
// A value that is not there is null in JSON, so that every key is always present.
import { z } from 'zod';
import { storedClaude } from './claude-keys.ts';
import type { Expectations, Expression, Workflow } from './workflow.ts';

/** Counts up when a stored workflow of before can no longer be read as it is. */
export const storedVersion = 1;

/** Plain JSON data, made to be read back by `workflowFromJson`. */
export function workflowToJson(workflow: Workflow): unknown {
  return {
    version: storedVersion,
    ...withNulls(workflow),
    params: workflow.params.map(withNulls),
    budget: withNulls(workflow.budget),
    steps: workflow.steps.map(withNulls),
  };
}

export type ReadBack =
  | { readonly ok: true; readonly workflow: Workflow }
  /** One sentence: where the stored form is not what this version writes. */
  | { readonly ok: false; readonly message: string };

/** Checks stored JSON, which may be of another version or damaged, and gives the workflow in it. */
export function workflowFromJson(json: unknown): ReadBack {
  const version = typeof json === 'object' && json !== null && 'version' in json ? json.version : undefined;
  if (version !== storedVersion) {
    const found = typeof version === 'number' ? `of version ${version}` : 'of no known version';
    return { ok: false, message: `the stored workflow is ${found}; this stepspan reads version ${storedVersion}` };
  }
  const parsed = storedWorkflow.safeParse(json);
  if (parsed.success) return { ok: true, workflow: parsed.data };
  const [issue] = parsed.error.issues;
  const path = issue?.path.map(String).join('.') ?? '';
  return { ok: false, message: `the stored workflow cannot be read: ${path}: ${issue?.message}` };
}

function withNulls<T extends object>(value: T): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, item ?? null]));
}

const maybe = <T extends z.ZodType>(schema: T) => schema.nullable().transform((value) => value ?? undefined);
const paramValue = z.union([z.string(), z.number(), z.boolean()]);
const texts = z.record(z.string(), z.string());
const anything = z.record(z.string(), z.unknown());

const expression: z.ZodType<Expression> = z.lazy(() =>
  z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('literal'), value: paramValue }),
    z.object({ kind: z.literal('reference'), path: z.array(z.string()) }),
    z.object({ kind: z.literal('not'), operand: expression }),
    z.object({
      kind: z.literal('binary'),
      operator: z.enum(['==', '!=', '<', '<=', '>', '>=', '&&', '||']),
      left: expression,
      right: expression,
    }),
  ]),
);

const when = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('success') }),
  z.object({ kind: z.literal('always') }),
  z.object({ kind: z.literal('failure') }),
  z.object({ kind: z.literal('expression'), expression }),
]);

const stall = z.object({ afterMs: z.number(), action: z.enum(['none', 'kill', 'retry']) });

const expectations = z.object({
  changed: z.array(z.string()),
  unchanged: z.array(z.string()),
  command: maybe(z.object({ script: z.string(), timeoutMs: z.number() })).optional(),
  output: maybe(z.string()).optional(),
  schema: maybe(anything).optional(),
  noDenials: z.boolean(),
});

const base = {
  id: z.string(),
  name: z.string(),
  needs: z.array(z.string()),
  when,
  env: texts,
  cwd: z.string().optional(),
  timeoutMs: z.number(),
  retries: z.object({
    max: z.number(),
    delayMs: z.number(),
    factor: z.number(),
    maxDelayMs: z.number(),
    on: z.array(z.enum(['failure', 'error', 'timeout'])),
    // Absent in runs from before there was a choice.
    session: z.enum(['new', 'continue']).default('new'),
  }),
  continueOnFailure: z.boolean(),
  readOnly: z.boolean(),
  stalls: z.object({
    no_output: stall,
    output_closed: stall,
    no_exit_after_result: stall,
    rate_limited: stall,
    waiting_for_permission: stall,
  }),
  claudeTelemetry: z.enum(['path', 'env', 'off']).default('path'),
  // Journals of before the key was there lack it.
  expect: maybe(expectations).optional().transform(filledExpectations),
};

const shellStep = z.object({
  kind: z.literal('run'),
  command: z.string(),
  shell: z.array(z.string()),
  stderr: z.enum(['separate', 'join']).default('separate'),
});

const step = z.preprocess(
  withoutNulls,
  z
    .object(base)
    .transform((keys) => ({ ...keys, cwd: keys.cwd, expect: keys.expect }))
    .and(z.discriminatedUnion('kind', [shellStep, storedClaude])),
);

function withoutNulls(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== null));
}

/** `undefined` is left out in JSON. */
function filledExpectations(stored: z.output<typeof expectations> | undefined): Expectations | undefined {
  if (stored === undefined) return undefined;
  const { command, output, schema } = stored;
  return { ...stored, command, output, schema };
}

/** Keys that this version does not know are left out: a later version may add some without a new number. */
const storedWorkflow = z.object({
  name: z.string(),
  description: z.string(),
  file: z.string(),
  params: z.array(
    z.object({
      name: z.string(),
      type: z.enum(['string', 'number', 'boolean']),
      description: z.string(),
      default: maybe(paramValue),
    }),
  ),
  paramValues: z.record(z.string(), paramValue),
  env: texts,
  cwd: z.string(),
  timeoutMs: maybe(z.number()),
  concurrency: z.number(),
  budget: z.object({ usd: maybe(z.number()), tokens: maybe(z.number()) }),
  secrets: z.array(z.string()),
  steps: z.array(step),
});
