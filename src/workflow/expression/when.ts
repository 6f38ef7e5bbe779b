// Parses and prints `when` of a step: one of three functions that stand alone, or an expression. Pure.
import type { Expression, When } from '../workflow.ts';
import type { Mistake } from './lex.ts';
import { type FoundOutcome, type FoundReference, parseExpression } from './parse.ts';

export type ParsedWhen =
  | {
      readonly ok: true;
      readonly when: When;
      readonly references: readonly FoundReference[];
      readonly outcomes: readonly FoundOutcome[];
    }
  | { readonly ok: false; readonly mistake: Mistake };

const wholeFunctions = ['success', 'always', 'failure'] as const;

/** Reads a `when`. `true` and `false`, which YAML reads as booleans, are expressions too. */
export function parseWhen(text: string | boolean): ParsedWhen {
  const called = /^\s*(\w+)\s*\(\s*\)\s*$/.exec(String(text))?.[1];
  const kind = wholeFunctions.find((name) => name === called);
  if (kind !== undefined) return { ok: true, when: { kind }, references: [], outcomes: [] };
  const parsed = parseExpression(String(text));
  if (!parsed.ok) return parsed;
  const { expression, references, outcomes } = parsed;
  return { ok: true, when: { kind: 'expression', expression }, references, outcomes };
}

/** The text of a `when` as it would be written in a file. */
export function printWhen(when: When): string {
  return when.kind === 'expression' ? printExpression(when.expression) : `${when.kind}()`;
}

/** Text that parses to the same tree. Every operator but the outermost is in parentheses. */
export function printExpression(expression: Expression): string {
  switch (expression.kind) {
    case 'literal':
      return typeof expression.value === 'string' ? quote(expression.value) : String(expression.value);
    case 'reference':
      return expression.path.join('.');
    case 'not':
      return `!${inner(expression.operand)}`;
    case 'binary':
      return `${inner(expression.left)} ${expression.operator} ${inner(expression.right)}`;
  }
}

function inner(expression: Expression): string {
  const text = printExpression(expression);
  return expression.kind === 'binary' ? `(${text})` : text;
}

function quote(text: string): string {
  const escaped = text
    .replaceAll('\\', '\\\\')
    .replaceAll("'", "\\'")
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r')
    .replaceAll('\t', '\\t');
  return `'${escaped}'`;
}
