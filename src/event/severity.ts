// How grave a line of output is, read from the line itself where it says so, else from its stream. Pure and cheap:
// only the head of the line is looked at, and the common formats only (JSON, logfmt, a level word near the start).
import { stripAnsi } from './ansi.ts';
import type { Severity, Stream } from './stream.ts';

/** What a line counts as that does not say it itself. Programs write progress to stderr as well, hence no `error`. */
export const severityOfStream = {
  stdout: 'info',
  stderr: 'warning',
  system: 'info',
  debug: 'debug',
} as const satisfies Readonly<Record<Stream, Severity>>;

/** A level stands in the head of a line: time stamp, host and logger name fit in; message text mostly does not. */
const headBytes = 256;
/** A bare level word counts only this near to the start, so that a message which mentions ERROR is not one. */
const wordWithin = 64;

const inJson =
  /"(?:level|severity|severity_text|severityText|lvl|levelname|log\.level|loglevel)"\s*:\s*(?:"([A-Za-z]+)|(\d+))/;
const inLogfmt = /(?:^|[ \t])(?:level|lvl|severity|loglevel)=["']?([A-Za-z]+)/;
/** Upper case stands on its own; lower case needs a bracket or a colon, since `error` and `info` are words of prose. */
const upperWord =
  /(?:^|[^A-Za-z0-9_.])(TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERR|ERROR|FATAL|CRITICAL|CRIT|ALERT|EMERG|PANIC|SEVERE)(?![A-Za-z0-9_])/;
const markedWord = /(?:^|[ \t])(?:[[(<]([A-Za-z]+)[\])>]|([A-Za-z]+):(?=[ \t]|$))/;
/** `npm warn …` and `npm error …`, and the last line of a stack trace in JavaScript, Java and Python. */
const npmWord = /^npm (warn|error|notice|info|verb)/i;
const thrown =
  /^(?:Uncaught )?(?:[A-Za-z_$][\w$]*\.)*[A-Z]\w*(?:Error|Exception)(?::|$| \[)|^Traceback \(most recent call last\)/;

/** Anything that the expressions above could find, so that most lines cost one test. */
const anyLevel = /lev|sever|lvl|trace|debug|info|notice|warn|err|fatal|crit|alert|emerg|panic|exception|npm/i;

const levels: Readonly<Record<string, Severity>> = {
  trace: 'debug',
  verb: 'debug',
  verbose: 'debug',
  debug: 'debug',
  info: 'info',
  information: 'info',
  informational: 'info',
  notice: 'info',
  warn: 'warning',
  warning: 'warning',
  err: 'error',
  error: 'error',
  fatal: 'error',
  crit: 'error',
  critical: 'error',
  alert: 'error',
  emerg: 'error',
  emergency: 'error',
  panic: 'error',
  severe: 'error',
};

/** As written most often, so that the hot path of a busy log need not change the case of a word. */
const byWord = new Map(
  Object.entries(levels).flatMap(([word, severity]) => [
    [word, severity] as const,
    [word.toUpperCase(), severity] as const,
  ]),
);

/** Whether a whole batch of lines can be given the severity of its stream without a look at each line. */
export function mentionsLevel(text: string): boolean {
  return anyLevel.test(text);
}

/**
 * @param line one line without its line end; escape sequences may be in it
 * @returns what the line says of itself, else the severity of its stream; `debug` lines are raw protocol and always `debug`
 */
export function severityOfLine(stream: Stream, line: Buffer): Severity {
  const byStream = severityOfStream[stream];
  if (stream === 'debug' || line.length === 0) return byStream;
  return severityOfHead(line.toString('latin1', 0, Math.min(line.length, headBytes)), byStream);
}

/** As `severityOfLine`, for the head of a line that was decoded already (Latin-1 or UTF-8: only ASCII is looked for). */
export function severityOfHead(head: string, byStream: Severity): Severity {
  if (!anyLevel.test(head)) return byStream;
  const text = head.includes('\x1b') ? stripAnsi(head) : head;
  return said(text) ?? byStream;
}

function said(text: string): Severity | undefined {
  const start = text.trimStart();
  if (start.startsWith('{')) {
    const json = inJson.exec(start);
    if (json === null) return undefined;
    return json[1] === undefined ? ofNumber(Number(json[2])) : ofWord(json[1]);
  }
  const logfmt = inLogfmt.exec(text);
  if (logfmt !== null) return ofWord(logfmt[1]);
  const near = start.slice(0, wordWithin);
  const upper = upperWord.exec(near);
  if (upper !== null) return ofWord(upper[1]);
  const npm = npmWord.exec(near);
  if (npm !== null) return ofWord(npm[1]);
  if (thrown.test(near)) return 'error';
  const marked = markedWord.exec(near);
  return marked === null ? undefined : ofWord(marked[1] ?? marked[2]);
}

function ofWord(word: string | undefined): Severity | undefined {
  return word === undefined ? undefined : (byWord.get(word) ?? byWord.get(word.toLowerCase()));
}

/** Levels of pino and bunyan: 10 trace, 20 debug, 30 info, 40 warn, 50 error, 60 fatal. Others say nothing we could trust. */
function ofNumber(level: number): Severity | undefined {
  if (level < 10 || level > 60) return undefined;
  if (level < 30) return 'debug';
  if (level < 40) return 'info';
  return level < 50 ? 'warning' : 'error';
}
