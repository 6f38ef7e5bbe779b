// Redaction of the strings in a JSON value, as of an event. Called by the redactor.
import { addCounts, type HiddenCounts } from './kinds.ts';

export type RedactedText = { readonly text: string; readonly hidden: HiddenCounts | undefined };
export type RedactedValue<T> = { readonly value: T; readonly hidden: HiddenCounts | undefined };

/** Deeper than any message of Claude Code. What lies below is not searched, so it is left out. */
export const MAX_VALUE_DEPTH = 200;
const tooDeep = '(nested too deeply to look through)';

/**
 * A copy of `value` with every string redacted, keys too; `value` itself if nothing was hidden. The `type` of an
 * object at the top stays as it is, since it says which event it is. Numbers stay, also those of a numeric secret.
 */
export function redactValue<T>(value: T, redact: (text: string) => RedactedText): RedactedValue<T> {
  let hidden: HiddenCounts | undefined;
  const text = (before: string): string => {
    const after = redact(before);
    hidden = addCounts(hidden, after.hidden);
    return after.text;
  };
  const walk = (node: unknown, depth: number): unknown => {
    if (typeof node === 'string') return text(node);
    if (typeof node !== 'object' || node === null) return node;
    if (depth >= MAX_VALUE_DEPTH) return tooDeep;
    if (Array.isArray(node)) {
      const items = node.map((item) => walk(item, depth + 1));
      return items.some((item, index) => item !== node[index]) ? items : node;
    }
    const entries = Object.entries(node);
    const redacted = entries.map(([key, item]): [string, unknown] =>
      depth === 0 && key === 'type' ? [key, item] : [text(key), walk(item, depth + 1)],
    );
    const changed = redacted.some(([key, item], index) => key !== entries[index]?.[0] || item !== entries[index]?.[1]);
    return changed ? Object.fromEntries(redacted) : node;
  };
  return { value: walk(value, 0) as T, hidden };
}
