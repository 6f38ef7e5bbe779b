// A workflow as it was given, read from text or made in code: a plain value, and where each part of it is.
// The checks see only this, so that both kinds of workflow pass through the same ones.
import { showHidden } from '../../text/hidden.ts';
import type { Path, Place, Problem } from '../problem.ts';

export type Tree = {
  /** Plain objects, lists, strings, finite numbers, booleans and null. */
  readonly value: unknown;
  /**
   * Where the value at `path` starts, or its nearest existing parent.
   * @param index a character of that value, when it is a text, to point inside it
   */
  readonly placeOf: (path: Path, index?: number) => Place;
  /** Where the key (the last part of `path`) is; the value's place if it has no key. */
  readonly placeOfKey: (path: Path) => Place;
  /** A number, boolean or text as it was written: `1.10` and not 1.1. */
  readonly writtenAt: (path: Path) => string;
};

export type Reading =
  | { readonly ok: true; readonly tree: Tree; readonly problems: readonly Problem[] }
  /** The content cannot be checked. */
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** The value below `path`, or undefined when there is none. */
export function valueAt(value: unknown, path: Path): unknown {
  let at = value;
  for (const part of path) {
    if (Array.isArray(at)) at = at[Number(part)];
    else if (isMapping(at) && Object.hasOwn(at, part)) at = at[part];
    else return undefined;
  }
  return at;
}

/** Whether `value` is a mapping, as YAML calls it. */
export function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A value in words, for messages. */
export function kindText(value: unknown): string {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  switch (typeof value) {
    case 'object':
      return 'a mapping';
    case 'string':
      return value === '' ? 'an empty text' : `the text \`${shorten(value)}\``;
    case 'number':
      return `the number ${value}`;
    case 'boolean':
    case 'undefined':
      return `\`${value}\``;
    default:
      return `a ${typeof value}`;
  }
}

/** The first line of a text, cut at 60 characters so that a message stays one readable line. No terminal obeys what is in it. */
export function shorten(text: string): string {
  const [first = ''] = text.split('\n', 1);
  const line = first.trimEnd();
  const cut = line.length > 60 ? line.slice(0, 60) : line;
  return showHidden(cut.length < text.trimEnd().length ? `${cut}…` : cut);
}
