// Whether the names in `when`, in `{{ }}` and in shell commands exist, and can have a value when the step comes up.
import { outcomeKinds } from '../../core/outcome.ts';
import type { FoundReference } from '../expression/parse.ts';
import { idPattern } from '../schema-fields.ts';
import { didYouMean, listOf } from '../suggest.ts';
import { type Outline, type OutlineStep, stepLabel } from './outline.ts';

export type Complaint = { readonly message: string; readonly fix: string };

/**
 * What is wrong with a reference, or undefined.
 * @param step the step that it is in; undefined in the `env` of the workflow, before any step has run
 */
export function complainOf(
  { path }: FoundReference,
  step: OutlineStep | undefined,
  outline: Outline,
): Complaint | undefined {
  const [root, name, field, ...inside] = path;
  const text = path.join('.');
  if (root === 'params') {
    const names = [...outline.params.keys()];
    if (name === undefined) return { message: '`params` is not a value', fix: 'write `params.NAME`' };
    if (!outline.params.has(name)) {
      return { message: `there is no param \`${name}\``, fix: didYouMean(name, names, missingParam(name, names)) };
    }
    return field === undefined ? undefined : { message: `\`${text}\` is not there`, fix: `write \`params.${name}\`` };
  }
  if (root !== 'steps') {
    const fix = didYouMean(root ?? '', ['params', 'steps'], 'known are');
    return { message: `\`${text}\` is not known`, fix };
  }
  if (name === undefined)
    return {
      message: '`steps` is not a value',
      fix: 'write `steps.ID.output`, `steps.ID.outputs.NAME` or `steps.ID.outcome`',
    };
  if (step === undefined) {
    return { message: 'no step has run yet where this is used', fix: 'move it to the `env` of the step that needs it' };
  }
  const order = complainOfOrder(name, step, outline);
  if (order !== undefined) return order;
  if (field === undefined)
    return { message: `\`${text}\` is not a value`, fix: `write \`${text}.output\` or \`${text}.outcome\`` };
  if (field === 'output') return undefined;
  if (field === 'outcome') {
    return inside.length === 0
      ? undefined
      : { message: `\`${text}\` is not there`, fix: `write \`steps.${name}.outcome\`` };
  }
  if (field === 'outputs') return complainOfNamed(text, inside);
  const fields = ['output', 'outputs', 'outcome'];
  return { message: `a step has no \`${field}\``, fix: didYouMean(field, fields, 'write one of') };
}

/** Of `{{ env.NAME }}` in a value of `env`: the variable that stepspan itself has. Whether it is set shows before the run. */
export function complainOfEnv({ path }: FoundReference): Complaint | undefined {
  if (path.length === 2) return undefined;
  return { message: `\`${path.join('.')}\` is not a value`, fix: 'write `env.NAME`' };
}

/** Which names a step returns is known when it has ended; only what can never be a name is wrong here. */
function complainOfNamed(text: string, [name]: readonly string[]): Complaint | undefined {
  if (name === undefined) return { message: `\`${text}\` is not a value`, fix: `write \`${text}.NAME\`` };
  if (idPattern.test(name)) return undefined;
  const fix = 'a name starts with a letter and has letters, digits, `-` and `_`, at most 64';
  return { message: `\`${name}\` cannot be the name of an output`, fix };
}

function missingParam(name: string, names: readonly string[]): string {
  return names.length === 0 ? `add \`params: {${name}: <default>}\`` : `declare it below \`params\`; declared are`;
}

/** Whether `name` is sure to have ended when `step` comes up. */
export function complainOfOrder(name: string, step: OutlineStep, outline: Outline): Complaint | undefined {
  const { byId, ancestors } = outline;
  if (!byId.has(name)) {
    const others = [...byId.keys()].filter((id) => id !== step.id);
    return { message: `there is no step \`${name}\``, fix: didYouMean(name, others, 'write one of') };
  }
  if (!step.hasId || ancestors(step.id).has(name)) return undefined;
  if (name === step.id) return { message: `step \`${name}\` cannot use its own output`, fix: 'name an earlier step' };
  if (ancestors(name).has(step.id)) {
    const message = `step \`${name}\` comes after ${stepLabel(step)}, so it has given nothing yet`;
    return { message, fix: `name a step that \`${step.id}\` needs` };
  }
  const message = `step \`${name}\` is not among the needs of \`${step.id}\`, so it might not have ended yet`;
  const needs = [...new Set([...step.needs, name])].join(', ');
  return { message, fix: `write \`needs: [${needs}]\` in step \`${step.id}\`` };
}

/** The same things in the words of other tools. */
const outcomeWords: Readonly<Record<string, string>> = {
  failed: 'failure',
  succeeded: 'success',
  ok: 'success',
  errored: 'error',
  timed_out: 'timeout',
  cancelled: 'cancellation',
  canceled: 'cancellation',
  skipped: 'skip',
};

/** What is wrong with a value that is compared with an outcome, or undefined. */
export function complainOfOutcome(value: unknown): Complaint | undefined {
  if (outcomeKinds.some((kind) => kind === value)) return undefined;
  const message = `no step ever has the outcome \`${String(value)}\``;
  const word = Object.hasOwn(outcomeWords, String(value)) ? outcomeWords[String(value)] : undefined;
  if (word !== undefined) return { message, fix: `write \`${word}\`` };
  return {
    message,
    fix:
      typeof value === 'string'
        ? didYouMean(value, outcomeKinds, 'write one of')
        : `write one of ${listOf(outcomeKinds)}`,
  };
}
