// Reads every text of a workflow that has a language of its own: `when`, templates, and shell commands.
import { templatedKeys } from '../claude-keys.ts';
import {
  namedOutputPrefix,
  namedOutputVariable,
  outcomeVariable,
  outputVariable,
  paramVariable,
} from '../environment.ts';
import { parseTemplateOperand } from '../expression/parse.ts';
import { parseWhen } from '../expression/when.ts';
import type { Path } from '../problem.ts';
import { isMapping, shorten } from '../source/tree.ts';
import { didYouMean } from '../suggest.ts';
import { parseTemplate, templateFix } from '../template.ts';
import { checkEnvValue } from './env-values.ts';
import { type Outline, type OutlineStep, stepLabel } from './outline.ts';
import { type Complaint, complainOf, complainOfEnv, complainOfOrder, complainOfOutcome } from './references.ts';

/** Fields of a step in which `{{ }}` would be taken literally, which nobody wants. */
const plainFields = ['name', 'cwd'] as const;
const plainClaudeFields = ['promptFile', 'mcpConfig', 'permissionMode'] as const;

/** Looked at in one text. Each costs a walk over the text for its column, and nobody reads so many. */
const maxMistakes = 100;

export type TemplateUse = 'prompt' | 'env' | 'label';

/** A label is known before the first step, so it can name params alone. */
const labelFix = 'write `{{ params.NAME }}`; a value from elsewhere comes with `stepspan run FILE --label KEY=VALUE`';

/** Reports mistakes inside texts, at their column. */
export function checkTexts(outline: Outline): void {
  checkEnv(outline.root.env, ['env'], undefined, outline);
  for (const step of outline.steps) {
    const { raw, path } = step;
    checkWhen(step, outline);
    checkEnv(raw.env, [...path, 'env'], step, outline);
    for (const [index, text] of commandTexts(raw.run)) {
      checkCommandText(text, index === undefined ? [...path, 'run'] : [...path, 'run', index], step, outline);
    }
    for (const field of plainFields) checkPlain(raw[field], [...path, field], outline);
    if (typeof raw.approve === 'string') checkTemplate(raw.approve, [...path, 'approve'], step, outline);
    if (isMapping(raw.approve)) checkTemplate(raw.approve.message, [...path, 'approve', 'message'], step, outline);
    if (typeof raw.claude === 'string') checkTemplate(raw.claude, [...path, 'claude'], step, outline);
    if (!isMapping(raw.claude)) continue;
    for (const field of ['prompt', ...templatedKeys])
      checkTemplate(raw.claude[field], [...path, 'claude', field], step, outline);
    for (const field of plainClaudeFields) checkPlain(raw.claude[field], [...path, 'claude', field], outline);
  }
}

/**
 * Mistakes in a template, as positions in its text. Also used on prompt files.
 * @param step the step it belongs to; undefined for the `env` and the `labels` of the workflow
 * @param use only in values of `env` does `{{ env.NAME }}` mean something: prompts are often about other tools' own
 */
export function mistakesOfTemplate(
  text: string,
  step: OutlineStep | undefined,
  outline: Outline,
  use: TemplateUse = 'prompt',
): readonly (Complaint & { readonly index: number })[] {
  const { parts, mistakes } = parseTemplate(text);
  const unknown = parts.flatMap((part) => {
    if (part.kind === 'text' || part.operand.kind !== 'reference') return [];
    const found = { path: part.operand.path, index: part.index };
    const complaint =
      use === 'env' && found.path[0] === 'env' ? complainOfEnv(found) : complainOf(found, step, outline);
    if (complaint === undefined) return [];
    const { index } = part;
    if (found.path[0] === 'params') return [{ ...complaint, index }];
    if (use === 'label') return [{ ...complaint, fix: labelFix, index }];
    return [{ ...complaint, ...(found.path[0] === 'steps' ? {} : { fix: `${complaint.fix}; ${templateFix}` }), index }];
  });
  const malformed = use === 'label' ? mistakes.map((mistake) => ({ ...mistake, fix: labelFix })) : mistakes;
  return [...malformed, ...unknown].sort((a, b) => a.index - b.index).slice(0, maxMistakes);
}

function checkTemplate(text: unknown, path: Path, step: OutlineStep | undefined, outline: Outline): void {
  if (typeof text !== 'string') return;
  for (const { index, message, fix } of mistakesOfTemplate(text, step, outline)) {
    outline.report(outline.tree.placeOf(path, index), message, fix);
  }
}

function checkEnv(env: unknown, path: Path, step: OutlineStep | undefined, outline: Outline): void {
  for (const [name, value] of Object.entries(isMapping(env) ? env : {})) {
    if (typeof value !== 'string') continue;
    for (const { index, message, fix } of mistakesOfTemplate(value, step, outline, 'env')) {
      outline.report(outline.tree.placeOf([...path, name], index), message, fix);
    }
    checkEnvValue(value, [...path, name], step, outline);
  }
}

