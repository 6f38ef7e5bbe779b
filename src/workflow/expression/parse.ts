// Parses `when` expressions, and the one operand of a `{{ }}`, to their tree. check/references.ts checks whether the names
// exist.
//
//   or      = and { "||" and }              compare = unary [ ("==" | "!=" | "<" | "<=" | ">" | ">=") unary ]
//   and     = compare { "&&" compare }      unary   = "!" unary | "(" or ")" | literal | reference
import { unreachable } from '../../core/unreachable.ts';
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
  const root = parseOr(parser);
  if (root !== undefined && parser.token.kind !== 'end') fail(parser, afterOperand(text, parser.token));
  const { mistake, references, outcomes } = parser;
  if (mistake !== undefined || root === undefined) return { ok: false, mistake: mistake ?? emptyExpression };
  return { ok: true, expression: root.node, references, outcomes };
}

export type ParsedOperand =
  | { readonly ok: true; readonly operand: Expression; readonly index: number; readonly end: number }
  | { readonly ok: false; readonly mistake: Mistake };

/** The one reference or literal of a template that starts at `from`, and where its `}}` ends. */
export function parseTemplateOperand(text: string, from: number): ParsedOperand {
  const parser = createParser(text, from);
  const operand = parseOperand(parser);
  const close = parser.token;
  if (operand !== undefined && !isSymbol(close, '}}')) fail(parser, unclosed(close, from - 2));
  const { mistake } = parser;
  if (mistake !== undefined || operand === undefined) return { ok: false, mistake: mistake ?? emptyExpression };
  return { ok: true, operand: operand.node, index: operand.index, end: close.end };
}

const emptyExpression: Mistake = {
  index: 0,
  message: 'the expression is empty',
  fix: "write a condition such as `steps.lint.outcome == 'failure'`",
};

/** Where the parser is, and what it has found up to there. */
type Parser = {
  readonly text: string;
  token: Token;
  /** The first one: what follows a mistake is guesswork. */
  mistake: Mistake | undefined;
  readonly references: FoundReference[];
  readonly outcomes: FoundOutcome[];
};

function createParser(text: string, from: number): Parser {
  return { text, token: nextToken(text, from), mistake: undefined, references: [], outcomes: [] };
}

function fail(parser: Parser, found: Mistake): undefined {
  parser.mistake ??= found;
  return undefined;
}

function isSymbol(token: Token, symbol: string): boolean {
  return token.kind === 'symbol' && token.text === symbol;
}

/** Takes the token if it is one of the operators. */
function takeOperator<T extends string>(parser: Parser, wanted: readonly T[]): T | undefined {
  const { token, text } = parser;
  const found = wanted.find((operator) => isSymbol(token, operator));
  if (found !== undefined) parser.token = nextToken(text, token.end);
  return found;
}

function parseOr(parser: Parser): Located | undefined {
  return parseChain(parser, '||', parseAnd);
}

function parseAnd(parser: Parser): Located | undefined {
  return parseChain(parser, '&&', parseCompare);
}

function parseChain(
  parser: Parser,
  operator: '&&' | '||',
  parsePart: (parser: Parser) => Located | undefined,
): Located | undefined {
  let left = parsePart(parser);
  while (left !== undefined && takeOperator(parser, [operator]) !== undefined) {
    const right = parsePart(parser);
    left = right && { node: { kind: 'binary', operator, left: left.node, right: right.node }, index: left.index };
  }
  return left;
}

function parseCompare(parser: Parser): Located | undefined {
  const left = parseUnary(parser);
  const operator: BinaryOperator | undefined = left && takeOperator(parser, comparisons);
  if (left === undefined || operator === undefined) return left;
  const right = parseUnary(parser);
  if (right === undefined) return undefined;
  const { index } = parser.token;
  if (takeOperator(parser, comparisons) !== undefined) {
    const fix = 'write `a < b && b < c`, or put one of them in parentheses';
    return fail(parser, { index, message: 'comparisons cannot be chained', fix });
  }
  noteOutcome(parser, left, right);
  noteOutcome(parser, right, left);
  return { node: { kind: 'binary', operator, left: left.node, right: right.node }, index: left.index };
}

function noteOutcome({ outcomes }: Parser, asked: Located, literal: Located): void {
  const isOutcome =
    asked.node.kind === 'reference' && asked.node.path[0] === 'steps' && asked.node.path[2] === 'outcome';
  if (isOutcome && literal.node.kind === 'literal') outcomes.push({ value: literal.node.value, index: literal.index });
}

function parseUnary(parser: Parser): Located | undefined {
  const { index } = parser.token;
  if (takeOperator(parser, ['!']) !== undefined) {
    const operand = parseUnary(parser);
    return operand && { node: { kind: 'not', operand: operand.node }, index };
  }
  if (takeOperator(parser, ['(']) !== undefined) {
    const inner = parseOr(parser);
    if (inner === undefined) return undefined;
    if (takeOperator(parser, [')']) !== undefined) return { node: inner.node, index };
    return fail(parser, { index, message: 'this parenthesis is not closed', fix: 'add the closing `)`' });
  }
  return parseOperand(parser);
}

function parseOperand(parser: Parser): Located | undefined {
  const { token, text } = parser;
  parser.token = nextToken(text, token.end);
  const { index } = token;
  switch (token.kind) {
    case 'literal':
      return { node: { kind: 'literal', value: token.value }, index };
    case 'name':
      return parseReference(parser, token.text, index);
    case 'bad':
      return fail(parser, token.mistake);
    case 'end':
      return fail(parser, { index, message: 'a value is missing here', fix: operandHelp });
    case 'symbol':
      return fail(parser, { index, message: `a value is missing before \`${token.text}\``, fix: operandHelp });
    default:
      return unreachable(token);
  }
}

function parseReference(parser: Parser, root: string, index: number): Located | undefined {
  const { text, references } = parser;
  if (isSymbol(parser.token, '(')) return fail(parser, calledFunction(root, index));
  const path = [root];
  while (isSymbol(parser.token, '.')) {
    const { end } = parser.token;
    const part = pathSegment(text, end);
    if (part === undefined)
      return fail(parser, { index: end, message: 'a name is missing after the dot', fix: operandHelp });
    path.push(part);
    parser.token = nextToken(text, end + part.length);
  }
  if (path.length === 1 && root !== 'params' && root !== 'steps') return fail(parser, bareWord(root, index));
  references.push({ path, index });
  return { node: { kind: 'reference', path }, index };
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
  const fix = `write \`${known}()\` alone in \`when\`, or name single steps: \`steps.ID.outcome == 'failure'\``;
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
