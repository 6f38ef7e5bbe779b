// Parses `when` expressions, and the one operand of a `{{ }}`, to their tree. Whether a name
// exists is check/references.ts's question.
//
//   or      = and { "||" and }              compare = unary [ ("==" | "!=" | "<" | "<=" | ">" | ">=") unary ]
//   and     = compare { "&&" compare }      unary   = "!" unary | "(" or ")" | literal | reference
import { nearest } from '../suggest.ts';
import type { Expression } from '../workflow.ts';
import { type Mistake, nextToken, pathSegment, type Token } from './lex.ts';

/** A name in the text, for the checks that know which names exist. */
export type FoundReference = { readonly path: readonly string[]; readonly index: number };
/** A literal that is compared with `steps.X.outcome`. */
export type FoundOutcome = { readonly value: unknown; readonly index: number };

export type ParsedExpression =
  | {
      readonly ok: true;
      readonly expression: Expression;
      readonly references: readonly FoundReference[];
      readonly outcomes: readonly FoundOutcome[];
    }
  | { readonly ok: false; readonly mistake: Mistake };

/** Longer conditions belong in a step of their own; it also bounds the depth of the tree, so no walk of it overflows. */
export const maxExpressionLength = 1000;

const comparisons = ['==', '!=', '<', '<=', '>', '>='] as const;
type BinaryOperator = Extract<Expression, { kind: 'binary' }>['operator'];
type Located = { readonly node: Expression; readonly index: number };

/** Parses a whole text as one expression. The mistake is the first one; its index is a position in `text`. */
export function parseExpression(text: string): ParsedExpression {
  if (text.length > maxExpressionLength) {
    const message = `the expression is longer than ${maxExpressionLength} characters`;
    return { ok: false, mistake: { index: 0, message, fix: 'move the decision into a step and compare its output' } };
  }
  const parser = createParser(text, 0);
  const root = parser.or();
  const rest = parser.peek();
  if (root !== undefined && rest.kind !== 'end') parser.fail(afterOperand(text, rest));
  const mistake = parser.mistake();
  if (mistake !== undefined || root === undefined) return { ok: false, mistake: mistake ?? emptyExpression };
  return { ok: true, expression: root.node, references: parser.references, outcomes: parser.outcomes };
}

export type ParsedOperand =
  | { readonly ok: true; readonly operand: Expression; readonly index: number; readonly end: number }
  | { readonly ok: false; readonly mistake: Mistake };

/** The one reference or literal of a template that starts at `from`, and where its `}}` ends. */
export function parseTemplateOperand(text: string, from: number): ParsedOperand {
  const parser = createParser(text, from);
  const operand = parser.operand();
  const close = parser.peek();
  const closed = close.kind === 'symbol' && close.text === '}}';
  if (operand !== undefined && !closed) parser.fail(unclosed(close, from - 2));
  const mistake = parser.mistake();
  if (mistake !== undefined || operand === undefined) return { ok: false, mistake: mistake ?? emptyExpression };
  return { ok: true, operand: operand.node, index: operand.index, end: close.end };
}

const emptyExpression: Mistake = {
  index: 0,
  message: 'the expression is empty',
  fix: "write a condition such as `steps.lint.outcome == 'failure'`",
};