function checkPlain(text: unknown, path: Path, { tree, report }: Outline): void {
  const index = typeof text === 'string' ? text.search(/\{\{\s*(params|steps|env)\b/) : -1;
  if (index === -1) return;
  const message = `\`{{ }}\` has no meaning in \`${String(path.at(-1))}\``;
  report(
    tree.placeOf(path, index),
    message,
    'write the value itself; templates work in prompts, system prompts, `model` and `env`',
  );
}

function checkWhen(step: OutlineStep, outline: Outline): void {
  const { tree, report } = outline;
  const { when } = step.raw;
  if (typeof when !== 'string' && typeof when !== 'boolean') return;
  const path = [...step.path, 'when'];
  const parsed = parseWhen(when);
  if (!parsed.ok) {
    report(tree.placeOf(path, parsed.mistake.index), parsed.mistake.message, parsed.mistake.fix);
    return;
  }
  if (parsed.when.kind === 'failure' && step.needs.length === 0) {
    const message = `\`failure()\` can never be true: no step comes before ${stepLabel(step)}`;
    report(tree.placeOf(path), message, 'add `needs:` with the steps whose failure it is about');
  }
  for (const found of parsed.references) {
    const complaint = complainOf(found, step, outline);
    if (complaint !== undefined) report(tree.placeOf(path, found.index), complaint.message, complaint.fix);
  }
  for (const { value, index } of parsed.outcomes) {
    const complaint = complainOfOutcome(value);
    if (complaint !== undefined) report(tree.placeOf(path, index), complaint.message, complaint.fix);
  }
}

function commandTexts(run: unknown): readonly (readonly [number | undefined, string])[] {
  if (typeof run === 'string') return [[undefined, run]];
  if (!Array.isArray(run)) return [];
  return run.flatMap((text: unknown, index) => (typeof text === 'string' ? [[index, text] as const] : []));
}

/** Templates of ours are refused; other tools have `{{ }}` of their own (`docker ps --format '{{.Names}}'`). */
function checkCommandText(text: string, path: Path, step: OutlineStep, outline: Outline): void {
  const { tree, report } = outline;
  for (const found of [...text.matchAll(/\{\{-?\s*(params|steps)\b/g)].slice(0, maxMistakes)) {
    const message = `a command cannot hold \`${bracesAt(text, found.index)}\``;
    report(tree.placeOf(path, found.index), message, instead(text, found.index, step, outline));
  }
  for (const found of [...text.matchAll(/STEPSPAN_(PARAM|OUTPUTS?|OUTCOME)_[A-Z0-9_]+/g)].slice(0, maxMistakes)) {
    const complaint = complainOfVariable(found[0], step, outline);
    // Only a warning: a script may build the name, or mean a variable of its own with this prefix.
    if (complaint !== undefined) outline.warn(tree.placeOf(path, found.index), complaint.message, complaint.fix);
  }
}

function bracesAt(text: string, index: number): string {
  const end = text.indexOf('}}', index);
  return shorten(text.slice(index, end === -1 ? index + 60 : Math.min(end + 2, index + 60)));
}

function instead(text: string, index: number, step: OutlineStep, outline: Outline): string {
  const parsed = parseTemplateOperand(text, index + 2);
  const path = parsed.ok && parsed.operand.kind === 'reference' ? parsed.operand.path : [];
  const complaint = path.length > 1 ? complainOf({ path, index }, step, outline) : undefined;
  if (complaint !== undefined) return `${complaint.message}; ${complaint.fix}`;
  const [root, name = 'NAME', field, ...inside] = path;
  if (root === 'steps' && field === 'outputs') return `write \`"$${namedOutputVariable(name, inside[0] ?? 'NAME')}"\``;
  const variable =
    root === 'steps' ? (field === 'outcome' ? outcomeVariable(name) : outputVariable(name)) : paramVariable(name);
  if (inside.length > 0) return `write \`$(printf %s "$${variable}" | jq -r .${inside.join('.')})\``;
  const shell = Array.isArray(step.raw.run) ? ', and the command as one text, so that a shell puts the value in' : '';
  return `write \`"$${variable}"\`${shell}`;
}

/** A misspelt variable is an empty text to a shell, so it is reported here. */
function complainOfVariable(variable: string, step: OutlineStep, outline: Outline): Complaint | undefined {
  const params = [...outline.params.keys()];
  const byVariable = new Map(
    [...outline.byId.keys()].flatMap((id) => [
      [outputVariable(id), id],
      [outcomeVariable(id), id],
    ]),
  );
  if (params.some((name) => paramVariable(name) === variable)) return undefined;
  const id = byVariable.get(variable);
  if (id !== undefined) return complainOfOrder(id, step, outline);
  // Which names a step returns is known when it has ended, so only the step is looked at.
  const givers = [...outline.byId.keys()].filter((each) => variable.startsWith(namedOutputPrefix(each)));
  const orders = givers.map((each) => complainOfOrder(each, step, outline));
  if (givers.length > 0) return orders.some((order) => order === undefined) ? undefined : orders[0];
  const known = [...params.map(paramVariable), ...byVariable.keys()];
  return { message: `nothing sets ${variable}`, fix: didYouMean(variable, known, 'set are') };
}
