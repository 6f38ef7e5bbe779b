// Where a character of a YAML text value is in the file, so that an error inside an expression or a prompt
// points at the very column, in all five ways in which YAML writes text. Pure.
import type { Scalar } from 'yaml';

/** The length in the source of an escape, by the character after its backslash; 2 for all others. */
const escapeLength: Readonly<Record<string, number>> = { x: 4, u: 6, U: 10 };

/**
 * The offset in `text` of character `index` of the scalar's value. Walks source and value side by side: what is
 * in the source only (indentation, the backslash of an escape, the second half of `''`) is skipped.
 */
export function offsetInScalar(text: string, node: Scalar, index: number): number | undefined {
  const { range, value } = node;
  if (!range || typeof value !== 'string') return undefined;
  const isBlock = node.type === 'BLOCK_LITERAL' || node.type === 'BLOCK_FOLDED';
  const isQuoted = node.type === 'QUOTE_SINGLE' || node.type === 'QUOTE_DOUBLE';
  const headerEnd = isBlock ? text.indexOf('\n', range[0]) + 1 : range[0];
  const end = range[1];
  let at = isQuoted ? range[0] + 1 : headerEnd;
  for (let i = 0; i < index && at < end; i++) {
    at =
      node.type === 'QUOTE_DOUBLE' && text[at] === '\\'
        ? afterEscape(text, at, end)
        : find(text, value.charAt(i), at, end) + 1;
  }
  if (index >= value.length) return Math.min(at, end);
  return Math.min(find(text, value.charAt(index), at, end), end);
}

/** A line break in the source may be a space or a line break in the value, or missing from it. */
function find(text: string, wanted: string, from: number, end: number): number {
  if (wanted === ' ' || wanted === '\n')
    return /\s/.test(text[from] ?? '') ? from : nextWhere(text, from, end, (c) => /\s/.test(c));
  return nextWhere(text, from, end, (c) => c === wanted);
}

function nextWhere(text: string, from: number, end: number, test: (character: string) => boolean): number {
  for (let at = from; at < end; at++) {
    if (test(text.charAt(at))) return at;
    // Only white space, a backslash or a doubled quote may stand between two characters of a value.
    if (!/[\s\\']/.test(text.charAt(at))) return from;
  }
  return from;
}

function afterEscape(text: string, at: number, end: number): number {
  const length = escapeLength[text[at + 1] ?? ''] ?? 2;
  return Math.min(at + length, end);
}
