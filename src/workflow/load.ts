// Reads a workflow file from disk. The only IO of this folder, besides finding the schema for `init`.
import { readFileSync, statSync } from 'node:fs';
import type { ReadFile } from './check/claude.ts';
import { type DefineOptions, parseWorkflow, type WorkflowResult } from './parse.ts';
import { maxFileBytes } from './source/yaml-tree.ts';

/**
 * Reads and checks the workflow in `file`, and the templates in those of its prompt files that are there.
 * A file that cannot be read is a problem like any other, at its first line.
 */
export function loadWorkflow(file: string, options: DefineOptions = {}): WorkflowResult {
  const content = readText(file, maxFileBytes);
  if (!content.ok) {
    const { message, fix } = content;
    return { ok: false, problems: [{ file, line: 1, column: 1, path: '', message, fix }] };
  }
  return parseWorkflow(content.text, { readFile: readPrompt, ...options, file });
}

/** A prompt of this size is far more than any model takes. */
export const maxPromptBytes = 4 * 1024 * 1024;

/** The text of a prompt file, or undefined when it is not there (yet), too big or not UTF-8. */
export const readPrompt: ReadFile = (path) => {
  const content = readText(path, maxPromptBytes);
  return content.ok ? content.text : undefined;
};

type Content =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly message: string; readonly fix: string };

function readText(file: string, maxBytes: number): Content {
  try {
    const stat = statSync(file);
    if (stat.isDirectory()) return { ok: false, message: 'this is a folder', fix: 'name the workflow file in it' };
    if (stat.size > maxBytes) {
      const message = `the file has ${stat.size} bytes, more than the ${maxBytes} that it may have`;
      return { ok: false, message, fix: 'move long prompts to files of their own and name them with `promptFile`' };
    }
    return { ok: true, text: new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file)) };
  } catch (error) {
    return { ok: false, ...reasonOf(error) };
  }
}

function reasonOf(error: unknown): { readonly message: string; readonly fix: string } {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return { message: 'there is no such file', fix: 'check the path; `stepspan init` writes a first workflow' };
    case 'EACCES':
    case 'EPERM':
      return { message: 'the file may not be read', fix: 'check its permissions' };
    case 'ERR_ENCODING_INVALID_ENCODED_DATA':
      return { message: 'the file is not UTF-8 text', fix: 'save it as UTF-8' };
    default:
      return { message: `the file cannot be read: ${(error as Error).message}`, fix: 'check the path' };
  }
}
