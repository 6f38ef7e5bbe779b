// Where a line of JSON says how severe it is. Pure. The line is searched and not parsed: it is long, often cut off, and on the hot path.

import { severityOfOtel, severityOfPino, severityOfSyslog, severityOfWord } from './level-names.ts';
import type { Level } from './stream.ts';

/** In an object the level can follow the message, as structlog and python-json-logger write it. */
export const maxHeadLength = 2048;

/** Serilog has `@l`, ECS `log.level`, Python `levelname`, journald `PRIORITY`, pino and bunyan numbers. */
const fields =
  /"(level|severity|severity_?text|lvl|levelname|log\.?level|@l|severity_?number|priority)"\s*:\s*(?:"([A-Za-z]+)|"?(\d{1,3})\b)/gi;
/** What marks GELF, which has the numbers of syslog in `level`. */
const isGelf = /"short_message"\s*:/;

/**
 * @param text begins with the brace of the object, and may be cut off
 * @returns what a field of the object itself says; else what one of an object inside of it says, as ECS has `log: {level}`
 */
export function levelOfObject(text: string): Level | undefined {
  let inside: Level | undefined;
  let depth = 0;
  let from = 0;
  // Not matchAll, which copies the expression for each line.
  fields.lastIndex = 0;
  for (let found = fields.exec(text); found !== null; found = fields.exec(text)) {
    depth += depthOf(text, from, found.index);
    from = found.index;
    const said = levelOfField(found, text);
    if (said !== undefined && depth <= 1) return said;
    inside ??= said;
  }
  return inside;
}

function levelOfField([, key = '', word, number]: RegExpExecArray, text: string): Level | undefined {
  if (word !== undefined) return severityOfWord(word, true);
  const level = Number(number);
  if (/^severity_?number$/i.test(key)) return severityOfOtel(level);
  // In lower case it is the priority of a task or a packet.
  if (/^priority$/i.test(key)) return key === 'PRIORITY' && level < 8 ? severityOfSyslog(level) : undefined;
  return level < 8 && isGelf.test(text) ? severityOfSyslog(level) : severityOfPino(level);
}

/** How many objects and arrays more are open at `end` than at `start`, both outside of strings. */
function depthOf(text: string, start: number, end: number): number {
  let depth = 0;
  let quoted = false;
  for (let at = start; at < end; at++) {
    const code = text.charCodeAt(at);
    if (code === backslash) at++;
    else if (code === quote) quoted = !quoted;
    else if (quoted) continue;
    else if (code === openBrace || code === openBracket) depth++;
    else if (code === closeBrace || code === closeBracket) depth--;
  }
  return depth;
}

const backslash = 0x5c;
const quote = 0x22;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;
