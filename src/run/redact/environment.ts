// Which environment variables hold secrets: judged by the name first, then by the value, with a reason for each that
// is not hidden. Pure; reads no environment by itself.

/** A secret value to look for, and the variable that people know it by. */
export type NamedValue = { readonly name: string; readonly value: string };

/** A variable whose name looks like a secret's but whose value is not hidden, and why, in words for a person. */
export type LeftOut = { readonly name: string; readonly why: string };

/**
 * Values found by name only are hidden from this length on: 7 characters and less are settings far more often than
 * secrets, and hiding `debug` or `eu-1` everywhere would make a log unreadable.
 */
export const MIN_ENVIRONMENT_VALUE_LENGTH = 8;

/** Up to this length, letters alone (also with hyphens) are taken for a word: `postgres`, `read-write`. */
const MAX_WORD_LENGTH = 15;

/** Whole words of a name, as split at underscores. */
const secretWords = new Set(
  (
    'KEY KEYS APIKEY APIKEYS TOKEN TOKENS SECRET SECRETS PASSWORD PASSWORDS PASSWD PASS PASSPHRASE PWD CREDENTIAL ' +
    'CREDENTIALS CREDS PRIVATE AUTH AUTHORIZATION AUTHTOKEN BEARER COOKIE COOKIES SESSION DSN PAT JWT WEBHOOK SIGNATURE ' +
    'SALT HEADERS'
  ).split(' '),
);

/** Parts of a name that say it anywhere in the name, as in GITHUBTOKEN or MYAPPSECRET. */
const secretParts =
  /SECRET|PASSWORD|PASSWD|PASSPHRASE|TOKEN|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|CREDENTIAL|CONNECTION_?STRING|CONN_STR/;

/** Last words of a name that is about a secret and does not hold it: where it is, how long it lasts, what kind it is. */
const detailWords = new Set(
  (
    'ID IDS NAME NAMES TYPE FILE FILES PATH PATHS DIR DIRECTORY SOCK SOCKET HOME HOST PORT USER USERNAME EMAIL REGION TTL ' +
    'TIMEOUT EXPIRY EXPIRES EXPIRATION LENGTH SIZE COUNT LIMIT ENABLED DISABLED MODE METHOD ALGORITHM ALG HELPER MANAGER ' +
    'ADDRESS VERSION PARALLELISM ISSUER AUDIENCE SCOPE SCOPES REALM PROVIDER PLUGIN FORMAT COMMAND ASKPASS'
  ).split(' '),
);

/** Known variables that have the name of a secret and hold none. */
const knownPublic = new Set([
  'PWD', // The working folder.
  'OLDPWD',
  'GPG_KEY', // Docker's Python images: fingerprint of the release key.
  'DESKTOP_SESSION', // Name of a desktop environment.
  'XDG_SESSION_CLASS',
  'XDG_SESSION_DESKTOP',
  'GDMSESSION',
]);

/** Variables that hold addresses, and secrets only as a password inside of one. */
const addressWords = new Set(['URL', 'URI', 'ENDPOINT', 'PROXY', 'ORIGIN']);

/**
 * The secrets of an environment.
 * @returns `secrets` to hide, and `leftOut`: variables that have the name of a secret and a value that is not hidden
 */
export function secretsOf(env: Readonly<Record<string, string | undefined>>): {
  readonly secrets: readonly NamedValue[];
  readonly leftOut: readonly LeftOut[];
} {
  const secrets: NamedValue[] = [];
  const leftOut: LeftOut[] = [];
  for (const [name, raw] of Object.entries(env)) {
    const value = raw?.trim() ?? '';
    if (value === '') continue;
    // A password in an address is one whatever the variable is called: DATABASE_URL, HTTPS_PROXY, PIP_INDEX_URL.
    secrets.push(...passwordsInAddress(value).map((password) => ({ name, value: password })));
    // A login is `user:password`; only the password is secret.
    const login = /(?:^|_)LOGIN$/i.test(name) ? /^[^:\s]+:(\S+)$/.exec(value)?.[1] : undefined;
    if (login !== undefined && whyNotSecret(name, login) === undefined) secrets.push({ name, value: login });
    if (!isSecretName(name)) continue;
    if (name.toUpperCase().endsWith('HEADERS')) {
      secrets.push(...headerValues(value).map((header) => ({ name, value: header })));
      continue;
    }
    const why = whyNotSecret(name, value);
    if (why === undefined) secrets.push({ name, value });
    else leftOut.push({ name, why });
  }
  return { secrets, leftOut };
}

/** Whether the name of a variable says that it holds a secret. */
export function isSecretName(name: string): boolean {
  const upper = name.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toUpperCase();
  if (knownPublic.has(upper)) return false;
  const parts = upper.split(/[^A-Z0-9]+/).filter((part) => part !== '');
  if (detailWords.has(parts.at(-1) ?? '')) return false;
  return (
    parts.some((part) => secretWords.has(part) || (part.endsWith('KEY') && part.length <= 8)) || secretParts.test(upper)
  );
}

/** Why a value is not a secret although its variable has the name of one; undefined if it is a secret. */
export function whyNotSecret(name: string, value: string): string | undefined {
  if (value.length < MIN_ENVIRONMENT_VALUE_LENGTH) {
    return `shorter than ${MIN_ENVIRONMENT_VALUE_LENGTH} characters, as settings are`;
  }
  if (/^(true|false|yes|no|on|off|none|null|undefined|enabled|disabled|required|optional)$/i.test(value))
    return 'a switch';
  if (/^[-+]?[\d.,_]+([a-z]{1,2})?$/i.test(value)) return 'a number';
  if (value.length <= MAX_WORD_LENGTH && /^[A-Z]?[a-z]+([-_. ][a-z]+)*$|^[A-Z]+([-_. ][A-Z]+)*$/.test(value))
    return 'a word';
  if (/^(~|\.{1,2})?\/$|^(~|\.{1,2})\/|^[A-Za-z]:[\\/]|^unix:|^file:/.test(value)) return 'a path';
  if (
    /^\/(home|root|tmp|var|etc|usr|opt|run|Users|private|mnt|srv|dev|proc|snap|data|app|work|workspace)\//.test(value)
  ) {
    return 'a path';
  }
  if (/^\$\{?\w+\}?$|^<.*>$|^(.)\1*$/.test(value)) return 'a placeholder';
  const lastWord = name.toUpperCase().split('_').at(-1) ?? '';
  if (addressWords.has(lastWord) && /^[a-z][a-z0-9+.-]*:\/\/[^@?#]*$/i.test(value))
    return 'an address without a password';
  return undefined;
}

/** Passwords of `scheme://user:password@host`, as written and with their URL escapes undone. */
function passwordsInAddress(value: string): readonly string[] {
  const passwords: string[] = [];
  for (const match of value.matchAll(/:\/\/[^\s/:@]{0,256}:([^\s/@]{1,256})@/g)) {
    const written = match[1] ?? '';
    for (const password of new Set([written, decoded(written)])) {
      if (whyNotSecret('', password) === undefined) passwords.push(password);
    }
  }
  return passwords;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Values of `name=value,name=value` (OTEL_EXPORTER_OTLP_HEADERS) or of `Name: value` lines, without their scheme. */
function headerValues(value: string): readonly string[] {
  return value
    .split(/[,\n]/)
    .map((header) => decoded(/[=:]\s*(.*)$/.exec(header)?.[1] ?? '').trim())
    .map((header) => header.replace(/^(Bearer|Basic|Token)\s+/i, ''))
    .filter((header) => whyNotSecret('', header) === undefined);
}
