// The value of an expression or reference, over the params of a run and the steps that have ended. Pure.
import { isReused, type Outcome } from '../../core/outcome.ts';
import {
  type FoundField,
  fieldIn,
  jsonOfNamed,
  maxJsonBytes,
  readJsonOutput,
  type StepOutput,
  valueText,
} from '../../core/step-output.ts';
import { unreachable } from '../../core/unreachable.ts';
import { listOf } from '../suggest.ts';
import type { Expression, ParamValue } from '../workflow.ts';

/** What expressions, templates and the environment of a step can see. */
export type Scope = {
  /** For commands that messages name. */
  readonly runId?: string;
  readonly params: Readonly<Record<string, ParamValue>>;
  /** The environment of stepspan, for `{{ env.NAME }}` in values of `env` and nowhere else. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Steps that have ended, by id. It may hold more than the workflow lets a step see. */
  readonly steps: ReadonlyMap<string, StepOutput & { readonly outcome: Outcome }>;
};

export type Evaluated =
  | { readonly ok: true; readonly value: ParamValue }
  /** One sentence: an output does not have the field, or two values have no order. Checks of the file cannot find this. */
  | { readonly ok: false; readonly message: string };

/** The value of `expression`. `&&` and `||` are true or false, and evaluate their right side only if it matters. */
export function evaluate(expression: Expression, scope: Scope): Evaluated {
  switch (expression.kind) {
    case 'literal':
      return { ok: true, value: expression.value };
    case 'reference':
      return resolveReference(expression.path, scope);
    case 'not': {
      const operand = evaluate(expression.operand, scope);
      return operand.ok ? { ok: true, value: !isTrue(operand.value) } : operand;
    }
    case 'binary': {
      const left = evaluate(expression.left, scope);
      if (!left.ok) return left;
      if (expression.operator === '&&' && !isTrue(left.value)) return { ok: true, value: false };
      if (expression.operator === '||' && isTrue(left.value)) return { ok: true, value: true };
      const right = evaluate(expression.right, scope);
      if (!right.ok) return right;
      return combine(expression.operator, left.value, right.value);
    }
  }
}

/** Everything is true but `false`, 0 and the empty text. The text `false`, as a command may print it, is true. */
export function isTrue(value: ParamValue): boolean {
  return Boolean(value);
}

/**
 * The value of `params.NAME`, `env.NAME`, `steps.ID.outcome`, `steps.ID.outputs.NAME`, `steps.ID.output` or
 * `steps.ID.output.FIELD`: the last reads the output as JSON. Lists, mappings and null in it come back as JSON text.
 */
export function resolveReference(path: readonly string[], scope: Scope): Evaluated {
  const [root, name = '', field, ...inside] = path;
  if (root === 'params') {
    const value = Object.hasOwn(scope.params, name) ? scope.params[name] : undefined;
    return value === undefined ? { ok: false, message: `param \`${name}\` has no value` } : { ok: true, value };
  }
  if (root === 'env') {
    const value = scope.env !== undefined && Object.hasOwn(scope.env, name) ? scope.env[name] : undefined;
    return value === undefined ? { ok: false, message: `the variable \`${name}\` is not set` } : { ok: true, value };
  }
  const step = scope.steps.get(name);
  if (step === undefined) return { ok: false, message: `step \`${name}\` has not ended yet` };
  if (field === 'outcome') return { ok: true, value: outcomeName(step.outcome) };
  if (field === 'outputs') return namedOutput(step, name, inside);
  return inside.length === 0 ? { ok: true, value: step.output } : fieldOf(step, name, inside);
}

/** A step that had succeeded in the run before counts as a success in the run that continues it. */
function outcomeName(outcome: Outcome): string {
  return isReused(outcome) ? 'success' : outcome.kind;
}

/** A message shows this much of an output that is not JSON: enough to recognise it. */
const shownLength = 40;

