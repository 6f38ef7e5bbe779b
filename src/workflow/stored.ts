// The normal form as JSON and back, for `run.started`, so that a run can be resumed from its journal alone.
// A value that is absent is null in JSON, so that every key is always present.
import { storedWorkflow, type Workflow } from './workflow.ts';

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

/** Checks stored JSON, which may be of another version or damaged, and returns the workflow in it. */
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
