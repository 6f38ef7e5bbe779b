// The texts of a Claude step with their values put in, at the moment the step comes up.
import type { ReadFile } from './check/claude.ts';
import type { Scope } from './expression/evaluate.ts';
import { renderTemplate } from './template.ts';
import type { ClaudeStep } from './workflow.ts';

export type ClaudeTexts = {
  readonly prompt: string;
  readonly model: string | undefined;
  readonly systemPrompt: string | undefined;
  readonly appendSystemPrompt: string | undefined;
};

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
  const { model, systemPrompt, appendSystemPrompt } = step;
  const rendered: Record<string, string> = {};
  for (const [field, text] of Object.entries({ prompt: template, model, systemPrompt, appendSystemPrompt })) {
    if (text === undefined) continue;
    const result = renderTemplate(text, scope);
    if (!result.ok) return { ok: false, message: `${field}: ${result.message}` };
    rendered[field] = result.text;
  }
  return {
    ok: true,
    texts: {
      prompt: rendered.prompt ?? '',
      model: rendered.model,
      systemPrompt: rendered.systemPrompt,
      appendSystemPrompt: rendered.appendSystemPrompt,
    },
  };
}
