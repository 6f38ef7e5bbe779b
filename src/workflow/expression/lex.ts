// Cuts the text of an expression into tokens, one at a time, so that a template can stop at its `}}`. Pure.
import type { ParamValue } from '../workflow.ts';

/** A mistake at one character of an expression or template. `index` counts UTF-16 units from 0. */
export type Mistake = { readonly index: number; readonly message: string; readonly fix: string };

type At = { readonly index: number; readonly end: number };
export type Token =
  | ({ readonly kind: 'literal'; readonly value: ParamValue } & At)
  | ({ readonly kind: 'name'; readonly text: string } & At)
  | ({ readonly kind: 'symbol'; readonly text: string } & At)
  | ({ readonly kind: 'end' } & At)
  | ({ readonly kind: 'bad'; readonly mistake: Mistake } & At);

const space = /\s*/y;
const number = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const name = /[A-Za-z_][A-Za-z0-9_-]*/y;
const symbol = /&&|\|\||===|!==|==|!=|<=|>=|<|>|!|\(|\)|\}\}|,|\.|&|\||=|\$\{\{|\{\{/y;
const segment = /[A-Za-z0-9_][A-Za-z0-9_-]*/y;
const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '\\': '\\', "'": "'", '"': '"' };

/** What people write by habit from other languages, and what to write here. */
const foreignSymbols: Readonly<Record<string, string>> = {
  '===': 'write `==`',
  '!==': 'write `!=`',
  '=': 'write `==` to compare',
  '&': 'write `&&`',
  '|': 'write `||`',
  '${{': 'write the expression alone, without the braces',
  '{{': 'write the expression alone, without the braces',
};

/** The token at or after `from`. A text that is not a token becomes a `bad` token, never an exception. */
export function nextToken(text: string, from: number): Token {
  const index = from + (matchAt(space, text, from)?.length ?? 0);
  if (index >= text.length) return { kind: 'end', index, end: index };
  const first = text.charAt(index);
  if (first === "'" || first === '"') return quoted(text, index, first);
  const digits = matchAt(number, text, index);
  if (digits !== undefined) return numeric(digits, index);
  const word = matchAt(name, text, index);
  if (word !== undefined) return wordToken(word, index);
  const sign = matchAt(symbol, text, index);
  if (sign === undefined) return bad(index, index + 1, `\`${first}\` has no meaning here`, 'remove it');
  const foreign = foreignSymbols[sign];
  if (foreign !== undefined) return bad(index, index + sign.length, `\`${sign}\` is not an operator here`, foreign);
  return { kind: 'symbol', text: sign, index, end: index + sign.length };
}

/** The part of a path right at `from`, after its dot: a name, or the index of a list. */
export function pathSegment(text: string, from: number): string | undefined {
  return matchAt(segment, text, from);
}

function wordToken(word: string, index: number): Token {
  const end = index + word.length;
  if (word === 'true' || word === 'false') return { kind: 'literal', value: word === 'true', index, end };
  const operators: Readonly<Record<string, string>> = { and: '&&', or: '||', not: '!' };
  const operator = Object.hasOwn(operators, word) ? operators[word] : undefined;
  if (operator !== undefined) return bad(index, end, `\`${word}\` is not an operator here`, `write \`${operator}\``);
  return { kind: 'name', text: word, index, end };
}

function numeric(digits: string, index: number): Token {
  const value = Number(digits);
  const end = index + digits.length;
  if (!Number.isFinite(value)) return bad(index, end, `the number \`${digits}\` is too large`, 'write a smaller one');
  // There is one zero: JSON, in which the expression is stored, has no other.
  return { kind: 'literal', value: value === 0 ? 0 : value, index, end };
}

function quoted(text: string, index: number, quote: string): Token {
  let value = '';
  let at = index + 1;
  while (at < text.length && text[at] !== quote) {
    if (text[at] === '\\') {
      const letter = text.charAt(at + 1);
      const escaped = Object.hasOwn(escapes, letter) ? escapes[letter] : undefined;
      if (escaped === undefined) {
        const message = `\`${text.slice(at, at + 2)}\` is not an escape`;
        return bad(
          at,
          at + 2,
          message,
          'write `\\\\` for a backslash; known are `\\n`, `\\t`, `\\r`, `\\\'` and `\\"`',
        );
      }
      value += escaped;
      at += 2;
    } else {
      value += text[at];
      at += 1;
    }
  }
  if (at >= text.length) return bad(index, at, 'this text is not closed', `add the closing ${quote}`);
  return { kind: 'literal', value, index, end: at + 1 };
}

function bad(index: number, end: number, message: string, fix: string): Token {
  return { kind: 'bad', mistake: { index, message, fix }, index, end };
}

function matchAt(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}
