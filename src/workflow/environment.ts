// How values of params and of earlier steps reach a child: by environment variables, under the names made here.
// Nothing is ever spliced into a command.

import { cutMarker, maxOutputBytes, type StepOutput, valueText } from '../core/step-output.ts';
import { cutMiddle, sizeOf, type TextSize } from '../text/cut-middle.ts';
import { resolveReference, type Scope } from './expression/evaluate.ts';
import { ancestorsOf } from './graph.ts';
import { renderTemplate } from './template.ts';
import type { Step, Workflow } from './workflow.ts';

/** `STEPSPAN_PARAM_<NAME>`. */
export function paramVariable(name: string): string {
  return `STEPSPAN_PARAM_${upper(name)}`;
}

/** `STEPSPAN_OUTPUT_<STEP_ID>`: the value of `{{ steps.ID.output }}`. */
export function outputVariable(stepId: string): string {
  return `STEPSPAN_OUTPUT_${upper(stepId)}`;
}

/** `STEPSPAN_OUTCOME_<STEP_ID>`: `success`, `failure` and so on. */
export function outcomeVariable(stepId: string): string {
  return `STEPSPAN_OUTCOME_${upper(stepId)}`;
}

/** `STEPSPAN_OUTPUTS_<STEP_ID>_<NAME>`: the value of `{{ steps.ID.outputs.NAME }}`. */
export function namedOutputVariable(stepId: string, name: string): string {
  return `${namedOutputPrefix(stepId)}${upper(name)}`;
}

/** With which every variable of a step's named outputs begins. */
export function namedOutputPrefix(stepId: string): string {
  return `STEPSPAN_OUTPUTS_${upper(stepId)}_`;
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

type CutVariable = { readonly name: string; readonly bytes: number; readonly keptBytes: number };

export type Environment =
  | {
      readonly ok: true;
      /** The caller's to change. */
      readonly variables: Record<string, string>;
      /** Outputs that were cut further to fit, for the step to say so. The journal has the whole of them. */
      readonly cut: readonly CutVariable[];
      /** Variables that two named outputs would set, as `a.b-c` and `a-b.c`; neither does. */
      readonly ambiguous: readonly { readonly name: string; readonly outputs: readonly string[] }[];
    }
  /** One sentence: a template whose value is not there. */
  | { readonly ok: false; readonly message: string };

/**
 * The variables that the workflow adds for one step: its `env`, the step's `env`, the params, and output and outcome
 * of every step that it comes after. What stepspan sets for every child, such as `STEPSPAN_RUN_ID`, is not in it.
 */
export function environmentOf(workflow: Workflow, step: Step, scope: Scope): Environment {
  // Without a prototype, as a variable may be called `constructor`.
  const variables: Record<string, string> = Object.create(null);
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
  const runId = scope.runId ?? 'RUN';
  const { values, ambiguous } = namedValues(outputs, runId);
  const cut = addValues([...[...outputs].map(([id, output]) => outputValue(id, output, runId)), ...values], variables);
  return { ok: true, variables, cut, ambiguous };
}

/** What one variable is to hold, and its size before it was cut for the first time. */
type Value = Measured & { readonly name: string; readonly readWith: string };

type Measured = { readonly text: string; readonly bytes: Buffer; readonly size: TextSize };

/** Measured once for each output: a step comes after all of its ancestors, so that a long chain would measure each many times. */
const measuredOutputs = new WeakMap<StepOutput, Measured>();

function outputValue(id: string, output: StepOutput, runId: string): Value {
  const measured = measuredOutputs.get(output) ?? measure(output.output, output);
  measuredOutputs.set(output, measured);
  return { ...measured, name: outputVariable(id), readWith: readOutputWith(runId, id) };
}

/** @param known the size before the text was cut */
function measure(given: string, known: Pick<StepOutput, 'outputBytes' | 'outputLines'> = {}): Measured {
  // A zero byte ends a C string, so it cannot be in a variable; `$(...)` in a shell drops it too.
  const text = given.replaceAll('\0', '');
  const bytes = Buffer.from(text);
  const own = sizeOf(bytes);
  return { text, bytes, size: { bytes: known.outputBytes ?? own.bytes, lines: known.outputLines ?? own.lines } };
}

function namedValues(outputs: ReadonlyMap<string, StepOutput>, runId: string) {
  const byVariable = new Map<string, { readonly of: string; readonly value: Value }[]>();
  for (const [id, { outputs: named }] of outputs) {
    for (const [key, json] of Object.entries(named ?? {})) {
      const name = namedOutputVariable(id, key);
      const value = { ...measure(valueText(json)), name, readWith: `${readOutputWith(runId, id)} --field ${key}` };
      byVariable.set(name, [...(byVariable.get(name) ?? []), { of: `steps.${id}.outputs.${key}`, value }]);
    }
  }
  const all = [...byVariable];
  return {
    values: all.flatMap(([, found]) => (found.length === 1 ? found.map(({ value }) => value) : [])),
    ambiguous: all
      .filter(([, found]) => found.length > 1)
      .map(([name, found]) => ({ name, outputs: found.map(({ of }) => of).sort() })),
  };
}

/** Puts values in, cut further when they do not fit together. Each gets an equal share of the room, or less if it needs less. */
function addValues(values: readonly Value[], variables: Record<string, string>): CutVariable[] {
  const cut: CutVariable[] = [];
  const smallestFirst = [...values].sort((a, b) => a.bytes.length - b.bytes.length);
  let room = maxAllOutputBytes;
  for (const [index, { name, text: whole, bytes, size, readWith }] of smallestFirst.entries()) {
    const share = Math.min(Math.floor(room / (smallestFirst.length - index)), maxOutputBytes);
    if (bytes.length <= share) {
      variables[name] = whole;
      room -= bytes.length;
      continue;
    }
    const ends = { head: bytes, tail: bytes, size };
    const { text, headBytes, tailBytes } = cutMiddle(ends, share, (leftOut) => cutMarker(leftOut, readWith));
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
