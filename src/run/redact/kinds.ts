// The words under which hidden secrets are counted. Bounded and stable: they are keys of `secret.redacted` events and
// values of a metric label, so the name of a variable is never one of them (the replacement text has it).

/** Every kind of secret, in the order of docs/redaction.md. */
export const redactionKinds = [
  'environment',
  'named',
  'anthropic-key',
  'openai-key',
  'aws-key-id',
  'aws-secret-key',
  'gcp-key',
  'github-token',
  'slack-token',
  'slack-webhook',
  'npm-token',
  'private-key',
  'bearer-token',
  'url-password',
] as const;

export type RedactionKind = (typeof redactionKinds)[number];

/** How many secrets were hidden, by kind. A kind that did not occur has no key. */
export type HiddenCounts = Partial<Record<RedactionKind, number>>;

/** Where a hidden secret came from. `name` is what people read: the variable, or the kind itself. */
export type Source = { readonly kind: RedactionKind; readonly name: string };

/** Adds `more` to `sum` and returns the sum; either may be undefined when there was nothing to count. */
export function addCounts(sum: HiddenCounts | undefined, more: HiddenCounts | undefined): HiddenCounts | undefined {
  if (more === undefined) return sum;
  const total: HiddenCounts = { ...sum };
  for (const kind of redactionKinds) {
    const count = more[kind];
    if (count !== undefined) total[kind] = (total[kind] ?? 0) + count;
  }
  return total;
}