function createParser(text: string, from: number) {
  let token = nextToken(text, from);
  let mistake: Mistake | undefined;
  const references: FoundReference[] = [];
  const outcomes: FoundOutcome[] = [];

  /** Keeps the first mistake only: what follows it is guesswork. */
  const fail = (found: Mistake): undefined => {
    mistake ??= found;
    return undefined;
  };
  const take = (): Token => {
    const taken = token;
    token = nextToken(text, taken.end);
    return taken;
  };
  const takeOperator = <T extends string>(wanted: readonly T[]): T | undefined => {
    const { kind, end } = token;
    const found = kind === 'symbol' ? wanted.find((each) => each === (token as { text: string }).text) : undefined;
    if (found !== undefined) token = nextToken(text, end);
    return found;
  };
  const chain = (operator: '&&' | '||', part: () => Located | undefined): Located | undefined => {
    let left = part();
    while (left !== undefined && takeOperator([operator]) !== undefined) {
      const right = part();
      left = right && { node: { kind: 'binary', operator, left: left.node, right: right.node }, index: left.index };
    }
    return left;
  };
  const or = (): Located | undefined => chain('||', and);
  const and = (): Located | undefined => chain('&&', compare);
  const compare = (): Located | undefined => {
    const left = unary();
    const operator: BinaryOperator | undefined = left && takeOperator(comparisons);
    if (left === undefined || operator === undefined) return left;
    const right = unary();
    if (right === undefined) return undefined;
    const { index } = token;
    if (takeOperator(comparisons) !== undefined) {
      const message = 'comparisons cannot be chained';
      return fail({ index, message, fix: 'write `a < b && b < c`, or put one of them in parentheses' });
    }
    noteOutcome(left, right);
    noteOutcome(right, left);
    return { node: { kind: 'binary', operator, left: left.node, right: right.node }, index: left.index };
  };
  const noteOutcome = (asked: Located, literal: Located): void => {
    const isOutcome =
      asked.node.kind === 'reference' && asked.node.path[0] === 'steps' && asked.node.path[2] === 'outcome';
    if (isOutcome && literal.node.kind === 'literal')
      outcomes.push({ value: literal.node.value, index: literal.index });
  };
  const unary = (): Located | undefined => {
    const { index } = token;
    if (takeOperator(['!']) !== undefined) {
      const operand = unary();
      return operand && { node: { kind: 'not', operand: operand.node }, index };
    }
    if (takeOperator(['(']) !== undefined) {
      const inner = or();
      if (inner === undefined) return undefined;
      if (takeOperator([')']) !== undefined) return { node: inner.node, index };
      return fail({ index, message: 'this parenthesis is not closed', fix: 'add the closing `)`' });
    }
    return operand();
  };
  const operand = (): Located | undefined => {
    const taken = take();
    switch (taken.kind) {
      case 'literal':
        return { node: { kind: 'literal', value: taken.value }, index: taken.index };
      case 'name':
        return reference(taken.text, taken.index);
      case 'bad':
        return fail(taken.mistake);
      case 'end':
        return fail({ index: taken.index, message: 'a value is missing here', fix: operandHelp });
      case 'symbol':
        return fail({ index: taken.index, message: `a value is missing before \`${taken.text}\``, fix: operandHelp });
    }
  };
  const reference = (root: string, index: number): Located | undefined => {
    if (token.kind === 'symbol' && token.text === '(') return fail(calledFunction(root, index));
    const path = [root];
    while (token.kind === 'symbol' && token.text === '.') {
      const part = pathSegment(text, token.end);
      if (part === undefined) {
        return fail({ index: token.end, message: 'a name is missing after the dot', fix: operandHelp });
      }
      path.push(part);
      token = nextToken(text, token.end + part.length);
    }
    if (path.length === 1 && root !== 'params' && root !== 'steps') return fail(bareWord(root, index));
    references.push({ path, index });
    return { node: { kind: 'reference', path }, index };
  };
  return { or, operand, fail, peek: () => token, mistake: () => mistake, references, outcomes };
}

const operandHelp =
  'write `params.NAME`, `steps.ID.outcome`, `steps.ID.output`, a text in quotes, a number, `true` or `false`';

function bareWord(word: string, index: number): Mistake {
  return { index, message: `\`${word}\` is not a value`, fix: `put text in quotes: \`'${word}'\`; or ${operandHelp}` };
}

function calledFunction(called: string, index: number): Mistake {
  const known = nearest(called, ['success', 'failure', 'always']);
  if (known === undefined) {
    return {
      index,
      message: `there is no function \`${called}\``,
      fix: `compare values with an operator; ${operandHelp}`,
    };
  }
  const fix = `write \`${known}()\` as the whole of \`when\`, or ask for single steps: \`steps.ID.outcome == 'failure'\``;
  return { index, message: `\`${known}()\` must be alone and cannot be part of an expression`, fix };
}

function afterOperand(text: string, token: Token): Mistake {
  if (token.kind === 'bad') return token.mistake;
  const found = text.slice(token.index, token.end);
  const fix =
    found === ')'
      ? 'remove it, or add the opening `(`'
      : 'join conditions with `&&` or `||`; compare with `==`, `!=`, `<`, `<=`, `>` or `>=`';
  return { index: token.index, message: `\`${found}\` is not expected here`, fix };
}

function unclosed(token: Token, open: number): Mistake {
  if (token.kind === 'bad') return token.mistake;
  const fix = 'close it with `}}` after the value';
  if (token.kind === 'end') return { index: open, message: '`{{` is not closed', fix };
  return { index: token.index, message: 'a template holds one value and no operators', fix };
}
