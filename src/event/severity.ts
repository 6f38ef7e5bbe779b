// How grave a line of output is, read from the line itself where it says so, else from its stream. Pure and cheap: only the
// head of a line is looked at. What a level is called stands in level-names.ts, where it stands in a line in level-of-head.ts.
import { levelIn } from './level-of-head.ts';
import { maxHeadLength } from './level-of-object.ts';
import type { Severity, Stream } from './stream.ts';

/** What a line counts as that does not say it itself. Programs write progress to stderr as well, hence no `error`. */
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
  const byStream = severityOfStream[stream];
  if (stream === 'debug' || line.length === 0) return byStream;
  const head = line.toString('latin1', 0, Math.min(line.length, maxHeadLength));
  return levelIn(head, 0, head.length) ?? byStream;
}

/**
 * As `severityOfLine`, for a line that stands in a longer text (as Latin-1 or UTF-8: only ASCII is looked for).
 * It is not for stream `debug`.
 */
export function severityWithin(text: string, start: number, end: number, byStream: Severity): Severity {
  return levelIn(text, start, end) ?? byStream;
}
