// What a child writes so that secrets come out broken in each way, numbered, and whether each of them shows as replaced.
// Used by secrets.ts, which looks for what got out.
import { escapeRegExp } from '../../../src/text/regexp.ts';
import type { Random } from './random.ts';
import type { Secret } from './secret-kinds.ts';

/** One write to a descriptor; the next comes when it has been read. */
export type Write = readonly [descriptor: 1 | 2, text: string];

/** One printing of a secret, in a line that begins with its number. */
export type Printing = { readonly number: number; readonly secret: Secret; readonly shown: string | undefined };

/** All that a child writes, and the printings in it. */
export type Output = { readonly writes: readonly Write[]; readonly printings: readonly Printing[] };

/** A pipe holds so much, and one read takes no more. */
const readBytes = 65_536;

/**
 * @param places at how many places each secret is broken in two, spread over it; all if it has fewer
 * @param more whether each secret is also printed byte by byte, in colour, across the edge of a full read, and while the other
 * stream is in a secret too: in all of these ways, in one of them by turns, or in none
 */
export function printSecrets(
  secrets: readonly Secret[],
  random: Random,
  options: { readonly from?: number; readonly places: number; readonly more: 'all' | 'one' | 'none' },
): Output {
  const { from = 1, places, more } = options;
  const writes: Write[] = [];
  const printings: Printing[] = [];
  const begin = (secret: Secret, wrap: (text: string) => string = (text) => text): string => {
    const number = from + printings.length;
    printings.push({ number, secret, shown: secret.shown === undefined ? undefined : wrap(secret.shown) });
    return `S${number} `;
  };
  let rest = '';
  const broken = (secret: Secret): void => {
    const { text } = secret;
    const chosen = Math.min(places, text.length - 1);
    const offset = random.next();
    for (let index = 0; index < chosen; index++) {
      const place = 1 + Math.floor(((index + offset) * (text.length - 1)) / chosen);
      writes.push([1, `${rest}${begin(secret)}${text.slice(0, place)}`]);
      rest = `${text.slice(place)}\n`;
    }
  };
  const byteByByte = (secret: Secret): void => {
    writes.push([1, `${rest}${begin(secret)}`], ...[...secret.text].map((char): Write => [1, char]));
    rest = '\n';
  };
  const coloured = (secret: Secret): void => {
    const wrap = (text: string): string => `\x1b[1;31m${text}\x1b[0m`;
    const text = `${begin(secret, wrap)}${wrap(secret.text)}`;
    const place = random.between(text.length - secret.text.length, text.length - 1);
    writes.push([1, `${rest}${text.slice(0, place)}`]);
    rest = `${text.slice(place)}\n`;
  };
  const atEdge = (secret: Secret): void => {
    const number = begin(secret);
    const inside = random.between(1, secret.text.length - 1);
    const seen = `${number}${secret.text.slice(0, inside)}`;
    const filler = 'filler '.repeat(readBytes).slice(0, readBytes - Buffer.byteLength(`${rest}\n${seen}`));
    writes.push([1, `${rest}${filler}\n${seen}`]);
    rest = `${secret.text.slice(inside)}\n`;
  };
  const crossed = (secret: Secret, other: Secret): void => {
    const [place, otherPlace] = [secret, other].map(({ text }) => random.between(1, text.length - 1)) as [
      number,
      number,
    ];
    writes.push([1, `${rest}${begin(secret)}${secret.text.slice(0, place)}`]);
    writes.push([2, `${begin(other)}${other.text.slice(0, otherPlace)}`]);
    writes.push([1, `${secret.text.slice(place)}\n`], [2, `${other.text.slice(otherPlace)}\n`]);
    rest = '';
  };
  for (const [index, secret] of secrets.entries()) {
    broken(secret);
    const ways = [
      () => byteByByte(secret),
      () => coloured(secret),
      () => atEdge(secret),
      () => crossed(secret, secrets[(index + 7) % secrets.length]!),
    ];
    if (more === 'none') continue;
    for (const [at, way] of ways.entries()) if (more === 'all' || index % ways.length === at) way();
  }
  writes.push([1, `${rest}all is printed\n`]);
  return { writes, printings };
}

export type CheckedPrintings = {
  /** Printings of which a line has arrived. */
  readonly arrived: number;
  readonly missing: number;
  readonly duplicated: number;
  /** Lines that have arrived and do not show the secret as replaced, with what they show. */
  readonly wrong: readonly string[];
};

/** Openings of formats that have more than four characters. They are the same in every secret of the format: see docs/redaction.md. */
const openings = ['-----BEGIN ', 'github_pat_', 'sk-proj-', 'sk-ant-', 'GOCSPX-', 'hooks.slack.com/'];
/** What may be seen of a secret that is printed byte by byte before it is recognised. */
const seenBefore = `(?:${openings.map((opening) => `${prefixPattern(opening)}|`).join('')}[^]{0,3})`;

/** Matches each beginning of the text that is shorter than it. */
function prefixPattern(text: string): string {
  return [...text].slice(0, -1).reduceRight((rest, char) => `(?:${escapeRegExp(char)}${rest})?`, '');
}

/** Whether a text shows its secret as replaced. */
function showsReplaced(text: string, shown: string): boolean {
  const [before = '', ...behind] = shown.split('[hidden:');
  const escaped = [before, ...behind].map((part) => escapeRegExp(part));
  // The escaped line end behind a key in JSON stays too if the key was known before it came.
  return new RegExp(`^${escaped.join(`${seenBefore}\\[hidden:`)}(?:\\\\n)?$`).test(text);
}

/** Whether a text ends before its secret has shown: a killed stepspan had read no more of the line. */
function endsBefore(text: string, shown: string | undefined): boolean {
  const [before = ''] = shown?.split('[hidden:') ?? [];
  return before.startsWith(text) || new RegExp(`^${escapeRegExp(before)}${seenBefore}$`).test(text);
}

/** Whether lines, from wherever, show each printing once, with the replacement in the place of the secret. */
export function checkPrintings(lines: readonly string[], printings: readonly Printing[]): CheckedPrintings {
  const byNumber = new Map<number, string[]>();
  for (const line of lines) {
    const [, digits, text = ''] = /^S(\d+) (.*)$/s.exec(line) ?? [];
    if (digits === undefined) continue;
    const same = byNumber.get(Number(digits));
    if (same === undefined) byNumber.set(Number(digits), [text]);
    else same.push(text);
  }
  const wrong: string[] = [];
  let [arrived, duplicated] = [0, 0];
  for (const { number, secret, shown } of printings) {
    const [text, ...again] = byNumber.get(number) ?? [];
    duplicated += again.length;
    if (text === undefined || endsBefore(text, shown)) continue;
    arrived++;
    const isRight = shown === undefined ? text.includes(`[hidden:${secret.name}]`) : showsReplaced(text, shown);
    if (!isRight) wrong.push(`S${number}, a ${secret.name}: ${text.slice(0, 200)} instead of ${shown ?? 'its marker'}`);
  }
  return { arrived, missing: printings.length - arrived, duplicated, wrong };
}