function fieldOf(output: StepOutput, step: string, inside: readonly string[]): Evaluated {
  const read = readJsonOutput(output);
  const noField = `so it has no \`${inside.join('.')}\``;
  switch (read.kind) {
    case 'too_long': {
      const bound = `up to ${maxJsonBytes} bytes are read as JSON`;
      return { ok: false, message: `the output of step \`${step}\` has ${read.bytes} bytes; ${bound}, ${noField}` };
    }
    case 'not_json': {
      const text = output.output.trim();
      const shown = JSON.stringify(text.length > shownLength ? `${text.slice(0, shownLength)}...` : text);
      const what = text === '' ? 'it is empty' : `it begins with ${shown}`;
      return { ok: false, message: `the output of step \`${step}\` is not JSON (${what}), ${noField}` };
    }
    case 'json':
      break;
    default:
      return unreachable(read);
  }
  return plainValue(fieldIn(read.value, inside), `the output of step \`${step}\``, inside);
}

/** `steps.ID.outputs.NAME`, and a field of it if it is JSON. All outputs of a skipped step are empty, as its output is. */
function namedOutput(
  { outcome, outputs }: StepOutput & { readonly outcome: Outcome },
  step: string,
  [name = '', ...inside]: readonly string[],
): Evaluated {
  const value = outputs !== undefined && Object.hasOwn(outputs, name) ? outputs[name] : undefined;
  if (value === undefined) {
    if (outcome.kind === 'skip') return { ok: true, value: '' };
    const names = Object.keys(outputs ?? {});
    const has = names.length === 0 ? 'it set no named outputs' : `it set ${listOf(names)}`;
    const fix = 'write `name=value` into the file that STEPSPAN_OUTPUTS names';
    return { ok: false, message: `step \`${step}\` set no output named \`${name}\`; ${has}; ${fix}` };
  }
  const found = fieldIn(inside.length === 0 ? value : jsonOfNamed(value), inside);
  return plainValue(found, `the output \`${name}\` of step \`${step}\``, inside);
}

function plainValue(found: FoundField, what: string, inside: readonly string[]): Evaluated {
  if (found.kind === 'missing') {
    const has = found.names.length === 0 ? 'nothing by name' : listOf(found.names);
    return { ok: false, message: `${what} has no \`${inside.join('.')}\`; it has ${has}` };
  }
  const { value } = found;
  const isPlain = typeof value === 'number' || typeof value === 'boolean';
  return { ok: true, value: isPlain ? value : valueText(value) };
}

type Operator = Extract<Expression, { kind: 'binary' }>['operator'];

function combine(operator: Operator, left: ParamValue, right: ParamValue): Evaluated {
  switch (operator) {
    case '&&':
    case '||':
      return { ok: true, value: isTrue(right) };
    case '==':
      return { ok: true, value: areEqual(left, right) };
    case '!=':
      return { ok: true, value: !areEqual(left, right) };
    default:
      return inOrder(operator, left, right);
  }
}

/** Outputs are text, so a number or boolean is compared with a text by what the text says. */
function areEqual(left: ParamValue, right: ParamValue): boolean {
  if (typeof left === typeof right) return left === right;
  const numbers = bothNumbers(left, right);
  return numbers === undefined ? String(left) === String(right) : numbers[0] === numbers[1];
}

function inOrder(operator: '<' | '<=' | '>' | '>=', left: ParamValue, right: ParamValue): Evaluated {
  const texts = typeof left === 'string' && typeof right === 'string';
  const pair = bothNumbers(left, right) ?? (texts ? ([left, right] as const) : undefined);
  if (pair === undefined) {
    const shown = `${JSON.stringify(left)} ${operator} ${JSON.stringify(right)}`;
    return { ok: false, message: `${shown} cannot be decided: both must be numbers, or both text` };
  }
  const [a, b] = pair;
  const value = operator === '<' ? a < b : operator === '<=' ? a <= b : operator === '>' ? a > b : a >= b;
  return { ok: true, value };
}

/** Both as numbers, if each is a number or a text that is one from end to end, white space aside. */
function bothNumbers(left: ParamValue, right: ParamValue): readonly [number, number] | undefined {
  const [a, b] = [numberOf(left), numberOf(right)];
  return a === undefined || b === undefined ? undefined : [a, b];
}

function numberOf(value: ParamValue): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string' || !/^\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*$/.test(value)) return undefined;
  return Number(value);
}
