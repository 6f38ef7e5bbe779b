// `when` of a step: one of three whole-value functions, or an expression. Pure.
import type { When } from '../workflow.ts';
import type { Mistake } from './lex.ts';
import { type FoundOutcome, type FoundReference, parseExpression } from './parse.ts';
import { printExpression } from './print.ts';

export type ParsedWhen =
  | {
      readonly ok: true;
      readonly when: When;
      readonly references: readonly FoundReference[];
      readonly outcomes: readonly FoundOutcome[];
    }
  | { readonly ok: false; readonly mistake: Mistake };

/** Reads a `when`. `true` and `false`, which YAML reads as booleans, are expressions too. */
export function parseWhen(text: string | boolean): ParsedWhen {
  const status = /^\s*(success|always|failure)\s*\(\s*\)\s*$/.exec(String(text))?.[1];
  if (status !== undefined) {
    return { ok: true, when: { kind: status as 'success' | 'always' | 'failure' }, references: [], outcomes: [] };
  }
  const parsed = parseExpression(String(text));
  if (!parsed.ok) return parsed;
  const { expression, references, outcomes } = parsed;
  return { ok: true, when: { kind: 'expression', expression }, references, outcomes };
}

/** The text of a `when` as it would be written in a file. */
export function printWhen(when: When): string {
  return when.kind === 'expression' ? printExpression(when.expression) : `${when.kind}()`;
}
