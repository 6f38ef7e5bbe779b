// Writes an expression down again, for messages and for `describeWorkflow`. The inverse of expression/parse.ts. Pure.
import type { Expression } from '../workflow.ts';

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
