// The texts of a Claude step with their values put in, at the moment the step comes up.
import type { ReadFile } from './check/claude.ts';
import { templatedKeys } from './claude-keys.ts';
import type { Scope } from './expression/evaluate.ts';
import { renderTemplate } from './template.ts';
import type { ClaudeStep } from './workflow.ts';

export type ClaudeTexts = { readonly prompt: string } & Pick<ClaudeStep, (typeof templatedKeys)[number]>;

export type RenderedClaude =
  | { readonly ok: true; readonly texts: ClaudeTexts }
  /** One sentence, fit for an outcome of reason `setup`. */
  | { readonly ok: false; readonly message: string };

/** Renders every field of a Claude step that may hold `{{ }}`. Reads the prompt file, which may be new by now. */
export function renderClaude(step: ClaudeStep, scope: Scope, readFile: ReadFile): RenderedClaude {
  const template = step.prompt.kind === 'inline' ? step.prompt.text : readFile(step.prompt.path);
  if (template === undefined) {
    const path = step.prompt.kind === 'file' ? step.prompt.path : '';
    return { ok: false, message: `the prompt file ${path} is not there or is not readable UTF-8 text` };
  }
  const prompt = renderTemplate(template, scope);
  if (!prompt.ok) return { ok: false, message: `prompt: ${prompt.message}` };
  const rendered: Partial<Record<(typeof templatedKeys)[number], string>> = {};
  for (const key of templatedKeys) {
    const text = step[key];
    if (text === undefined) continue;
    const result = renderTemplate(text, scope);
    if (!result.ok) return { ok: false, message: `${key}: ${result.message}` };
    rendered[key] = result.text;
  }
  return { ok: true, texts: { prompt: prompt.text, ...rendered } };
}
