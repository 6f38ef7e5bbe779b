// A line that is a JSON object, as its fields: what it says first, then the others by name. Pure. Called by screen.ts.
import { parseLine, plainText, type Run } from './ansi-line.ts';
import type { OutputLine } from './line.ts';

/** A longer one is data, and is shown as it is. */
const maxChars = 16 * 1024;
const maxDepth = 3;

const levelNames = ['level', 'severity', 'lvl', 'loglevel', 'levelname'];
const messageNames = ['msg', 'message'];

const looks: Readonly<Record<OutputLine['severity'], string>> = { error: '31', warning: '33', info: '34', debug: '2' };

const known = new WeakMap<OutputLine, readonly Run[] | 'none'>();

export function fieldsOf(line: OutputLine): readonly Run[] | undefined {
  const before = known.get(line);
  if (before !== undefined) return before === 'none' ? undefined : before;
  const runs = runsOf(line);
  known.set(line, runs ?? 'none');
  return runs;
}

function runsOf({ text, severity }: OutputLine): readonly Run[] | undefined {
  const trimmed = text.trim();
  if (!trimmed.startsWith('{') || !trimmed.endsWith('}') || trimmed.length > maxChars) return undefined;
  const value = parsed(trimmed);
  if (value === undefined) return undefined;
  const fields = flattened(value, '', 0);
  const level = fields.find(([name]) => levelNames.includes(name.toLowerCase()));
  const message = fields.find(([name, field]) => messageNames.includes(name) && typeof field === 'string');
  // Without one of them it is data rather than a record of a log.
  if (level === undefined && message === undefined) return undefined;
  const rest = fields.filter((field) => field !== level && field !== message);
  return [
    ...(level === undefined ? [] : [run(looks[severity], words(level[1])), run('', ' ')]),
    ...(message === undefined ? [] : [run('1', words(message[1])), run('', ' ')]),
    ...rest.flatMap(([name, field]) => [run('2', `${words(name)}=`), run('', `${quoted(field)} `)]),
  ];
}

function run(sgr: string, text: string): Run {
  return { sgr, text, link: undefined };
}

function parsed(text: string): object | undefined {
  try {
    // A number with more digits than one of JavaScript has stays as it is written.
    const value: unknown = JSON.parse(text, (_name, field: unknown, context?: { readonly source?: string }) =>
      typeof field === 'number' && Math.abs(field) > Number.MAX_SAFE_INTEGER ? (context?.source ?? field) : field,
    );
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function flattened(value: object, prefix: string, depth: number): readonly (readonly [string, unknown])[] {
  return Object.entries(value).flatMap(([name, field]) => {
    const isNested = typeof field === 'object' && field !== null && !Array.isArray(field) && depth < maxDepth;
    return isNested && Object.keys(field).length > 0
      ? flattened(field, `${prefix}${name}.`, depth + 1)
      : [[`${prefix}${name}`, field] as const];
  });
}

/** Escape sequences and line feeds of a text stay what they are in JSON: they are not to act on the screen. */
function words(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return /[\x00-\x1f\x7f-\x9f]/.test(text) ? safe(JSON.stringify(text)) : safe(text);
}

function quoted(value: unknown): string {
  return typeof value === 'string' && /^[\w./:@+-]+$/.test(value) ? value : safe(JSON.stringify(value));
}

/** What `JSON.stringify` leaves as it is may still have a meaning for a terminal. */
function safe(text: string): string {
  return plainText(parseLine(text).runs).replaceAll('\n', ' ');
}
