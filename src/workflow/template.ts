// Texts with `{{ params.x }}` and `{{ steps.a.output }}` in them: prompts, and the values of `env`. Never a shell
// command: a value that is spliced into one can change what it does.
import { evaluate, type Scope } from './expression/evaluate.ts';
import type { Mistake } from './expression/lex.ts';
import { parseTemplateOperand } from './expression/parse.ts';
import type { Expression } from './workflow.ts';

export type TemplatePart =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'value'; readonly operand: Expression; readonly index: number };

/** What may stand between braces. Prompts are about code, in which braces of other tools are common. */
export const templateFix =
  "write `{{ params.NAME }}` or `{{ steps.ID.output }}`; for two braces as they are, write `{{ '{{' }}`";

export type ParsedTemplate = { readonly parts: readonly TemplatePart[]; readonly mistakes: readonly Mistake[] };

/**
 * Cuts a text at its `{{ }}`. A text in quotes stands for itself, so `{{ '{{' }}` is two braces.
 * Every mistake is found: after one, the search continues behind its braces.
 */
export function parseTemplate(text: string): ParsedTemplate {
  const parts: TemplatePart[] = [];
  const mistakes: Mistake[] = [];
  let at = 0;
  for (let open = text.indexOf('{{'); open !== -1; open = text.indexOf('{{', at)) {
    if (open > at) parts.push({ kind: 'text', text: text.slice(at, open) });
    const parsed = parseTemplateOperand(text, open + 2);
    if (parsed.ok) {
      parts.push({ kind: 'value', operand: parsed.operand, index: parsed.index });
      at = parsed.end;
    } else {
      mistakes.push({ ...parsed.mistake, fix: templateFix });
      at = open + 2;
    }
  }
  if (at < text.length) parts.push({ kind: 'text', text: text.slice(at) });
  return { parts, mistakes };
}

/** The paths of the references in a text, as `['env', 'HOME']`. */
export function referencesOf(template: string): readonly (readonly string[])[] {
  return parseTemplate(template).parts.flatMap((part) =>
    part.kind === 'value' && part.operand.kind === 'reference' ? [part.operand.path] : [],
  );
}

export type Rendered =
  | { readonly ok: true; readonly text: string }
  /** One sentence: which value is not there and why. */
  | { readonly ok: false; readonly message: string };

/** Puts the values in. Fails on a text that `parseTemplate` has mistakes in, and on values that are not there. */
export function renderTemplate(template: string, scope: Scope): Rendered {
  const { parts, mistakes } = parseTemplate(template);
  const [mistake] = mistakes;
  if (mistake !== undefined) return { ok: false, message: `${mistake.message}: ${mistake.fix}` };
  let text = '';
  for (const part of parts) {
    if (part.kind === 'text') {
      text += part.text;
      continue;
    }
    const value = evaluate(part.operand, scope);
    if (!value.ok) return value;
    text += String(value.value);
  }
  return { ok: true, text };
}

/** The path of a reference that is written without braces; undefined if the text is something else. */
export function referenceIn(text: string): readonly string[] | undefined {
  const { parts, mistakes } = parseTemplate(`{{ ${text} }}`);
  const [part] = parts;
  if (mistakes.length > 0 || parts.length !== 1 || part?.kind !== 'value') return undefined;
  return part.operand.kind === 'reference' ? part.operand.path : undefined;
}
