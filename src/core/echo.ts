// Removes our own login from the answers of a server: answers are kept and shown, a login is not. Pure.

/** As for the redactor (docs/redaction.md): shorter values are settings and words, which a message needs. */
const MIN_SECRET_LENGTH = 8;
/** Of a part of an address with a digit in it: webhooks are known by tokens (Slack 24 characters, Discord 68), places by names. */
const MIN_TOKEN_LENGTH = 16;

/** Parts of headers that must not be shown. @param names in lower case, of headers that describe what is sent and not who sends it */
export function secretsOfHeaders(
  headers: Readonly<Record<string, string>>,
  names: readonly string[],
): readonly string[] {
  return Object.entries(headers)
    .filter(([name]) => !names.includes(name.toLowerCase()))
    .flatMap(([, value]) => [value, value.replace(/^\S+ +/, '')]);
}

/** Parts of an address that must not be shown: its password, and what in its path or query may be a token. */
export function secretsOfAddress(url: string | URL): readonly string[] {
  const { username, password, pathname, searchParams } = new URL(url);
  const tokens = [username, ...pathname.split('/'), ...searchParams.values()];
  return [password, ...tokens.filter((part) => part.length >= MIN_TOKEN_LENGTH && /\d/.test(part))];
}

/** The text with each of the secrets of at least 8 characters replaced, however often it occurs. */
export function withoutEcho(text: string, secrets: readonly string[]): string {
  return secrets
    .filter(({ length }) => length >= MIN_SECRET_LENGTH)
    .sort((a, b) => b.length - a.length)
    .reduce((hidden, secret) => hidden.replaceAll(secret, '[hidden:login]'), text);
}
