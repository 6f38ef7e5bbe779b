// How values of params and of earlier steps reach a child: by environment variables, under the names made here.
// Nothing is ever spliced into a command.
import { cutMiddle, sizeOf } from '../event/cut-middle.ts';
import { cutMarker, maxOutputBytes, type StepOutput } from '../event/step-output.ts';
import { resolveReference, type Scope } from './expression/evaluate.ts';
import { ancestorsOf } from './graph.ts';
import { renderTemplate } from './template.ts';
import type { Step, Workflow } from './workflow.ts';

/** `STEPSPAN_PARAM_<NAME>`. */
export function paramVariable(name: string): string {
  return `STEPSPAN_PARAM_${upper(name)}`;
}

/** `STEPSPAN_OUTPUT_<STEP_ID>`: what `{{ steps.ID.output }}` gives. */
export function outputVariable(stepId: string): string {
  return `STEPSPAN_OUTPUT_${upper(stepId)}`;
}

/** `STEPSPAN_OUTCOME_<STEP_ID>`: `success`, `failure` and so on. */
export function outcomeVariable(stepId: string): string {
  return `STEPSPAN_OUTCOME_${upper(stepId)}`;
}

/** Variables that stepspan sets for every child, which a workflow may therefore not set. */
export function isReservedVariable(name: string): boolean {
  return name.startsWith('STEPSPAN_') || name === 'WORKFLOW_EXECUTION_ID' || name === 'TRACEPARENT';
}

function upper(text: string): string {
  return text.toUpperCase().replaceAll('-', '_');
}

/** Linux refuses to start a program with a larger variable, its name, its `=` and its end included (MAX_ARG_STRLEN). */
const maxVariableBytes = 128 * 1024;
/**
 * All outputs together. Linux takes arguments and environment of a quarter of the stack, which is 2 MiB; macOS 1 MiB.
 * Half of the smaller is left for the rest of the environment.
 */
export const maxAllOutputBytes = 512 * 1024;

export type Environment =
  | {
      readonly ok: true;
      readonly variables: Readonly<Record<string, string>>;
      /** Outputs that were cut further to fit, for the step to say so. The journal has the whole of them. */
      readonly cut: readonly { readonly name: string; readonly bytes: number; readonly keptBytes: number }[];
    }
  /** One sentence: a template whose value is not there. */
  | { readonly ok: false; readonly message: string };

/**
 * The variables that the workflow adds for one step: its `env`, the step's `env`, the params, and output and outcome
 * of every step that it comes after. What stepspan sets for every child, such as `STEPSPAN_RUN_ID`, is not in it.
 */
export function environmentOf(workflow: Workflow, step: Step, scope: Scope): Environment {
  const variables: Record<string, string> = {};
  for (const [name, template] of [...Object.entries(workflow.env), ...Object.entries(step.env)]) {
    const rendered = renderTemplate(template, scope);
    if (!rendered.ok) return { ok: false, message: `env.${name}: ${rendered.message}` };
    const unfit = complainOfValue(name, rendered.text);
    if (unfit !== undefined) return { ok: false, message: `env.${name} ${unfit}` };
    variables[name] = rendered.text;
  }
  for (const [name, value] of Object.entries(scope.params)) {
    const unfit = complainOfValue(paramVariable(name), String(value));
    if (unfit !== undefined) return { ok: false, message: `param \`${name}\` ${unfit}` };
    variables[paramVariable(name)] = String(value);
  }
  const outputs = new Map<string, StepOutput>();
  for (const id of ancestorsOf(workflow.steps, step.id)) {
    const ended = scope.steps.get(id);
    if (ended === undefined) continue;
    const outcome = resolveReference(['steps', id, 'outcome'], scope);
    variables[outcomeVariable(id)] = outcome.ok ? String(outcome.value) : ended.outcome.kind;
    outputs.set(id, ended);
  }
  return { ok: true, variables, cut: addOutputs(outputs, scope.runId ?? 'RUN', variables) };
}

/** Puts the outputs in, cut further when they do not fit together. Each gets an equal share of the room, or less if it needs less. */
function addOutputs(
  outputs: ReadonlyMap<string, StepOutput>,
  runId: string,
  variables: Record<string, string>,
): { readonly name: string; readonly bytes: number; readonly keptBytes: number }[] {
  const cut: { name: string; bytes: number; keptBytes: number }[] = [];
  // A zero byte ends a C string, so it cannot be in a variable; `$(...)` in a shell drops it too.
  const wholes = [...outputs]
    .map(([id, output]) => ({ id, output, bytes: Buffer.from(output.output.replaceAll('\0', '')) }))
    .sort((a, b) => a.bytes.length - b.bytes.length);
  let room = maxAllOutputBytes;
  for (const [index, { id, output, bytes }] of wholes.entries()) {
    const share = Math.min(Math.floor(room / (wholes.length - index)), maxOutputBytes);
    const name = outputVariable(id);
    if (bytes.length <= share) {
      variables[name] = bytes.toString('utf8');
      room -= bytes.length;
      continue;
    }
    const own = sizeOf(bytes);
    const size = { bytes: output.outputBytes ?? own.bytes, lines: output.outputLines ?? own.lines };
    const { text, headBytes, tailBytes } = cutMiddle({ head: bytes, tail: bytes, size }, share, (leftOut) =>
      cutMarker(leftOut, readOutputWith(runId, id)),
    );
    variables[name] = text;
    room -= Buffer.byteLength(text);
    cut.push({ name, bytes: size.bytes, keptBytes: headBytes + tailBytes });
  }
  return cut;
}

/** The command that prints all of what a step gave. */
export function readOutputWith(runId: string, stepId: string): string {
  return `stepspan output ${runId} ${stepId}`;
}

function complainOfValue(name: string, text: string): string | undefined {
  if (text.includes('\0')) return 'holds a zero byte, which no variable can';
  const bytes = Buffer.byteLength(text);
  const room = maxVariableBytes - name.length - 2;
  return bytes > room ? `has ${bytes} bytes, more than the ${room} that the variable ${name} may have` : undefined;
}
