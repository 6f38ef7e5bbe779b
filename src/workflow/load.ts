// Reads a workflow file from disk. The only IO of this folder, besides finding the schema for `init`.
import { readFileSync, statSync } from 'node:fs';
import { errorCode, toError } from '../core/errors.ts';
import { unreachable } from '../core/unreachable.ts';
import type { ReadFile } from './check/claude.ts';
import { type DefineOptions, parseWorkflow, type WorkflowResult } from './parse.ts';
import { maxFileBytes } from './source/yaml-tree.ts';

/**
 * Reads and checks the workflow in `file`, and the templates in those of its prompt files that exist.
 * A file that cannot be read is a problem like any other, at its first line.
 */
export function loadWorkflow(file: string, options: DefineOptions = {}): WorkflowResult {
  const content = readText(file, maxFileBytes);
  if (!content.ok) {
    const problem = { file, line: 1, column: 1, path: '', ...problemOfWorkflowFile(content) };
    return { ok: false, problems: [problem] };
  }
  return parseWorkflow(content.text, { readFile: readPrompt, ...options, file });
}

/** Far more than any model accepts as a prompt. */
export const maxPromptBytes = 4 * 1024 * 1024;

/** The text of a prompt file; undefined if it does not exist yet, is too big or not UTF-8. */
export const readPrompt: ReadFile = (path) => {
  const content = readText(path, maxPromptBytes);
  return content.ok ? content.text : undefined;
};

/** Why a prompt file cannot be used; undefined if it can. */
export function problemOfPromptFile(file: string): { readonly message: string; readonly fix: string } | undefined {
  const content = readText(file, maxPromptBytes);
  if (content.ok) return undefined;
  const what = `the prompt file ${file}`;
  switch (content.why) {
    case 'missing':
      return { message: `${what} does not exist`, fix: 'create it, or correct `promptFile`' };
    case 'folder':
      return { message: `${what} is a folder`, fix: 'name a file in `promptFile`' };
    case 'too_big':
      return {
        message: `${what} has ${content.bytes} bytes, more than the ${maxPromptBytes} that a prompt may have`,
        fix: 'let Claude read the file itself: name it in the prompt',
      };
    case 'encoding':
      return { message: `${what} is not UTF-8 text`, fix: 'save it as UTF-8' };
    case 'unreadable':
      return { message: `${what} cannot be read: ${content.cause}`, fix: 'check its permissions' };
    default:
      return unreachable(content);
  }
}

type Content = { readonly ok: true; readonly text: string } | ({ readonly ok: false } & Unreadable);

type Unreadable =
  | { readonly why: 'missing' | 'folder' | 'encoding' }
  | { readonly why: 'too_big'; readonly bytes: number }
  | { readonly why: 'unreadable'; readonly cause: string };

function readText(file: string, maxBytes: number): Content {
  try {
    const stat = statSync(file);
    if (stat.isDirectory()) return { ok: false, why: 'folder' };
    if (stat.size > maxBytes) return { ok: false, why: 'too_big', bytes: stat.size };
    return { ok: true, text: new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file)) };
  } catch (error) {
    const code = errorCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return { ok: false, why: 'missing' };
    if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') return { ok: false, why: 'encoding' };
    return { ok: false, why: 'unreadable', cause: toError(error).message };
  }
}

function problemOfWorkflowFile(found: Unreadable): { readonly message: string; readonly fix: string } {
  switch (found.why) {
    case 'missing':
      return { message: 'this file does not exist', fix: 'check the path; `stepspan init` writes a first workflow' };
    case 'folder':
      return { message: 'this is a folder', fix: 'name the workflow file in it' };
    case 'too_big':
      return {
        message: `the file has ${found.bytes} bytes, more than the ${maxFileBytes} that it may have`,
        fix: 'move long prompts to files of their own and name them with `promptFile`',
      };
    case 'encoding':
      return { message: 'the file is not UTF-8 text', fix: 'save it as UTF-8' };
    case 'unreadable':
      return { message: `the file cannot be read: ${found.cause}`, fix: 'check the path and its permissions' };
    default:
      return unreachable(found);
  }
}
