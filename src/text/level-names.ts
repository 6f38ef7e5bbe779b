// What loggers call their levels, in words and in numbers, and which of ours each is. Pure.
// An unknown level is ignored: the severity of the stream is better than a guess.
import type { Level } from './stream.ts';

type Table = Readonly<Record<Level, string>>;

const levels = ['debug', 'info', 'warning', 'error', 'fatal'] as const satisfies readonly Level[];

/** Of syslog, log4j, Python, Go, Rust, Ruby, .NET, npm, PostgreSQL and compilers. */
const words: Table = {
  debug: 'trace verbose verb debug dbug trce',
  info: 'info information informational notice note hint log',
  warning: 'warn warning',
  error: 'err error fail crit critical alert dpanic severe',
  fatal: 'fatal panic emerg emergency',
};

/** Of zerolog, Serilog and logrus: three or four letters. Too short for prose. */
const shortWords: Table = {
  debug: 'trc vrb dbg debu trac',
  info: 'inf',
  warning: 'wrn',
  error: 'erro',
  fatal: 'ftl fata pnc pani',
};

/**
 * What follows a level and makes a count of it, as an expression: `0`, `0)`, `0, WARN: 2`, `0 errors`. `5, access is denied`
 * is not one: that number is the code of an error.
 */
export const count = String.raw`\s*(?:\d+\s*(?:[)\]]?\s*$|[,;|]\s*\w+:\s*\d)|0 (?:errors|failures|failed|problems|warnings)\b)`;

/** A few words and a zero, such as `issues found: 0`. */
const zeroOf = String.raw`[a-z]+(?:\s+[a-z]+){0,3}\s*[:=]\s*0+(?:\.0+)?`;

/**
 * The same with words between the level and the number: `count: 3`, `rate = 0.5%`, and any few words before a zero that ends
 * the line, such as `issues found: 0`. `exit code: 1` is not a count.
 */
export const namedCount = String.raw`\s*(?:\(s\)\s*)?(?:(?:[a-z]+\s+){0,2}(?:counts?|totals?|rate|ratio|percentage)\s*[:=]\s*\d[\d.,_]*|${zeroOf})\s*%?\s*(?:$|[)\],;|])`;

const byWord = mapOf(words);
const byShortWord = mapOf(shortWords);

/** @param inLog whether the word is known to be in the head of a log line, so that `INF` and similar words are levels */
export function severityOfWord(word: string, inLog: boolean): Level | undefined {
  const known = byWord.get(word) ?? (inLog ? byShortWord.get(word) : undefined);
  if (known !== undefined) return known;
  const lower = word.toLowerCase();
  return byWord.get(lower) ?? (inLog ? byShortWord.get(lower) : undefined);
}

/** Levels of pino and bunyan: 10 trace, 20 debug, 30 info, 40 warn, 50 error, 60 fatal. Other numbers are ignored. */
export function severityOfPino(level: number): Level | undefined {
  if (level < 10 || level > 60) return undefined;
  if (level < 30) return 'debug';
  if (level < 40) return 'info';
  if (level < 50) return 'warning';
  return level < 60 ? 'error' : 'fatal';
}

/** RFC 5424: 0 emergency to 3 error, 4 warning, 5 notice, 6 informational, 7 debug. */
export function severityOfSyslog(level: number): Level {
  if (level < 1) return 'fatal';
  if (level < 4) return 'error';
  if (level === 4) return 'warning';
  return level < 7 ? 'info' : 'debug';
}

/** Severity numbers of OpenTelemetry: 1-4 trace, 5-8 debug, 9-12 info, 13-16 warn, 17-24 error and fatal. */
export function severityOfOtel(level: number): Level | undefined {
  if (level < 1 || level > 24) return undefined;
  if (level < 9) return 'debug';
  if (level < 13) return 'info';
  if (level < 17) return 'warning';
  return level < 21 ? 'error' : 'fatal';
}

function mapOf(table: Table): ReadonlyMap<string, Level> {
  // As written most often, so that the hot path of a busy log does not have to change the case of a word.
  return new Map(
    levels.flatMap((level) =>
      table[level].split(' ').flatMap((word): [string, Level][] => [
        [word, level],
        [word.toUpperCase(), level],
      ]),
    ),
  );
}
