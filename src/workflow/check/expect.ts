// Checks inside `expect` of a step: globs, the pattern, the schema, and what a step of its kind can meet.
import { toError } from '../../core/errors.ts';
import { readGlob } from '../glob.ts';
import { compileSchema } from '../json-schema-check.ts';
import type { Path } from '../problem.ts';
import { isMapping, shorten } from '../source/tree.ts';
import { type Outline, type OutlineStep, stepLabel } from './outline.ts';

/** Reports what could never be checked, or never be met, when the step has ended. */
export function checkExpect(outline: Outline): void {
  for (const step of outline.steps) {
    const { expect } = step.raw;
    if (!isMapping(expect)) continue;
    const path = [...step.path, 'expect'];
    if (Object.keys(expect).length === 0) {
      const fix = 'write what to expect, such as `command: npm test`, or remove the key';
      outline.report(outline.tree.placeOfKey(path), '`expect` is empty', fix);
    }
    for (const key of ['changed', 'unchanged'] as const) checkGlobs(expect[key], [...path, key], outline);
    checkPattern(expect.output, [...path, 'output'], outline);
    checkJsonSchema(expect.schema, [...path, 'schema'], outline);
    checkKind(expect, path, step, outline);
  }
}

function checkGlobs(written: unknown, path: Path, { tree, report }: Outline): void {
  const list: readonly unknown[] = Array.isArray(written) ? written : [written];
  list.forEach((text, index) => {
    if (typeof text !== 'string') return;
    const place = tree.placeOf(Array.isArray(written) ? [...path, index] : path);
    const read = readGlob(text.replace(/^!/, ''));
    if (!read.ok) report(place, `the glob \`${shorten(text)}\` ${read.message}`, 'write one such as `src/**/*.ts`');
  });
  const globs = list.filter((text) => typeof text === 'string');
  if (globs.length > 0 && globs.every((text) => text.startsWith('!'))) {
    report(tree.placeOf(path), `\`${String(path.at(-1))}\` only leaves out`, 'add a glob without `!`, such as `**`');
  }
}

function checkPattern(pattern: unknown, path: Path, { tree, report }: Outline): void {
  if (typeof pattern !== 'string') return;
  try {
    new RegExp(pattern, 'm');
  } catch (error) {
    const why = toError(error).message.replace(/^Invalid regular expression: /, '');
    const fix = 'write a regular expression of JavaScript, such as `^0 errors`; `\\` takes a character as it is';
    report(tree.placeOf(path), `\`output\` is not a regular expression: ${why}`, fix);
  }
}

function checkJsonSchema(schema: unknown, path: Path, { tree, report }: Outline): void {
  if (!isMapping(schema)) return;
  const check = compileSchema(schema);
  if (!check.ok) {
    const fix = 'write a JSON Schema such as `{type: object, required: [verdict]}`';
    report(tree.placeOfKey(path), `\`schema\` is not a JSON Schema: ${check.message}`, fix);
  }
}

function checkKind(expect: Readonly<Record<string, unknown>>, path: Path, step: OutlineStep, outline: Outline): void {
  const { tree, report } = outline;
  if (expect.noDenials !== undefined && !Object.hasOwn(step.raw, 'claude')) {
    report(tree.placeOfKey([...path, 'noDenials']), '`noDenials` is for steps with `claude`', 'remove it');
  }
  if (expect.changed !== undefined && step.raw.readOnly === true) {
    const message = `${stepLabel(step)} is \`readOnly\`, but is expected to change files`;
    report(tree.placeOfKey([...path, 'changed']), message, 'remove `readOnly`, or `changed`');
  }
}
