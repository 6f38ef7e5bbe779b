// How values of params and of earlier steps reach a child: by environment variables, under the names made here.
// Nothing is ever spliced into a command.
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

/** Linux refuses to start a program with one variable of over 128 KiB (MAX_ARG_STRLEN), its name included. */
export const maxVariableBytes = 120 * 1024;
/** Arguments and environment together: 1 MiB on macOS, 2 MiB on Linux (a quarter of the stack). Half of the smaller. */
export const maxOutputBytes = 512 * 1024;

export type Environment =
  | {
      readonly ok: true;
      readonly variables: Readonly<Record<string, string>>;
      /** Outputs that were cut to fit, for the step to say so. The journal has the whole of them. */
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
    const unfit = complainOfValue(rendered.text);
    if (unfit !== undefined) return { ok: false, message: `env.${name} ${unfit}` };
    variables[name] = rendered.text;
  }
  for (const [name, value] of Object.entries(scope.params)) variables[paramVariable(name)] = String(value);
  const cut: { name: string; bytes: number; keptBytes: number }[] = [];
  let room = maxOutputBytes;
  for (const id of ancestorsOf(workflow.steps, step.id)) {
    const ended = scope.steps.get(id);
    if (ended === undefined) continue;
    const outcome = resolveReference(['steps', id, 'outcome'], scope);
    variables[outcomeVariable(id)] = outcome.ok ? String(outcome.value) : ended.outcome.kind;
    // A zero byte ends a C string, so it cannot be in a variable; `$(...)` in a shell drops it too.
    const whole = ended.output.replaceAll('\0', '');
    const kept = cutToBytes(whole, Math.min(room, maxVariableBytes));
    const [bytes, keptBytes] = [Buffer.byteLength(whole), Buffer.byteLength(kept)];
    if (keptBytes < bytes) cut.push({ name: outputVariable(id), bytes, keptBytes });
    variables[outputVariable(id)] = kept;
    room -= keptBytes;
  }
  return { ok: true, variables, cut };
}

function complainOfValue(text: string): string | undefined {
  if (text.includes('\0')) return 'holds a zero byte, which no variable can';
  const bytes = Buffer.byteLength(text);
  return bytes > maxVariableBytes
    ? `has ${bytes} bytes, more than the ${maxVariableBytes} that a variable may have`
    : undefined;
}

/** The longest start of `text` that has at most `limit` bytes of UTF-8 and ends with a whole character. */
function cutToBytes(text: string, limit: number): string {
  if (text.length * 3 <= limit) return text;
  const bytes = Buffer.from(text);
  if (bytes.length <= limit) return text;
  let end = limit;
  // Bytes 10xxxxxx go on with a character: one that begins before the limit and ends after it is left out.
  while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end -= 1;
  return bytes.toString('utf8', 0, end);
}
