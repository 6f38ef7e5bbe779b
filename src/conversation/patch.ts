// What a tool call changed in a file, as hunks of a unified diff: from the result of the call, which has line numbers and context, or
// from its input while it has no result. Pure. Called by source-message.ts and tool-call.ts.
import { type JsonObject, numberAt, objectsAt, textAt } from '../core/json.ts';

export type Hunk = {
  /** Of the first line, from 1; 0 if it is not known. */
  readonly oldStart: number;
  readonly newStart: number;
  /** Each begins with `+`, `-` or a blank. */
  readonly lines: readonly string[];
};

export type Patch = {
  readonly file: string;
  readonly hunks: readonly Hunk[];
  readonly added: number;
  readonly removed: number;
  /** The file did not exist before. */
  readonly isNew: boolean;
  /** Lines were left out behind the bound; `added` and `removed` count them. */
  readonly isCut: boolean;
};

/** A change as a whole. */
type Change = Pick<Patch, 'file' | 'hunks' | 'isNew'>;

/** More lines of one change than anybody reads in place; the raw message has all of them. */
const MAX_LINES = 1_000;
const MAX_CHARACTERS = 64 * 1024;
const MAX_LINE_CHARACTERS = 2_000;

/** Of the structured result of Edit, Write and NotebookEdit; undefined for one that changed no file. */
export function patchOfResult(result: JsonObject): Patch | undefined {
  const file = textAt(result, 'filePath') ?? textAt(result, 'notebook_path');
  if (file === undefined) return undefined;
  const hunks = objectsAt(result, 'structuredPatch').map((hunk) => ({
    oldStart: numberAt(hunk, 'oldStart') ?? 0,
    newStart: numberAt(hunk, 'newStart') ?? 0,
    lines: linesOf(hunk),
  }));
  if (hunks.length > 0) return boundPatch({ file, hunks, isNew: false });
  const created = result.type === 'create' ? textAt(result, 'content') : undefined;
  if (created !== undefined) return boundPatch(addedFile(file, created));
  const cell = textAt(result, 'new_source');
  return cell === undefined ? undefined : boundPatch(cellChange(file, cell, textAt(result, 'old_source')));
}

/** Of the input of a call that has no result yet, or whose result names no lines. */
export function patchOfInput(tool: string, input: JsonObject): Patch | undefined {
  const change = changeOfInput(tool, input);
  return change === undefined ? undefined : boundPatch(change);
}

/** As `patchOfInput`, however long it is. */
export function changeOfInput(tool: string, input: JsonObject): Change | undefined {
  const file = textAt(input, 'file_path') ?? textAt(input, 'notebook_path');
  if (file === undefined) return undefined;
  switch (tool) {
    case 'Write':
      return addedFile(file, textAt(input, 'content') ?? '');
    case 'Edit':
      return replacedText(file, [input]);
    case 'MultiEdit':
      return replacedText(file, objectsAt(input, 'edits'));
    case 'NotebookEdit':
      return cellChange(file, textAt(input, 'new_source') ?? '', undefined);
    default:
      return undefined;
  }
}

function linesOf(hunk: JsonObject): readonly string[] {
  const { lines } = hunk;
  return Array.isArray(lines) ? lines.filter((line) => typeof line === 'string') : [];
}

function addedFile(file: string, content: string): Change {
  const lines = textLines(content).map((line) => `+${line}`);
  return { file, hunks: lines.length === 0 ? [] : [{ oldStart: 0, newStart: 1, lines }], isNew: true };
}

function cellChange(file: string, now: string, before: string | undefined): Change {
  return { file, hunks: [replacedLines(before ?? '', now)], isNew: false };
}

function replacedText(file: string, edits: readonly JsonObject[]): Change {
  const hunks = edits.map((edit) => replacedLines(textAt(edit, 'old_string') ?? '', textAt(edit, 'new_string') ?? ''));
  return { file, hunks, isNew: false };
}

/** Lines that both texts begin or end with are context; where in the file they are is not known. */
function replacedLines(before: string, now: string): Hunk {
  const old = textLines(before);
  const next = textLines(now);
  let head = 0;
  while (head < old.length && head < next.length && old[head] === next[head]) head += 1;
  let tail = 0;
  while (tail < old.length - head && tail < next.length - head && old.at(-1 - tail) === next.at(-1 - tail)) tail += 1;
  const lines = [
    ...old.slice(0, head).map((line) => ` ${line}`),
    ...old.slice(head, old.length - tail).map((line) => `-${line}`),
    ...next.slice(head, next.length - tail).map((line) => `+${line}`),
    ...next.slice(next.length - tail).map((line) => ` ${line}`),
  ];
  return { oldStart: 0, newStart: 0, lines };
}

function textLines(text: string): readonly string[] {
  if (text === '') return [];
  return (text.endsWith('\n') ? text.slice(0, -1) : text).split('\n');
}

function boundPatch({ file, hunks, isNew }: Change): Patch {
  const all = hunks.flatMap(({ lines }) => lines);
  let left = MAX_LINES;
  let characters = MAX_CHARACTERS;
  let isCut = false;
  const kept = hunks.flatMap((hunk) => {
    const lines = hunk.lines
      .slice(0, Math.max(0, left))
      .map((line) => line.slice(0, MAX_LINE_CHARACTERS).toWellFormed());
    const end = lines.findIndex((line) => {
      characters -= line.length;
      return characters < 0;
    });
    const shown = end === -1 ? lines : lines.slice(0, end);
    isCut ||= shown.length < hunk.lines.length;
    left -= hunk.lines.length;
    return shown.length === 0 ? [] : [{ ...hunk, lines: shown }];
  });
  return {
    file,
    hunks: kept,
    added: all.filter((line) => line.startsWith('+')).length,
    removed: all.filter((line) => line.startsWith('-')).length,
    isNew,
    isCut,
  };
}
