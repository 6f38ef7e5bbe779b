// Reads the named outputs that a step wrote into the file that STEPSPAN_OUTPUTS names: lines `name=value`, texts of several
// lines between `name<<END` and `END`, or JSON objects. Pure; output-file.ts reads the file.
import type { JsonValue } from '../../core/step-output.ts';
import { idPattern } from '../../workflow/index.ts';

/** Far more than anybody names; a loop that appends endlessly stops here. */
const maxNamedOutputs = 200;

/** Problems with their line are reported up to this number; more of them have one cause. */
const maxProblems = 20;

type ParsedOutputs = {
  readonly outputs: Readonly<Record<string, JsonValue>>;
  /** One sentence each, with the number of the line. */
  readonly problems: readonly string[];
};

/** Later values take the place of earlier ones of the same name. */
export function parseOutputs(text: string): ParsedOutputs {
  const outputs = new Map<string, JsonValue>();
  const problems: string[] = [];
  let unreported = 0;
  const report = (line: number, problem: string): void => {
    if (problems.length < maxProblems) problems.push(`line ${line}: ${problem}`);
    else unreported += 1;
  };
  const add = (line: number, name: string, value: JsonValue): void => {
    if (!idPattern.test(name)) report(line, `${shown(name)} is not a name; ${nameRule}`);
    else if (!outputs.has(name) && outputs.size >= maxNamedOutputs)
      report(line, `${shown(name)} is over the bound of ${maxNamedOutputs} named outputs`);
    else outputs.set(name, value);
  };

  const content = text.replace(/^\ufeff/, '');
  const whole = objectIn(content);
  if (whole !== undefined) for (const [name, value] of Object.entries(whole)) add(1, name, value);
  else readLines(content, add, report);
  if (unreported > 0) problems.push(`${unreported} more lines with problems`);
  // Without a prototype, so that no name is one of its properties.
  return { outputs: Object.assign(Object.create(null), Object.fromEntries(outputs)), problems };
}

const nameRule = 'a name starts with a letter and has letters, digits, `-` and `_`, at most 64';

function readLines(
  text: string,
  add: (line: number, name: string, value: JsonValue) => void,
  report: (line: number, problem: string) => void,
): void {
  const lines = text.split('\n').map((line) => line.replace(/\r$/, ''));
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at] ?? '';
    if (line.trim() === '') continue;
    const number = at + 1;
    const object = objectIn(line);
    if (object !== undefined) {
      for (const [name, value] of Object.entries(object)) add(number, name, value);
      continue;
    }
    const block = /^([^=]*?)<<(.+)$/.exec(line);
    if (block !== null) {
      const [, name = '', end = ''] = block;
      const endAt = lines.indexOf(end, at + 1);
      if (endAt === -1) {
        report(number, `${shown(name)} has no end; add a line with ${shown(end)} alone`);
        continue;
      }
      add(number, name, lines.slice(at + 1, endAt).join('\n'));
      at = endAt;
      continue;
    }
    const equals = line.indexOf('=');
    if (equals === -1) report(number, `${shown(line)} has no value; write \`name=value\``);
    else add(number, line.slice(0, equals), line.slice(equals + 1));
  }
}

function objectIn(text: string): { readonly [key: string]: JsonValue } | undefined {
  if (!/^\s*\{/.test(text)) return undefined;
  try {
    const value: JsonValue = JSON.parse(text);
    return typeof value === 'object' && value !== null && !isList(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

/** Of a line in a message. */
const shownLength = 60;

function shown(text: string): string {
  return JSON.stringify(text.length > shownLength ? `${text.slice(0, shownLength)}...` : text);
}
