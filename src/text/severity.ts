// How severe a line of output is, read from the line itself where it says so, else from its stream. Pure and cheap: only the
// head of a line is looked at. Names of levels are in level-names.ts, their place in a line in level-of-head.ts.

import { levelIn } from './level-of-head.ts';
import { maxHeadLength } from './level-of-object.ts';
import { seenLine } from './seen.ts';
import type { Level, Severity, Stream } from './stream.ts';

/** What a line counts as that does not say it itself. Programs write progress to stderr as well, so it is not `error`. */
export const severityOfStream = {
  stdout: 'info',
  stderr: 'warning',
  system: 'info',
  debug: 'debug',
} as const satisfies Readonly<Record<Stream, Severity>>;

/**
 * @param line one line without its line end; escape sequences may be in it
 * @returns what the line says of itself, else the severity of its stream; `debug` lines are raw protocol and always `debug`
 */
export function severityOfLine(stream: Stream, line: Buffer): Severity {
  return severityOfLevel(levelOfLine(stream, line));
}

/** As `severityOfLine`, and `fatal` apart. */
export function levelOfLine(stream: Stream, line: Buffer): Level {
  const byStream = severityOfStream[stream];
  if (stream === 'debug' || line.length === 0) return byStream;
  // Only what was seen at its end counts of a line that redraws itself, as a bar does.
  const end = line.length > maxRedrawn ? line.subarray(line.length - maxRedrawn) : line;
  if (redraws.test(end.toString('latin1'))) return levelOfSeen(seenLine(end.toString('utf8')), byStream);
  const head = line.toString('latin1', 0, Math.min(line.length, maxHeadLength));
  return levelIn(head, 0, head.length) ?? byStream;
}

function severityOfLevel(level: Level): Severity {
  return level === 'fatal' ? 'error' : level;
}

/** Of a longer line only the end is looked at, because it was drawn last and reading a line must not cost its length. */
const maxRedrawn = 16 * 1024;
/** What writes over what was written: see text/screen.ts. Colours do not. */
const redraws = /\r(?!$)|\x08|(?:\x1b\[|\xc2\x9b)[\d;]*[A-HJKPX@`adefsu]|\x1b[78DEMc]/;

/** Of a line that drew several rows, the first row that says something counts. */
function levelOfSeen(seen: string, byStream: Severity): Level {
  for (const row of seen.split('\n')) {
    const level = levelIn(row, 0, Math.min(row.length, maxHeadLength));
    if (level !== undefined) return level;
  }
  return byStream;
}

/**
 * As `levelOfLine`, for a line inside a longer text (as Latin-1 or UTF-8: only ASCII is looked for).
 * It is not for stream `debug`, and not for a line that redraws itself.
 */
export function levelWithin(text: string, start: number, end: number, byStream: Severity): Level {
  return levelIn(text, start, end) ?? byStream;
}

/** As `levelWithin`, without `fatal`. */
export function severityWithin(text: string, start: number, end: number, byStream: Severity): Severity {
  return severityOfLevel(levelWithin(text, start, end, byStream));
}
