// Where a line says how severe it is: in an object (level-of-object.ts), by its shape (level-shapes.ts), in a field of logfmt, or by a word that
// is at its start or behind a time, a host, a logger's name, a place in a file. Pure. A word of prose is none, so the walk
// over the words of a line ends at the first that is not part of a log's head; it looks at few and bounded words, whatever comes.

import { stripAnsi } from './ansi.ts';
import { count, namedCount, severityOfPino, severityOfWord } from './level-names.ts';
import { levelOfObject, maxHeadLength } from './level-of-object.ts';
import { levelOfShape } from './level-shapes.ts';
import type { Level } from './stream.ts';

/**
 * @param text holds the line from `start` to `end`; one that is not a slice of another is read fastest
 * @returns undefined if the line says nothing
 */
export function levelIn(text: string, start: number, end: number): Level | undefined {
  const at = startOfWord(text, start, end);
  const first = text.charCodeAt(at);
  if (first === brace) return levelOfObject(text.slice(at, Math.min(end, start + maxHeadLength)));
  const limit = Math.min(end, start + headLength);
  return levelOfShape(text, at, limit) ?? levelOfWords(text, at, limit);
}

/** A level is in the head of a line: time stamp, host and logger name fit in; message text mostly does not. */
const headLength = 256;
/** In the heads of real logs the level is the eighth word at the latest; a line of logfmt may hold more fields before it. */
const maxWords = 8;
const maxFields = 24;
/** No part of a head is longer; text without blanks, as base64, ends the walk. */
const maxWordLength = 96;

