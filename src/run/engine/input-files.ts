// The files that a step is given by the workflow: its prompt and its MCP configuration. Hashed when an attempt starts, so that a
// later resume can see whether they are still the same. Files that a command reads itself are not known.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Step } from '../../workflow/workflow.ts';

/** Absolute paths. */
export function inputFilesOf(step: Step): readonly string[] {
  if (step.kind !== 'claude') return [];
  const { prompt, mcpConfig } = step;
  return [...(prompt.kind === 'file' ? [prompt.path] : []), ...(typeof mcpConfig === 'string' ? [mcpConfig] : [])];
}

/** SHA-256 in hex by path; '' for a file that cannot be read. */
export function hashInputFiles(step: Step): Readonly<Record<string, string>> {
  return Object.fromEntries(inputFilesOf(step).map((file) => [file, hashOf(file)]));
}

function hashOf(file: string): string {
  try {
    return createHash('sha256').update(readFileSync(file)).digest('hex');
  } catch {
    return '';
  }
}
