// What a person reads before answering a question of Claude Code: the input of the call in parts, whole, with a change as a diff. Pure.
// Called by the terminal and the page.
import { parseObject } from '../core/json.ts';
import { showHidden } from '../text/hidden.ts';
import { changeOfInput } from './patch.ts';

export type QuestionPart = {
  /** Name of the field, or `change`. */
  readonly name: string;
  /** `sign` is that of a diff; '' for what is not one. Characters that nobody sees are written out. */
  readonly lines: readonly { readonly sign: '' | ' ' | '+' | '-'; readonly text: string }[];
};

/** @param input as JSON text; one that was cut is shown as it is */
export function questionParts(tool: string, input: string): readonly QuestionPart[] {
  const fields = parseObject(input);
  if (fields === undefined) return [{ name: 'input', lines: plainLines(input) }];
  const change = changeOfInput(tool, fields);
  const changed: ReadonlySet<string> = new Set(change === undefined ? [] : changeFields);
  const parts = Object.entries(fields)
    .filter(([name]) => !changed.has(name))
    .map(([name, value]) => ({
      name: showHidden(name),
      lines: plainLines(typeof value === 'string' ? value : JSON.stringify(value)),
    }));
  if (change === undefined) return parts;
  const lines = change.hunks.flatMap((hunk) =>
    hunk.lines.map((line) => ({ sign: signOf(line), text: showHidden(line.slice(1)) })),
  );
  return [...parts, { name: 'change', lines }];
}

/** They are in the diff. */
const changeFields = ['content', 'old_string', 'new_string', 'edits', 'new_source'];

function plainLines(text: string): QuestionPart['lines'] {
  return text.split('\n').map((line) => ({ sign: '' as const, text: showHidden(line) }));
}

function signOf(line: string): '+' | '-' | ' ' {
  return line.startsWith('+') ? '+' : line.startsWith('-') ? '-' : ' ';
}