/** Upper case, at the start of a word or behind a bracket, a bar or a colon: `[core:ERROR]`, `ERROR:root:`, `INFO[0003]`. */
const upper =
  /(?:^|[[(<|:*])(TRACE|VERBOSE|DEBUG|INFO|NOTICE|WARN|WARNING|ERR|ERROR|FATAL|CRITICAL|CRIT|ALERT|EMERG|EMERGENCY|PANIC|DPANIC|SEVERE|TRC|VRB|DBG|INF|WRN|FTL|PNC|(?:DEBU|TRAC|ERRO|FATA|PANI)(?=\[\d))(?=$|[\])>:|/,[!(;*])/;
/** Lower case with a bracket or a colon: `[error]`, `[core:warn]`, `warning:`. */
const marked = /^(?:[[(<](?:\w{1,32}:)?([A-Za-z]{3,13})[\])>]+[:,]?|([A-Za-z]{3,13}):)$/;
/** `[error    ]`, as structlog pads it. */
const padded = /^\[([A-Za-z]{3,13})$/;
/** A field of logfmt. */
const field = /^(?:level|Level|lvl|severity|log_?level|log\.level)=["']?(?:([A-Za-z]+)|(\d{1,3})$)/;
/** The name of an exception. */
const thrown = /^(?:[\w$]{1,64}\.){0,8}[A-Z][\w$]{0,64}(?:Error|Exception|(Warning))(:?)$/;
/** Bare and lower case only right behind a time or a place, as zap, tsc and eslint have it. */
const bareLevel = /^(?:trace|debug|info|warn|warning|error|fatal|panic|dpanic)$/;

/**
 * A date, seconds since 1970, or a place in a file, as is any word with a colon between digits: what follows it belongs to a log line
 * and not to a sentence.
 */
const clock = /\d{4}[-/]\d\d[-/]\d\d|^\[?\d{10}|\(\d+,\d+\):?$/;
/** A word of a sentence. All else (numbers, names with dots, brackets, what ends in a colon, signs) is part of a log's head. */
const prose = /^["'`(]*[A-Za-z]+(?:['-][A-Za-z]+)*["'`)]*[.,;!?]*$/;
const partOfHead =
  /^\[?(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun|Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec|UTC|GMT|AM|PM|Uncaught),?$/;
/** `ERROR: 3` and the like count, and report nothing themselves. */
const onlyCount = new RegExp(`^${count}`);
/** So do `ERROR count: 3` and `CRITICAL issues found: 0`. */
const onlyNamedCount = new RegExp(`^${namedCount}`);

function levelOfWords(text: string, start: number, limit: number): Level | undefined {
  let at = start;
  let afterTime = false;
  /** The word before was a time or a place, dashes aside. */
  let behind = false;
  /** Behind a time one bare word can follow: a host or a thread. */
  let room = 1;
  let bound = maxWords;
  for (let words = 0; words < bound && at < limit; words++) {
    const scanned = scanWord(text, at, limit);
    const end = scanned >> signBits;
    const has = scanned & allSigns;
    if ((has & signs.escape) !== 0) return levelWithoutEscapes(text, start, limit);
    if (end - at > maxWordLength) return undefined;
    if ((has & signs.letter) !== 0) {
      // Most lines are sentences: over at their first word, which is letters and nothing else.
      if (has === signs.letter && !afterTime) return undefined;
      const word = text.slice(at, end);
      const rest = text.slice(end, limit);
      const context = (afterTime ? signs.afterTime : 0) | (behind ? signs.behindTime : 0);
      const said = levelOfWord(word, has | context, rest);
      if (said !== undefined) {
        const isCount = word.endsWith(':') ? onlyCount.test(rest) : onlyNamedCount.test(rest);
        return isCount ? undefined : said;
      }
      if ((has & notProse) === 0 && prose.test(word)) {
        const isPart = (has & signs.capital) !== 0 && partOfHead.test(word);
        if (!isPart && (!afterTime || room-- === 0)) return undefined;
      }
    }
    const isClock =
      (has & signs.time) !== 0 ||
      ((has & signs.digit) !== 0 && end - at >= shortestClock && clock.test(text.slice(at, end)));
    afterTime ||= isClock;
    behind = isClock || (behind && end - at === 1 && text.charCodeAt(at) === dash);
    if ((has & signs.equals) === 0) at = startOfWord(text, end, limit);
    else {
      bound = maxFields;
      at = startOfWord(text, afterQuoted(text, at, end, limit), limit);
    }
  }
  return undefined;
}

/** Escapes are rare before a level and common in what programs show to people, so they are taken out only when met. */
function levelWithoutEscapes(text: string, start: number, limit: number): Level | undefined {
  const bare = stripAnsi(text.slice(start, limit));
  return bare.includes('\x1b') ? undefined : levelIn(bare, 0, bare.length);
}

/** As `(1,2):` behind the name of a file. */
const shortestClock = 8;

/**
 * @param has the signs of the word, each of which rules most of the expressions out
 * @param rest what follows the word
 */
function levelOfWord(word: string, has: number, rest: string): Level | undefined {
  const afterTime = (has & signs.afterTime) !== 0;
  if ((has & signs.upperRun) !== 0) {
    const loud = upper.exec(word);
    // Three letters are too few for a level unless something shows that this is a log.
    if (loud !== null) return severityOfWord(loud[1] ?? '', afterTime || (has & signs.open) !== 0);
  }
  if ((has & signs.equals) !== 0) {
    const key = field.exec(word);
    if (key === null) return undefined;
    return key[1] === undefined ? severityOfPino(Number(key[2])) : severityOfWord(key[1], true);
  }
  if ((has & signs.behindTime) !== 0 && bareLevel.test(word)) return severityOfWord(word, false);
  const last = word.charCodeAt(word.length - 1);
  if ((has & signs.open) !== 0 || last === colon) {
    const quiet = marked.exec(word);
    const said = quiet === null ? undefined : severityOfWord(quiet[1] ?? quiet[2] ?? '', afterTime);
    if (said !== undefined) return said;
    const filled = (has & signs.digit) === 0 ? padded.exec(word) : null;
    if (filled !== null && rest[startOfWord(rest, 0, rest.length)] === ']')
      return severityOfWord(filled[1] ?? '', afterTime);
  }
  // `…Error`, `…Exception`, `…Warning`, with or without a colon.
  if ((has & signs.capital) === 0 || !(last === colon || last === 0x72 || last === 0x6e || last === 0x67))
    return undefined;
  const type = thrown.exec(word);
  if (type === null || (type[2] === '' && rest !== '' && !rest.startsWith(' ['))) return undefined;
  return type[1] === undefined ? 'error' : 'warning';
}

const brace = 0x7b;
const dash = 0x2d;
const colon = 0x3a;

/** What is in a word, as bits. */
const signs = {
  letter: 1,
  digit: 2,
  colon: 4,
  open: 8,
  equals: 16,
  capital: 32,
  upperRun: 64,
  time: 128,
  escape: 256,
  other: 512,
  /** Of the place of a word: a time was before it, or is the word before it. */
  afterTime: 1024,
  behindTime: 2048,
} as const;
const signBits = 10;
const allSigns = (1 << signBits) - 1;
const notProse = signs.digit | signs.colon | signs.open | signs.equals;
/** As long as the shortest level in upper case. */
const upperRun = 3;

/** @returns where the word ends, above its signs */
function scanWord(text: string, from: number, limit: number): number {
  const end = Math.min(limit, from + maxWordLength + 1);
  let found = 0;
  let capitals = 0;
  let at = from;
  for (; at < end; at++) {
    const code = text.charCodeAt(at);
    if (code >= 0x61 && code <= 0x7a) {
      found |= signs.letter;
      capitals = 0;
    } else if (isBlank(code)) break;
    else if (code >= 0x41 && code <= 0x5a) {
      found |= ++capitals === upperRun ? signs.upperRun | signs.capital | signs.letter : signs.capital | signs.letter;
    } else {
      capitals = 0;
      if (isDigit(code)) {
        found |= signs.digit;
        // `0:0`: a time, or a place in a file.
        if (at > from + 1 && text.charCodeAt(at - 1) === colon && isDigit(text.charCodeAt(at - 2))) found |= signs.time;
      } else if (code === colon) found |= signs.colon;
      else if (code === 0x5b || code === 0x28 || code === 0x3c) found |= signs.open;
      else if (code === 0x3d) found |= signs.equals;
      else if (code === 0x1b) found |= signs.escape;
      else found |= signs.other;
    }
  }
  return (at << signBits) | found;
}

function startOfWord(text: string, from: number, limit: number): number {
  let at = from;
  while (at < limit && isBlank(text.charCodeAt(at))) at++;
  return at;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09 || code === 0x0d;
}

/** A quoted value of logfmt is one word, whatever it contains. */
function afterQuoted(text: string, at: number, end: number, limit: number): number {
  const quote = text.indexOf('"', at);
  if (quote === -1 || quote >= end || text.charCodeAt(quote - 1) !== 0x3d) return end;
  const close = text.indexOf('"', quote + 1);
  if (close === -1 || close >= limit) return limit;
  return Math.max(end, close + 1);
}
