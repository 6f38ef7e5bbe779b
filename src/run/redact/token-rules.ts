// Keys and tokens that are recognised by how they begin: a fixed opening, then a run of letters, digits and few marks.
// One table; how a row is read is below it. Lengths are those that the services documented or issued in 2026.
import type { RedactionKind } from './kinds.ts';
import {
  alphanumerics,
  type ByteSet,
  behindRun,
  byteSet,
  digits,
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
  words,
} from './rule.ts';
import { at, OUTSIDE, skipBreak, textAt, type View } from './view.ts';

type TokenFormat = {
  readonly kind: RedactionKind;
  readonly openings: readonly string[];
  /** What may follow the opening. */
  readonly chars: ByteSet;
  /** How many of them at least; with `exact`, no more than that either. */
  readonly min: number;
  readonly exact?: true;
  /** Lengths that are issued: a token that a line end breaks is hidden as a whole if its parts sum up to one of these. */
  readonly usual?: readonly number[];
  /** The opening also occurs inside ordinary words or base64, so it must be at the start of a word. */
  readonly atWordStart?: true;
  /** The opening stays readable. */
  readonly keepsOpening?: true;
  /** A first check of what follows the opening, at `start`, once it is there. */
  readonly begins?: (view: View, start: number) => boolean;
  /** A last check of it, from `start` to `end`; a text that is refused is also refused without its first bytes. */
  readonly accepts?: (view: View, start: number, end: number) => boolean;
};

const upperAndDigits = byteSet(/[A-Z0-9]/);
const wordsAndDots = byteSet(/[A-Za-z0-9_.-]/);
const pathChars = byteSet(/[A-Za-z0-9_/-]/);

const hasDigit = (view: View, start: number, end: number): boolean => holds(view, start, end, digits);

/** The shortest stretch without marks that a key under the bare opening `sk-` has; DeepSeek's have 32, OpenAI's 48. */
const MIN_BARE_KEY_BYTES = 20;

const formats: readonly TokenFormat[] = [
  // sk-ant-api03-, sk-ant-oat01-, sk-ant-admin01-, sk-ant-sid01-: then 93 characters and AA.
  {
    kind: 'anthropic-key',
    openings: ['sk-ant-'],
    chars: words,
    min: 20,
    usual: [101, 103],
    begins: (view, start) => startsWord(view, start - 7) || hasVersion(view, start),
    accepts: hasDigit,
  },
  {
    kind: 'openai-key',
    openings: ['sk-proj-', 'sk-svcacct-', 'sk-admin-', 'sk-None-'],
    chars: words,
    min: 20,
    usual: [124, 148, 156],
    atWordStart: true,
    accepts: hasDigit,
  },
  // The older sk- and 48 characters, and what other services with the same interface issue (OpenRouter, DeepSeek).
  {
    kind: 'openai-key',
    openings: ['sk-'],
    chars: words,
    min: 24,
    usual: [48],
    atWordStart: true,
    begins: (view, start) => !hasOwnRow(view, start),
    accepts: hasKeyStretch,
  },
  { kind: 'aws-key-id', openings: ['AKIA', 'ASIA'], chars: upperAndDigits, min: 16, exact: true, atWordStart: true },
  { kind: 'gcp-key', openings: ['AIza'], chars: words, min: 35, exact: true, atWordStart: true },
  { kind: 'gcp-key', openings: ['GOCSPX-'], chars: words, min: 28, exact: true, atWordStart: true },
  { kind: 'gcp-key', openings: ['ya29.'], chars: words, min: 20, atWordStart: true, accepts: hasDigit },
  {
    kind: 'github-token',
    openings: ['ghp_', 'gho_', 'ghu_', 'ghr_'],
    chars: alphanumerics,
    min: 36,
    accepts: hasDigit,
  },
  // Tokens of apps may hold a signed part with dots.
  { kind: 'github-token', openings: ['ghs_'], chars: wordsAndDots, min: 36, accepts: hasDigit },
  {
    kind: 'github-token',
    openings: ['github_pat_'],
    chars: byteSet(/[A-Za-z0-9_]/),
    min: 36,
    usual: [82],
    accepts: hasDigit,
  },
  {
    kind: 'slack-token',
    openings: ['xoxa-', 'xoxb-', 'xoxe-', 'xoxe.', 'xoxo-', 'xoxp-', 'xoxr-', 'xoxs-', 'xoxc-', 'xoxd-', 'xapp-'],
    chars: byteSet(/[A-Za-z0-9.%-]/),
    min: 20,
    atWordStart: true,
    accepts: hasDigit,
  },
  {
    kind: 'slack-webhook',
    openings: ['hooks.slack.com/'],
    chars: pathChars,
    min: 30,
    keepsOpening: true,
    begins: (view, start) =>
      ['services/', 'workflows/', 'triggers/'].some((path) => textAt(view, start, path) === 'yes'),
  },
  { kind: 'npm-token', openings: ['npm_'], chars: alphanumerics, min: 36, exact: true, accepts: hasDigit },
];

