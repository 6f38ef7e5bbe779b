// What in a value of `env` looks as if a shell would read it: nothing expands `$NAME` and `~` there, so they are refused
// before a program gets them as they are.
import type { Path } from '../problem.ts';
import { isMapping } from '../source/tree.ts';
import { parseTemplate } from '../template.ts';
import type { Outline, OutlineStep } from './outline.ts';
import type { Complaint } from './references.ts';

/** Capitals, as variables of an environment have: `$name` and `$1` are common in other languages. */
const variable = /(?<![$\\])\$(?:([A-Z_][A-Z0-9_]*)|\{([A-Z_][A-Z0-9_]*)\})/g;
/** At the start of a path, or of one in a list of paths as PATH is one. */
const home = /(?:^|:)~(?=\/|$|:)/g;

/** @param step the step that has the `env`; undefined for that of the workflow */
export function checkEnvValue(value: unknown, path: Path, step: OutlineStep | undefined, outline: Outline): void {
  if (typeof value !== 'string') return;
  const { tree, report } = outline;
  // Texts in quotes inside braces are how somebody says that a `$` is meant as it is.
  let masked = value;
  for (const { start, end } of bracesIn(value)) {
    masked = masked.slice(0, start) + ' '.repeat(end - start) + masked.slice(end);
  }
  for (const found of masked.matchAll(variable)) {
    const { message, fix } = complainOfVariable(found[0], found[1] ?? found[2] ?? '', step, outline);
    report(tree.placeOf(path, found.index), message, fix);
  }
  for (const found of masked.matchAll(home)) {
    const fix = "write `{{ env.HOME }}` in place of `~`; for the character itself, write `{{ '~' }}`";
    report(tree.placeOf(path, found.index + found[0].length - 1), '`~` is not expanded in `env`', fix);
  }
}

function complainOfVariable(text: string, name: string, step: OutlineStep | undefined, { root }: Outline): Complaint {
  const message = `\`${text}\` is not expanded in \`env\``;
  const asItIs = `for the text itself, write \`{{ '${text}' }}\``;
  if (name.startsWith('STEPSPAN_')) {
    return { message, fix: `write \`{{ params.NAME }}\` or \`{{ steps.ID.output }}\`; ${asItIs}` };
  }
  // One that refers to itself, as `PATH: "/x:$PATH"`, means the one that stepspan has.
  const isOwn = [root.env, step?.raw.env].some((env) => isMapping(env) && Object.hasOwn(env, name));
  const isSelf = isOwn && valueNames(root.env, step).get(name)?.includes(text) === true;
  if (isOwn && !isSelf) {
    return { message, fix: `write its value: variables of \`env\` do not see one another; ${asItIs}` };
  }
  return { message, fix: `write \`{{ env.${name} }}\` for the value that stepspan has; ${asItIs}` };
}

function valueNames(rootEnv: unknown, step: OutlineStep | undefined): ReadonlyMap<string, string> {
  const all = [rootEnv, step?.raw.env].flatMap((env) => (isMapping(env) ? Object.entries(env) : []));
  return new Map(all.map(([name, value]) => [name, String(value)]));
}

function bracesIn(text: string): readonly { readonly start: number; readonly end: number }[] {
  // Texts are what lies between the braces, in order, so that the braces are what lies between the texts.
  const found: { start: number; end: number }[] = [];
  let at = 0;
  for (const part of parseTemplate(text).parts) {
    if (part.kind === 'value') {
      const open = text.indexOf('{{', at);
      const close = text.indexOf('}}', part.index);
      if (open === -1 || close === -1) break;
      found.push({ start: open, end: close + 2 });
      at = close + 2;
    }
  }
  return found;
}
