// Settings from an environment that is given. The OpenTelemetry packages read `process.env`, whose settings may be another's
// than those of the run, so what they would read is read here and given to them.

export type Env = Readonly<Record<string, string | undefined>>;

/** The first of these variables that is set. Spaces around a value, and a value of spaces alone, are none. */
export function variable(env: Env, ...names: readonly string[]): string | undefined {
  for (const name of names) {
    const text = (env[name] ?? '').trim();
    if (text !== '') return text;
  }
  return undefined;
}

/** `key=value,key=value`, percent-encoded, as headers and the resource are written. A value may have `=` in it. */
export function keyValuePairs(text: string | undefined): Readonly<Record<string, string>> {
  const pairs: [string, string][] = [];
  for (const entry of (text ?? '').split(',')) {
    const at = entry.indexOf('=');
    if (at < 0) continue;
    const key = decoded(entry.slice(0, at).trim());
    const value = decoded(entry.slice(at + 1).trim());
    if (key !== '' && value !== '') pairs.push([key, value]);
  }
  return Object.fromEntries(pairs);
}

/** What is not percent-encoded is taken as it is written. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
