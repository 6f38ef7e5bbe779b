// What both kinds of attempt need before they can start: the folder, the environment and the marks of the child.
import { statSync } from 'node:fs';
import path from 'node:path';
import { parentSpanId, type RunId, traceparentOf } from '../../core/ids.ts';
import type { Subject } from '../../core/record.ts';
import { environmentOf, readOutputWith } from '../../workflow/environment.ts';
import type { Scope } from '../../workflow/expression/evaluate.ts';
import type { Step } from '../../workflow/workflow.ts';
import { type Marker, markerOf } from '../process/index.ts';
import type { RunScope } from './run-workflow.ts';

export type RunIdentity = {
  readonly runId: RunId;
  readonly traceId: string;
  /** The environment of stepspan itself, which children inherit. */
  readonly env: Readonly<Record<string, string | undefined>>;
};

export type StepSetting = {
  readonly subject: Subject;
  readonly scope: Scope;
  readonly cwd: string;
  /** Of this attempt alone: what starts it adds variables. After hundreds of steps there are a thousand, too many to copy each time. */
  readonly env: Record<string, string>;
  readonly marker: Marker;
  readonly spanId: string;
  readonly traceparent: string;
  /** The command that prints the output of the step, for messages. */
  readonly readOutputWith: string;
};

export type StepSettingResult =
  | ({ readonly ok: true } & StepSetting)
  | { readonly ok: false; readonly message: string };

/** Everything an attempt of `step` starts with, or one sentence why it cannot. */
export function prepareSetting(identity: RunIdentity, step: Step, attempt: number, run: RunScope): StepSettingResult {
  const cwd = step.cwd === undefined ? run.workflow.cwd : path.resolve(run.workflow.cwd, step.cwd);
  const folder = statSync(cwd, { throwIfNoEntry: false });
  if (folder?.isDirectory() !== true) {
    const why = folder === undefined ? 'does not exist' : 'is not a folder';
    return { ok: false, message: `its working folder ${cwd} ${why}; create it or change \`cwd\`` };
  }
  const scope: Scope = {
    runId: identity.runId,
    params: run.workflow.paramValues,
    steps: run.ended,
  };
  const added = environmentOf(run.workflow, step, { ...scope, env: identity.env });
  if (!added.ok) return added;
  const subject = { step: step.id, attempt };
  for (const { name, bytes, keptBytes } of added.cut) {
    const why = 'variables are limited, one by one and together';
    run.log('warning', `${name} holds ${keptBytes} of ${bytes} bytes, as ${why}`, subject);
  }
  for (const { name, outputs } of added.ambiguous) {
    run.log('warning', `${name} is not set, as it would be ${outputs.join(' and ')}; rename one of them`, subject);
  }
  const spanId = parentSpanId(identity.runId, step.id, attempt);
  const traceparent = traceparentOf(identity.traceId, spanId);
  const env: Record<string, string> = added.variables;
  for (const [name, value] of Object.entries(identity.env)) if (value !== undefined) env[name] ??= value;
  const own = {
    PWD: cwd,
    STEPSPAN_RUN_ID: identity.runId,
    STEPSPAN_STEP_ID: step.id,
    STEPSPAN_ATTEMPT: String(attempt),
    WORKFLOW_EXECUTION_ID: identity.runId,
    TRACEPARENT: traceparent,
  };
  return {
    ok: true,
    subject,
    scope,
    cwd,
    env: Object.assign(env, own),
    marker: markerOf(identity.runId, step.id),
    spanId,
    traceparent,
    readOutputWith: readOutputWith(identity.runId, step.id),
  };
}
