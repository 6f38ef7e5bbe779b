// Lines that show their level by how they begin and not by a word: klog, syslog, test reports, compilers, crashes. Pure.

import { count, namedCount, severityOfSyslog, severityOfWord } from './level-names.ts';
import type { Level } from './stream.ts';

/**
 * In order: klog (`E1123 10:00:00.000000 …`), Android (`E/Tag(123): …`), Ruby (`E, [2026-11-23T…`); apt (`E: …`); the lines of
 * an assertion that failed in pytest (`E   …`); what systemd takes from a service (`<3>…`), and syslog; workflow commands of
 * GitHub and Azure; npm; how traces and crashes begin; test reports, gcc, rustc.
 */
const shape = new RegExp(
  [
    String.raw`^(?:([VDIWEFA])(?=\d{4} +\d\d:\d\d:\d\d|\/[\w.:-]{1,64} ?\(|, \[\d{4}-\d\d-\d\dT)`,
    String.raw`([EWNI])(?=: \S)`,
    '(E) {3}',
    String.raw`<(\d{1,3})>`,
    String.raw`(?:::|##\[)(error|warning|notice|debug)(?:::|\]| \w+=)`,
    String.raw`npm (warn|err|error|notice|info|verb|WARN|ERR)\b`,
    String.raw`Traceback \(most recent call last\)|Exception in thread |Caused by: |Segmentation fault`,
    String.raw`thread '[^']{0,64}' (?:\(\d+\) )?panicked at`,
    String.raw`(?:--- )?FAIL(?:ED)?(?!:?${count}|${namedCount})(?::[ \t]+|\s+)\S|fatal error: |error\[E\d+\]: )`,
  ].join('|'),
);

/** The first characters of all of them, as a table by character code. */
const firsts = new Uint8Array(128);
for (const first of 'VDIWEFANTCSt<:#n-fe') firsts[first.charCodeAt(0)] = 1;

/** Whether a line may have such a shape. Looks at two characters. */
function mayHaveShape(text: string, at: number): boolean {
  const first = text.charCodeAt(at);
  if (firsts[first] !== 1) return false;
  const second = text.charCodeAt(at + 1);
  switch (first) {
    // `<3>`
    case 0x3c:
      return second >= 0x30 && second <= 0x39;
    // `::`, `##`, `--`
    case 0x3a:
    case 0x23:
    case 0x2d:
      return second === first;
    // `npm`, `thread`, `fatal`, `error[`
    case 0x6e:
      return second === 0x70;
    case 0x74:
      return second === 0x68;
    case 0x66:
      return second === 0x61;
    case 0x65:
      return second === 0x72;
    default:
      return true;
  }
}

/** @param text holds the head of a line from `start` to `end`, without blanks before it */
export function levelOfShape(text: string, start: number, end: number): Level | undefined {
  const found = mayHaveShape(text, start) ? shape.exec(text.slice(start, end)) : null;
  if (found === null) return undefined;
  const [, letter, apt, pytest, priority, command, npm] = found;
  const initial = letter ?? apt ?? pytest;
  if (initial !== undefined) return ofInitial(initial);
  if (priority !== undefined) return Number(priority) < 192 ? severityOfSyslog(Number(priority) % 8) : undefined;
  const word = command ?? npm;
  return word === undefined ? 'error' : severityOfWord(word, false);
}

function ofInitial(letter: string): Level {
  if (letter === 'W') return 'warning';
  if (letter === 'V' || letter === 'D') return 'debug';
  if (letter === 'F') return 'fatal';
  return letter === 'I' || letter === 'N' ? 'info' : 'error';
}
