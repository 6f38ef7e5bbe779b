// Which argument of a tool call says most about it. Pure. Used where people read one line about a call, and for what a step does now.

/** Names of the arguments that say most about a call, the best first. From the tools of Claude Code 2.1.328. */
const argumentsByWeight = [
  'command',
  'file_path',
  'notebook_path',
  'path',
  'pattern',
  'query',
  'url',
  'description',
  'skill',
  'prompt',
  'subject',
  'task_id',
  'name',
];

/** @returns the argument as text, '' if there is none */
export function mainArgument(input: unknown): string {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) return '';
  const fields = new Map<string, unknown>(Object.entries(input));
  const key =
    typeof fields.get('pattern') === 'string' ? 'pattern' : argumentsByWeight.find((each) => isText(fields.get(each)));
  if (key !== undefined) return String(fields.get(key));
  if (fields.size === 0) return '';
  const todos = fields.get('todos');
  return Array.isArray(todos) && todos.length > 0 ? `${todos.length} items` : JSON.stringify(input);
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

/** The first line that says something, and a mark if more follow. */
export function firstLine(text: string): string {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  return lines.length > 1 ? `${lines[0]} …` : (lines[0] ?? '');
}
