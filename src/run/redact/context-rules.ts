// Secrets that are recognised by the text before them: passwords in URLs, bearer tokens, the secret keys of AWS. The text
// that names them stays readable; only the secret is hidden.
import {
  alphanumerics,
  base64,
  behindRun,
  byteSet,
  digits,
  hiddenBetween,
  holds,
  isIn,
  letters,
  MAX_TOKEN_BYTES,
  nothingUpTo,
  type Rule,
  type Sighting,
  startsWord,
  stopsAt,
  undecidedFrom,
} from './rule.ts';
import { at, OUTSIDE, textAt, type View } from './view.ts';

/** User and password of a URL together. A longer one would be a token, which has rules of its own. */
const MAX_USER_INFO_BYTES = 512;

const userInfoChars = byteSet(/[^\s/?#@"'<>\\[\](){}|^`]/);
const COLON = 0x3a;
const AT_SIGN = 0x40;

/** `scheme://user:password@host`; also without a user, as Redis has it. */
const urlPassword: Rule = {
  kind: 'url-password',
  openings: ['://'],
  read(view, index) {
    const first = index + 3;
    if (textAt(view, index, '://') === 'partly') return undecidedFrom(index);
    if (!isIn(alphanumerics, at(view, index - 1))) return undefined;
    const end = behindRun(view, first, userInfoChars, MAX_USER_INFO_BYTES);
    let colon = first;
    while (colon < end && at(view, colon) !== COLON) colon++;
    // Before its colon an address names a host or a user, and a question may end in one.
    if (stopsAt(view, end)) return undecidedFrom(index, Math.min(colon + 1, end));
    if (at(view, end) !== AT_SIGN) return undefined;
    const start = colon + 1;
    return start < end && !isPlaceholder(view, start, end) ? hiddenBetween(start, end) : undefined;
  },
};

/** `$PASSWORD`, `%s`, `***` and `xxx` say that a password was left out already. */
function isPlaceholder(view: View, start: number, end: number): boolean {
  const first = at(view, start);
  if (first === 0x24 || (first === 0x25 && end - start === 2)) return true;
  for (let i = start; i < end; i++) if (at(view, i) !== first) return false;
  return first === 0x2a || first === 0x78 || first === 0x58;
}

/** RFC 6750 allows shorter tokens; no service issues them, and prose such as `bearer of news` would be hidden. */
const MIN_BEARER_BYTES = 16;

const bearerChars = byteSet(/[A-Za-z0-9._~+/=-]/);
const SPACE = 0x20;

/** `Authorization: Bearer TOKEN`, in any case and also with the blank URL-encoded. */
const bearerToken: Rule = {
  kind: 'bearer-token',
  openings: ['arer', 'ARER'],
  read(view, index) {
    const b = at(view, index - 2) | 0x20;
    const e = at(view, index - 1) | 0x20;
    if (b !== 0x62 || e !== 0x65 || !startsWord(view, index - 2)) return undefined;
    let start = index + 4;
    const encoded = textAt(view, start, '%20');
    if (encoded === 'partly') return undecidedFrom(index, view.bytes.length);
    if (encoded === 'yes') start += 3;
    else while (at(view, start) === SPACE && start - index < 16) start++;
    if (stopsAt(view, start)) return undecidedFrom(index, start);
    if (start === index + 4) return undefined;
    const end = behindRun(view, start, bearerChars, MAX_TOKEN_BYTES);
    if (stopsAt(view, end)) return undecidedFrom(index, start);
    const looksGiven = holds(view, start, end, digits) && holds(view, start, end, letters);
    return end - start >= MIN_BEARER_BYTES && looksGiven ? hiddenBetween(start, end) : nothingUpTo(end);
  },
};

/** Secret access keys have exactly this length; only their name distinguishes them from a SHA-1 or other base64 text. */
const AWS_SECRET_BYTES = 40;

/** Session tokens are a few hundred bytes; short values of that name are other services'. */
const MIN_AWS_SESSION_BYTES = 100;

/** Between a name and its value: blanks of a table, quotes, escaped quotes, colon, equals sign. */
const MAX_ASSIGNMENT_BYTES = 48;

const assignment = byteSet(/[ \t"'\\:=>|,]/);
const base64Padding = byteSet(/[A-Za-z0-9+/=]/);

/** `aws_secret_access_key = ...`, `"SecretAccessKey": "..."`, `AWS_SECRET_ACCESS_KEY=...`. */
const awsSecretKey: Rule = {
  kind: 'aws-secret-key',
  openings: ['s_ke', 'S_KE', 'ssKe'],
  read: (view, index) =>
    readAssigned(view, index, 'y', (start, end) => {
      if (!namedSecret(view, index, 'secret')) return undefined;
      return end - start === AWS_SECRET_BYTES && at(view, end) !== 0x3d ? hiddenBetween(start, end) : undefined;
    }),
};

/** `aws_session_token = ...`, `"SessionToken": "..."`, `AWS_SESSION_TOKEN=...`. */
const awsSessionToken: Rule = {
  kind: 'aws-secret-key',
  openings: ['n_to', 'N_TO', 'onTo'],
  read: (view, index) =>
    readAssigned(view, index, 'ken', (start, end) => {
      if (!namedSecret(view, index, 'sessi')) return undefined;
      return end - start >= MIN_AWS_SESSION_BYTES ? hiddenBetween(start, end) : undefined;
    }),
};

/** Reads `rest` of a name behind its opening (any case), an assignment, and a run of base64; then asks `judge`. */
function readAssigned(
  view: View,
  index: number,
  rest: string,
  judge: (start: number, end: number) => Sighting | undefined,
): Sighting | undefined {
  for (let i = 0; i < rest.length; i++) {
    const byte = at(view, index + 4 + i);
    if (byte === OUTSIDE && stopsAt(view, index + 4 + i)) return undecidedFrom(index, view.bytes.length);
    if ((byte | 0x20) !== rest.charCodeAt(i)) return undefined;
  }
  const name = index + 4 + rest.length;
  const start = behindRun(view, name, assignment, MAX_ASSIGNMENT_BYTES);
  if (stopsAt(view, start)) return undecidedFrom(index, start);
  if (start === name) return undefined;
  const end = behindRun(view, start, base64Padding, MAX_TOKEN_BYTES);
  if (stopsAt(view, end)) return undecidedFrom(index, start);
  return isIn(base64, at(view, start)) ? judge(start, end) : undefined;
}

/** Whether the name that ends at `index` contains `word` (lower case): at most 12 bytes before it. */
function namedSecret(view: View, index: number, word: string): boolean {
  for (let start = index - word.length; start >= index - word.length - 12; start--) {
    let i = 0;
    while (i < word.length && (at(view, start + i) | 0x20) === word.charCodeAt(i)) i++;
    if (i === word.length) return true;
  }
  return false;
}

export const contextRules: readonly Rule[] = [urlPassword, bearerToken, awsSecretKey, awsSessionToken];
