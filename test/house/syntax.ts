// Counts what a parser sees in one TypeScript file: functions that are too long, parameters that are too many, casts
// and non-null assertions. Called for every file by counts.ts.
import { type Node, parseSync, Visitor } from 'oxc-parser';

export const maxFunctionLines = 80;
export const maxParameters = 4;

export type SyntaxRule = 'function over 80 lines' | 'over 4 parameters' | 'cast' | 'non-null assertion';
export type Finding = { readonly rule: SyntaxRule; readonly line: number; readonly text: string };

type Spanned = { readonly start: number; readonly end: number };
type FunctionNode = Spanned & { readonly params: readonly unknown[]; readonly body: Node | null };

/** The functions that `describe(…)` is called with: a body of it is a list of tests, and not one function to read. */
function describeBodies(call: Node): readonly Node[] {
  if (call.type !== 'CallExpression') return [];
  // `describe`, `describe.skipIf(…)`, `describe.each(…)`
  let callee: Node = call.callee;
  for (;;) {
    if (callee.type === 'MemberExpression') callee = callee.object;
    else if (callee.type === 'CallExpression') callee = callee.callee;
    else break;
  }
  return callee.type === 'Identifier' && callee.name === 'describe' ? call.arguments : [];
}

/** Whether a function only calls `describe`: tests that another file runs. */
function onlyDescribes({ body }: FunctionNode): boolean {
  if (body?.type !== 'BlockStatement') return false;
  return body.body.every(
    (statement) => statement.type === 'ExpressionStatement' && describeBodies(statement.expression).length > 0,
  );
}

/** @param file is only looked at for its extension. */
export function findSyntax(file: string, text: string): readonly Finding[] {
  const { program, errors } = parseSync(file, text);
  if (errors.length > 0) throw new Error(`${file} does not parse: ${errors[0]?.message}`);
  const lineStarts = [0, ...[...text.matchAll(/\n/g)].map(({ index }) => index + 1)];
  const lineAt = (offset: number): number => lineStarts.findLastIndex((start) => start <= offset) + 1;
  const found: Finding[] = [];
  const add = (rule: SyntaxRule, { start, end }: Spanned): void => {
    found.push({ rule, line: lineAt(start), text: text.slice(start, Math.min(end, start + 80)).split('\n')[0] ?? '' });
  };
  const exempt = new Set<number>();
  const checkFunction = (node: FunctionNode): void => {
    const lines = lineAt(node.end) - lineAt(node.start) + 1;
    if (lines > maxFunctionLines && !exempt.has(node.start) && !onlyDescribes(node))
      add('function over 80 lines', node);
    if (node.params.length > maxParameters) add('over 4 parameters', node);
  };
  new Visitor({
    CallExpression(node) {
      for (const body of describeBodies(node)) exempt.add(body.start);
    },
    FunctionDeclaration: checkFunction,
    FunctionExpression: checkFunction,
    ArrowFunctionExpression: checkFunction,
    TSAsExpression(node) {
      const isConst =
        node.typeAnnotation.type === 'TSTypeReference' &&
        node.typeAnnotation.typeName.type === 'Identifier' &&
        node.typeAnnotation.typeName.name === 'const';
      // `x as unknown as T` is one cast.
      if (!isConst && node.expression.type !== 'TSAsExpression') add('cast', node);
    },
    TSTypeAssertion: (node) => add('cast', node),
    TSNonNullExpression: (node) => add('non-null assertion', node),
  }).visit(program);
  return found;
}