export const tokenRules: readonly Rule[] = formats.flatMap((format) =>
  format.openings.map((opening) => ({
    kind: format.kind,
    openings: [opening],
    read: (view: View, index: number) => readToken(format, opening, view, index),
  })),
);

/** How much of what follows an opening `begins` looks at. */
const MAX_BEGINNING_BYTES = 16;

/** A wrapped token has few lines: at 16 characters per line, 8 breaks make 144. */
const MAX_BREAKS = 8;

function readToken(format: TokenFormat, opening: string, view: View, index: number): Sighting | undefined {
  const opened = textAt(view, index, opening);
  if (opened === 'no') return undefined;
  if (opened === 'partly') return undecidedFrom(index);
  if (format.atWordStart === true && !startsWord(view, index)) return undefined;
  const first = index + opening.length;
  if (format.begins?.(view, first) === false) {
    const seen = behindRun(view, first, format.chars, MAX_BEGINNING_BYTES);
    return stopsAt(view, seen) ? undecidedFrom(index) : undefined;
  }
  const limit = format.exact === true ? format.min + 1 : MAX_TOKEN_BYTES;
  let end = behindRun(view, first, format.chars, limit);
  let length = end - first;
  // A token too short for its format may have been broken by a line end.
  for (let breaks = 0; length > 0 && length < format.min && breaks < MAX_BREAKS; breaks++) {
    const next = skipBreak(view, end, OUTSIDE);
    if (next === end || stopsAt(view, next)) break;
    const nextEnd = behindRun(view, next, format.chars, limit);
    length += nextEnd - next;
    end = nextEnd;
    if (nextEnd === next) break;
  }
  const stop = length > 0 && length < format.min ? skipBreak(view, end, OUTSIDE) : end;
  if (stopsAt(view, stop)) return undecidedFrom(index);
  // A later opening inside of this run has less of it, so it is refused for the same reason.
  const refused = format.exact === true ? undefined : nothingUpTo(end);
  if (format.exact !== true) {
    while (length > 0 && isTrailingMark(at(view, end - 1))) {
      end--;
      length--;
    }
  }
  if (length < format.min) return refused;
  // The run of a token of fixed length must end with it, or it is something else that begins the same.
  if (format.exact === true && (length !== format.min || isIn(words, at(view, end)))) return undefined;
  if (format.accepts?.(view, first, end) === false) return refused;
  const start = format.keepsOpening === true ? first : index;
  const rest = restOfWrapped(format, view, end, length);
  return { from: index, start, ...rest, readTo: rest.end };
}

/** A token that is long enough continues in the next lines only if it then has a length that is issued. */
function restOfWrapped(
  format: TokenFormat,
  view: View,
  end: number,
  length: number,
): Pick<Sighting, 'end' | 'undecided' | 'more'> {
  const longest = Math.max(0, ...(format.usual ?? []));
  let undecided: number | undefined;
  let sum = length;
  let i = end;
  for (let breaks = 0; sum < longest && breaks < MAX_BREAKS; breaks++) {
    const next = skipBreak(view, i, OUTSIDE);
    if (next === i) break;
    if (stopsAt(view, next)) {
      // A complete line does not wait; of an escaped line end only a part may have come.
      if (!isLineEnd(at(view, next - 1))) undecided ??= i;
      return { end, undecided, more: true };
    }
    undecided ??= i;
    i = behindRun(view, next, format.chars, longest);
    if (stopsAt(view, i)) return { end, undecided, more: true };
    if (i === next) break;
    sum += i - next;
    if (format.usual?.includes(sum) === true && !isIn(format.chars, at(view, i))) {
      return { end: i, undecided: undefined, more: false };
    }
  }
  return { end, undecided: undefined, more: false };
}

function isLineEnd(byte: number): boolean {
  return byte === 0x0a || byte === 0x0d;
}

/** A full stop or hyphen behind a token is the sentence's. */
function isTrailingMark(byte: number): boolean {
  return byte === 0x2e || byte === 0x2d;
}

/** Whether this is an opening that has a row of its own, of which `sk-` is only the beginning. */
function hasOwnRow(view: View, start: number): boolean {
  return ['ant-', 'proj-', 'svcacct-', 'admin-', 'None-'].some((next) => textAt(view, start, next) === 'yes');
}

/** `api03-` and the like: letters, two digits, a hyphen. */
function hasVersion(view: View, start: number): boolean {
  const digit = behindRun(view, start, letters, 12);
  return digit > start && behindRun(view, digit, digits, 2) === digit + 2 && at(view, digit + 2) === 0x2d;
}

/** Whether a long stretch without marks holds letters and digits, as no hyphenated name does. */
function hasKeyStretch(view: View, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    const behind = behindRun(view, i, alphanumerics, end - i);
    if (behind - i >= MIN_BARE_KEY_BYTES && holds(view, i, behind, digits) && holds(view, i, behind, letters))
      return true;
    i = behind;
  }
  return false;
}
